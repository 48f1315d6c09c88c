"""The soak: an app is kept busy for long, and takes no more at the end than after a while."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from flowrpc.errors import CallError
from flowrpc.state.records import Run
from flowrpc.testing import run_app
from flowrpc.testing.app_process import AppProcess
from flowrpc_client import FlowClient

from tests.soak.app import WORKS
from tests.soak.usage import Usage, usage_of

APP = Path(__file__).with_name("app.py")
ROUND_CHANGES = 600
"""How many changes each work makes in one round."""
COMMANDS = 40
"""How many commands are called in one round, by four callers."""
WATCHERS = 4
"""How many watchers come and go in one round, beside one that stays."""
WAIT_SECONDS = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """What one process took after the warm-up, and what at the end."""

    before: Usage
    after: Usage

    @property
    def rss(self) -> float:
        """How much larger the resident memory is, as a share."""
        return self.after.rss_bytes / self.before.rss_bytes - 1

    def leaks(self, rss_bound: float) -> Iterator[str]:
        """Yields what grew that should not."""
        name = self.before.name
        if self.rss > rss_bound:
            yield f"{name}: resident memory grew by {self.rss:.1%}"
        for what in ("descriptors", "threads", "children"):
            before, after = getattr(self.before, what), getattr(self.after, what)
            if after > before:
                yield f"{name}: {before} {what} before, {after} after"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a soak."""

    changes: int
    revisions: int
    rounds: int
    seconds: float
    growths: tuple[Growth, ...]
    processes: tuple[str, ...]
    """Processes that came after the warm-up and did not go."""

    def leaks(self, rss_bound: float) -> list[str]:
        """Tells what grew that should not."""
        grown = [leak for growth in self.growths for leak in growth.leaks(rss_bound)]
        return grown + [f"{name} was left" for name in self.processes]


def soak(changes: int, *, warm_up: float = 0.6, tell: Callable[[str], None] = lambda line: None) -> Outcome:
    """Keeps an app busy until its works have made so many changes.

    Args:
        changes: How many.
        warm_up: After which share of them the processes are measured for the first time: what is kept of revisions
            and of the log, which has its bound, is to be full by then.
        tell: Takes a line now and then.
    """
    begin = time.monotonic()
    with run_app(APP, timeout=WAIT_SECONDS) as app, FlowClient(data_dir=app.data_dir, timeout=60.0) as client:
        rounds = _Rounds(app, client)
        rounds.run_until(changes * warm_up, tell)
        before = rounds.usage()
        rounds.run_until(changes, tell)
        after = rounds.usage()
        revision = client.app().revision
    return Outcome(
        changes=rounds.done,
        revisions=revision,
        rounds=rounds.count,
        seconds=time.monotonic() - begin,
        growths=tuple(Growth(before=before[name], after=after[name]) for name in before if name in after),
        processes=tuple(sorted(after.keys() - before.keys())),
    )


class _Rounds:
    """One thing after another that an app is asked for, again and again."""

    def __init__(self, app: AppProcess, client: FlowClient) -> None:
        self.done = 0
        self.count = 0
        self._app = app
        self._client = client

    def run_until(self, changes: float, tell: Callable[[str], None]) -> None:
        while self.done < changes:
            self._round()
            if self.count % 50 == 0:
                flow = usage_of(self._app.pid)["flow"]
                tell(f"{self.done:,} changes, {self.count} rounds, flow {flow.rss_bytes >> 10:,} KiB")

    def usage(self) -> dict[str, Usage]:
        """Measures when what the last round did is done with."""
        found = usage_of(self._app.pid)
        for _ in range(20):
            time.sleep(0.25)
            last, found = found, usage_of(self._app.pid)
            if [(u.name, u.descriptors, u.threads) for u in last.values()] == [
                (u.name, u.descriptors, u.threads) for u in found.values()
            ]:
                break
        return found

    def _round(self) -> None:
        self.count += 1
        self._client.call("go", changes=ROUND_CHANGES)
        with ThreadPoolExecutor(4) as callers:
            list(callers.map(self._bump, range(COMMANDS)))
            list(callers.map(self._watch, range(WATCHERS)))
        wanted = self.count * ROUND_CHANGES
        self._app.wait_for(
            lambda state: (
                all(state.vars(f"root.counter_{n}")["total"] == wanted for n in range(WORKS))
                and not [
                    run
                    for run in self._client.runs()
                    if run.work != "root.sleeper" and not run.status.terminal
                ]
            ),
            WAIT_SECONDS,
        )
        self.done = wanted * WORKS
        if self.count % 10 == 1:  # the first one too: its process stays
            self._cancel_one()

    def _bump(self, number: int) -> None:
        self._client.call("bump", text=f"{self.count}-{number}" * 10)

    def _watch(self, number: int) -> None:
        """Watches a little, by a connection of its own, and leaves in the middle."""
        with FlowClient(data_dir=self._app.data_dir, timeout=60.0) as client, client.watch() as updates:
            for _ in range(number + 1):
                next(iter(updates))
                self._bump(number)

    def _cancel_one(self) -> None:
        self._client.call("sleep")
        self._app.wait_for(
            lambda state: any(run.status.value == "running" for run in self._sleeps()), WAIT_SECONDS
        )
        for run in self._sleeps():
            if not run.status.terminal:
                try:
                    self._client.cancel(run.run_id, grace=timedelta(seconds=0.1))
                except CallError as error:
                    if error.reason != "RUN_ENDED":
                        raise
        self._app.wait_for(lambda state: all(run.status.terminal for run in self._sleeps()), WAIT_SECONDS)

    def _sleeps(self) -> list[Run]:
        return self._client.runs("root.sleeper")
