"""Starting runners: by a zygote where there is one, otherwise as fresh processes."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from itertools import count
from pathlib import Path

from flowrpc.errors import StartError
from flowrpc.work_service.child import Adopted, Child, reap_strangers, spawn_runner
from flowrpc.work_service.guard import Guard
from flowrpc.work_service.launch_protocol import Answer, Forked, NotForked, Order, Ready
from flowrpc.work_service.parent import adopt_orphans
from flowrpc.work_service.zygote_process import ZygoteProcess

logger = logging.getLogger(__name__)

VARIABLE = "FLOWRPC_RUNNERS"
"""The variable of the environment that says how runners start."""

PATIENCE_SECONDS = 10.0
"""How long a zygote may take for a runner; then that one is started afresh."""

MAX_IDLE_DEATHS = 3
"""How many zygotes may end one after another without a runner to show; then there will be no more."""


class Start(Enum):
    """How runners start."""

    PRELOAD = "preload"
    """Forked of a process that has imported the app, if that is fit for it."""
    FORK = "fork"
    """Forked of a process that has not."""
    SPAWN = "spawn"
    """As fresh processes, as they do anyway where the system cannot do better."""


@dataclass(slots=True, eq=False)
class Launch:
    """A runner that is being started.

    Args:
        on_child: Takes the process.
        on_error: Hears why there will be none.
        open_ends: Opens what the process is to have and nobody had: socket, standard output, standard error.
    """

    arguments: Sequence[str]
    on_child: Callable[[Child], None]
    on_error: Callable[[OSError], None]
    open_ends: Callable[[], tuple[int, int, int]]
    wanted: bool = True
    timer: asyncio.TimerHandle | None = field(default=None, init=False)


def start_from(text: str | None) -> Start:
    """Reads how runners start.

    Raises:
        StartError: It is no such way.
    """
    try:
        return Start(text or Start.PRELOAD.value)
    except ValueError:
        ways = ", ".join(way.value for way in Start)
        raise StartError(
            f"{VARIABLE}={text}: there is no such way to start runners; use one of {ways}"
        ) from None


class Launcher:
    """Starts runners of one app. An order that a zygote does not fulfil is given to another, with fresh ends.

    What a runner is told goes to its socket once its process is known; so one that was forked for an order that was
    taken back finds its socket closed, and ends without having executed anything.

    Args:
        app_file: The file that holds the app.
        guard: Kills what was started if the agent cannot.
        start: How runners start.
    """

    def __init__(self, app_file: Path, guard: Guard, start: Start) -> None:
        self._app_file, self._guard, self._start = app_file, guard, start
        self._numbers = count(1)
        self._waiting: dict[int, Launch] = {}
        self._taken_back: set[int] = set()
        self._zygote: ZygoteProcess | None = None
        self._ready = False
        self._idle_deaths = 0
        self._reason = ""
        self._known: dict[int, Child] = {}

    def open(self) -> None:
        """Starts the zygote, if there is to be one."""
        if self._start is not Start.SPAWN and not _can_adopt():
            self._start = Start.SPAWN
        self._start_zygote()

    def close(self) -> None:
        """Kills the zygote; runners live on."""
        self._start = Start.SPAWN
        zygote, self._zygote = self._zygote, None
        if zygote is not None:
            zygote.close()
        for launch in self._waiting.values():
            _disarm(launch)
        self._waiting.clear()

    @property
    def zygote_pid(self) -> int | None:
        """Process id of the zygote; None while there is none."""
        return self._zygote.pid if self._zygote is not None else None

    def launch(self, launch: Launch) -> None:
        """Starts a runner; what it takes is told to the launch, at once or later."""
        try:
            if self._zygote is None or not self._ask(self._zygote, launch):
                self._spawn(launch)
        except OSError as error:
            launch.on_error(error)

    def take_back(self, launch: Launch) -> None:
        """Wants a runner no more, whose ends are closed."""
        launch.wanted = False
        _disarm(launch)

    def reap(self, child: Child) -> None:
        """Forgets a runner that was waited for, and waits for what it left."""
        self._known.pop(child.pid, None)
        self._reap_strangers()

    # The zygote

    def _start_zygote(self) -> None:
        if self._start is Start.SPAWN or self._zygote is not None:
            return
        try:
            self._zygote = ZygoteProcess(
                self._app_file,
                self._guard,
                self._on_answer,
                self._on_end,
                preload=self._start is Start.PRELOAD,
            )
        except OSError as error:
            self._give_up(str(error))

    def _ask(self, zygote: ZygoteProcess, launch: Launch) -> bool:
        number, ends = next(self._numbers), launch.open_ends()
        adopt_orphans(adopting=True)
        try:
            zygote.ask(Order(number=number, arguments=tuple(launch.arguments)), ends)
        except OSError:
            self._adopt_no_more()
            return False
        finally:
            _close(ends)
        self._waiting[number] = launch
        launch.timer = asyncio.get_running_loop().call_later(PATIENCE_SECONDS, self._lose_patience, number)
        return True

    def _lose_patience(self, number: int) -> None:
        """Takes an order back, and kills a zygote that had nothing else to do; one that imports the app goes on."""
        launch = self._waiting.pop(number)
        self._taken_back.add(number)
        try:
            self._spawn(launch)
        except OSError as error:
            launch.on_error(error)
        if self._ready and self._zygote is not None:
            logger.warning("the zygote of the runners does not answer and is killed")
            self._zygote.kill()

    def _on_answer(self, answer: Answer) -> None:
        if isinstance(answer, Ready):
            self._ready = True
            self._note(answer.reason)
            return
        launch = self._waiting.pop(answer.number, None)
        self._taken_back.discard(answer.number)
        if launch is not None:
            _disarm(launch)
        if isinstance(answer, NotForked):
            if launch is not None and launch.wanted:
                launch.on_error(OSError(answer.message))
        else:
            self._take_child(answer, launch)
        self._adopt_no_more()

    def _take_child(self, forked: Forked, launch: Launch | None) -> None:
        self._idle_deaths = 0
        if launch is None or not launch.wanted:
            return  # its socket is closed, so it ends, and is one of the strangers
        child = self._known[forked.process_id] = Adopted(forked.process_id)
        launch.on_child(child)

    def _on_end(self) -> None:
        """Gives what the zygote left undone to another."""
        self._zygote, self._ready = None, False
        waiting, self._waiting = list(self._waiting.values()), {}
        self._taken_back.clear()
        self._adopt_no_more()
        self._idle_deaths += 1
        if self._idle_deaths >= MAX_IDLE_DEATHS:
            self._give_up(f"{MAX_IDLE_DEATHS} processes to fork from ended one after another")
        self._start_zygote()
        for launch in waiting:
            _disarm(launch)
            if launch.wanted:
                self.launch(launch)

    def _give_up(self, message: str) -> None:
        logger.warning("runners are started afresh from now on, which takes longer: %s", message)
        self._start = Start.SPAWN

    def _note(self, reason: str) -> None:
        if reason and reason != self._reason:
            logger.warning(
                "%s is imported anew in each runner, and not ahead: %s", self._app_file.name, reason
            )
        self._reason = reason

    # Processes

    def _spawn(self, launch: Launch) -> None:
        if not launch.wanted:
            return
        ends = launch.open_ends()
        try:
            child = spawn_runner(launch.arguments, ends)
        finally:
            _close(ends)
        self._known[child.pid] = child
        launch.on_child(child)

    def _adopt_no_more(self) -> None:
        if not self._waiting and not self._taken_back:
            adopt_orphans(adopting=False)
        self._reap_strangers()

    def _reap_strangers(self) -> None:
        known = {*self._known, self._guard.pid}
        if self._zygote is not None:
            known.add(self._zygote.pid)
        reap_strangers(known)


def _can_adopt() -> bool:
    can = hasattr(os, "pidfd_open") and hasattr(os, "memfd_create") and adopt_orphans(adopting=True)
    adopt_orphans(adopting=False)
    return can


def _disarm(launch: Launch) -> None:
    if launch.timer is not None:
        launch.timer.cancel()
        launch.timer = None


def _close(ends: Sequence[int]) -> None:
    for end in ends:
        with suppress(OSError):
            os.close(end)
