"""Works that are really executed, here or in processes of their own."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

from flowrpc import LightningFlow, LightningWork, List, Retry


class Job(LightningWork):
    def __init__(self, **options: Any) -> None:
        super().__init__(**{"parallel": True, **options})
        self.items: list[int] = []
        self.pid = 0
        self.count = 0

    def run(self, what: str = "count", number: int = 3) -> Any:
        self.pid = os.getpid()
        for item in range(number):
            self.items.append(item)
            self.count += 1
        return getattr(self, f"do_{what}")()

    def do_count(self) -> None:
        logging.getLogger("jobs").warning("counted %d", self.count)

    def do_raise(self) -> None:
        raise ValueError("boom")

    def do_raise_once(self) -> None:
        if self.attempt == 1:
            raise ValueError("once")

    def do_return(self) -> int:
        return 5

    def do_exit(self) -> None:
        sys.exit(3)

    def do_crash(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def do_leave(self) -> None:
        os._exit(4)

    def do_hang(self) -> None:
        time.sleep(600)

    def do_resist(self) -> None:
        while True:
            try:
                time.sleep(600)
            except BaseException:  # noqa: BLE001
                continue

    def do_thread(self) -> None:
        errors: list[BaseException] = []

        def change() -> None:
            try:
                self.count = 1
            except Exception as error:  # noqa: BLE001
                errors.append(error)

        thread = threading.Thread(target=change)
        thread.start()
        thread.join()
        raise errors[0]

    def do_remember(self) -> None:
        self._calls = getattr(self, "_calls", 0) + 1
        self.count = self._calls


class Jobs(LightningFlow):
    """Calls a work as it is told."""

    def __init__(self, **options: Any) -> None:
        self.job = Job(**options)
        self.wanted: list[str] = []

    def run(self) -> None:
        for what in self.wanted:
            self.job.run(what)


class Pipeline(LightningFlow):
    """A second work gets what the first one made; blocking, so one line after the other."""

    def __init__(self) -> None:
        self.first = Job(parallel=False)
        self.second = Job(parallel=False)
        self.more = List()
        self.total = 0

    def run(self) -> None:
        self.first.run(number=2)
        self.second.run(number=self.first.count + 2)
        if not self.more:
            self.more.append(Job(parallel=False))
        self.more[0].run(number=1)
        self.total = self.first.count + self.second.count + self.more[0].count


class Unbuildable(LightningWork):
    """Cannot be built twice."""

    def __init__(self, mark: str) -> None:
        super().__init__(parallel=True)
        self.mark = mark
        if Path(mark).exists():
            raise OSError("the mark is there already")

    def run(self) -> None:
        pass


class Holding(LightningFlow):
    def __init__(self, mark: str) -> None:
        self.work = Unbuildable(mark)

    def run(self) -> None:
        self.work.run()


class Restless(LightningFlow):
    """Calls its work for ever."""

    def __init__(self) -> None:
        self.job = Job(cache_calls=False)

    def run(self) -> None:
        self.job.run(number=0)


class Twice(LightningFlow):
    """Runs its work two times."""

    def __init__(self) -> None:
        self.job = Job()

    def run(self) -> None:
        self.job.run("remember", number=1)
        self.job.run("remember", number=2)


HOUR = timedelta(hours=1)


class Stubborn(Job):
    """Is tried twice, an hour apart."""

    def __init__(self) -> None:
        super().__init__(retry=Retry(attempts=2, delay=HOUR, longest=HOUR))


class Hasty(Job):
    """May take half a second."""

    def __init__(self) -> None:
        super().__init__(timeout=timedelta(seconds=0.5), raise_exception=False)


def stubborn_jobs() -> Jobs:
    return Jobs(retry=Retry(attempts=2, delay=HOUR, longest=HOUR))


def hasty_jobs() -> Jobs:
    return Jobs(timeout=timedelta(seconds=0.5), raise_exception=False)
