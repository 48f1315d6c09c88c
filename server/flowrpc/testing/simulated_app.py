"""SimulatedApp: an app in the process of its test, with a manual clock and works that the test plays."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from flowrpc.flow_service.events import (
    CancelRequested,
    CommandCalled,
    StopRequested,
    StreamClosed,
    StreamOpened,
    UpdateRequested,
)
from flowrpc.state import Change, Set, Value, copy_value
from flowrpc.store.memory import MemoryStore
from flowrpc.testing.app_view import AppView
from flowrpc.testing.clock import BEGIN, Clock
from flowrpc.testing.errors import AppFailed, SimulationError
from flowrpc.testing.fake_work import FakeWorks
from flowrpc.testing.history import History
from flowrpc.testing.life import Life
from flowrpc.testing.root_source import Given, RootSource
from flowrpc.testing.work_runs import run_works

if TYPE_CHECKING:
    from flowrpc_client.errors import CommandFailed

MAX_PASSES = 1_000
_SHOWN = 10


class SimulatedApp(AppView):
    """Runs an app here and now: the core that serves real apps, on a clock that only the test sets.

    Passes are run by `step`, `settle`, `advance` and `run_works` alone. Works are not executed: the test says through
    `works` what their runs do, or executes them with `run_works`. Whatever is asked of the app is durable afterwards.

    Every method that runs user code raises `AppFailed` if the app fails by it.

    Args:
        root: A root flow, a work or a `LightningApp`; or a function that builds one, such as the root's class.
        begin: The time at which the app begins.
        max_passes: How many passes `settle` runs before it takes the flow for one that never settles.

    Raises:
        TypeError: The root cannot be run.
        SimulationError: The root is in another app already.
        ComponentError: The app cannot begin, for example because two flows have a command of the same name.
    """

    def __init__(self, root: Given, *, begin: datetime = BEGIN, max_passes: int = MAX_PASSES) -> None:
        self._source = RootSource(root)
        self._clock = Clock(begin)
        self._max_passes = max_passes
        self._store = MemoryStore()
        self._history = History()
        self._streams = itertools.count(1)
        self._begin()

    def _begin(self) -> None:
        self.life = Life(self._source.take(), self._store, self._clock, self._history)

    def __repr__(self) -> str:
        ended = self.ended
        how = f"{ended.stage.value}: {ended.message}" if ended else f"revision {self.revision}"
        return f"<SimulatedApp {type(self.root).__name__}, {how}>"

    # Passes and works

    @property
    def works(self) -> FakeWorks:
        """The works by full name, to play what their runs do: `app.works["root.train"].succeed()`."""
        return FakeWorks(self)

    def step(self, *, commit: bool = True) -> bool:
        """Runs one pass, if anything changed since the last one; tells whether it did.

        Args:
            commit: Whether what it changed becomes durable at once, and goes to works. Otherwise it does with the next
                thing that is asked of the app, and `crash` takes it back.

        Raises:
            SimulationError: The app has ended.
            AppFailed: The app failed in this pass.
        """
        self.check_running("no pass can be run")
        self.life.take_assignments()
        self.life.tick()
        if not self.life.core.wants_pass:
            self.life.commit()
            return False
        self.life.run_pass(commit=commit)
        self._check_failed()
        return True

    def settle(self) -> int:
        """Runs passes until nothing changes any more, or the app ends; returns how many.

        Raises:
            SimulationError: The app has ended before, or the flow never settles.
            AppFailed: The app failed.
        """
        self.check_running("no pass can be run")
        for passes in range(self._max_passes):
            if self.ended is not None or not self.step():
                return passes
        if not self.life.core.wants_pass:
            return self._max_passes
        names = self._history.unsettled(_SHOWN)
        shown = ", ".join(names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")
        raise SimulationError(
            f"the flow has not settled after {self._max_passes:,} passes: each one changes {shown}; "
            "run such a flow with step(), or let it change state only when there is a reason"
        )

    def run_works(self, *works: str, isolated: bool = False, timeout: float = 60.0) -> int:
        """Executes the runs that are pending, and those that the flow asks for then, until it settles.

        The real `run` methods are executed one after the other, and the flow sees what they changed afterwards. Pauses
        before another attempt pass on the app's clock. Runs that the test began to play stay its own.

        Args:
            works: Names of the works to execute, by default all.
            isolated: Whether each work gets a process of its own, as in a served app, rather than this one.
            timeout: How many real seconds an isolated attempt may take.

        Returns:
            How many attempts were executed.

        Raises:
            SimulationError: There is no such work, the flow never stops calling works, or an attempt takes too long.
            AppFailed: The app failed, for example because a run did.
        """
        for name in works:
            _ = self.works[name]
        return run_works(self, self._source, works, isolated=isolated, timeout=timeout)

    # Time

    def advance(self, by: timedelta | None = None, *, settle: bool = True, **units: float) -> None:
        """Sets the clock forward: `advance(hours=1)`. Schedules fire, timeouts and pauses pass, each at its time.

        Args:
            by: How far, if not in `units`.
            settle: Whether the flow settles before, and whenever something is due. Otherwise no pass is run, as if one
                had taken so long.
            units: As `timedelta` takes them: days, hours, minutes, seconds.

        Raises:
            SimulationError: That would be backwards, the app has ended, or the flow never settles.
            AppFailed: The app failed meanwhile.
        """
        if (by is None) == (not units):
            raise SimulationError("say how far to advance: advance(hours=1), or advance(timedelta(hours=1))")
        self.advance_to(self.now + (by if by is not None else timedelta(**units)), settle=settle)

    def advance_to(self, time: datetime, *, settle: bool = True) -> None:
        """Sets the clock forward to a time, as `advance` does."""
        self.check_running("time cannot pass")
        self._clock.check(time)
        if settle:
            self.settle()
        while (due := self._next_due(time)) is not None and self.ended is None:
            self._pass_time(due, settle=settle)
        if self.ended is None and self.now < time:
            self._pass_time(time, settle=settle)

    def next_due(self) -> datetime | None:
        """Returns when the app has something to do by itself: a schedule, a timeout or a pause; None if never."""
        deadline = self.life.core.deadline(max_wait=float("inf"))  # nobody else sets this clock
        return None if deadline is None else self._clock.time_of(deadline)

    def _next_due(self, end: datetime) -> datetime | None:
        due = self.next_due()
        return due if due is not None and due <= end else None

    def _pass_time(self, time: datetime, *, settle: bool) -> None:
        self._clock.set(time)
        self.life.tick()
        if self.life.core.must_seal(self._clock.now):
            self.life.commit()
        if settle and self.life.core.wants_pass:
            self.settle()

    # Clients

    def call(self, command: str, /, **arguments: Value) -> Any:
        """Calls a command as a client does, and returns its result.

        Raises:
            CallError: The call is refused: no such command, or arguments that do not fit.
            flowrpc_client.CommandFailed: The command raised; what it changed was undone.
            SimulationError: The app has ended.
        """
        from flowrpc_client.errors import CommandFailed

        self.check_running(f"{command} cannot be called")
        values = {name: copy_value(value, f"{command} argument {name}") for name, value in arguments.items()}
        outcome = self.life.ask(lambda i: CommandCalled(call_id=i, command=command, arguments=values))
        self._check_failed()
        if outcome.failure is not None:
            raise CommandFailed(command, outcome.failure)
        return outcome.result

    def stream(self, command: str, /, **arguments: Value) -> Iterator[Value]:
        """Calls a command that streams as a client does, and yields its items; a step is made when one is asked for.

        Closing the iterator closes the command.

        Raises:
            CallError: The call is refused, or something else than the command ended it.
            flowrpc_client.CommandFailed: The command raised; what it changed after its last item was undone.
            SimulationError: The app has ended.
        """
        from flowrpc_client.errors import CommandFailed

        self.check_running(f"{command} cannot be called")
        values = {name: copy_value(value, f"{command} argument {name}") for name, value in arguments.items()}
        life, number = self.life, next(self._streams)
        life.ask(
            lambda i: StreamOpened(call_id=i, stream=number, command=command, arguments=values, wanted=0)
        )
        return self._items(life, number, command, CommandFailed)

    def _items(self, life: Life, number: int, command: str, failed: type[CommandFailed]) -> Iterator[Value]:
        try:
            while (item := life.next_item(number)) is not None:
                self._check_failed()
                if item.failure is not None:
                    raise failed(command, item.failure)
                yield item.value
        finally:
            if self.life is life:
                life.receive(StreamClosed(stream=number))

    def update(
        self,
        component: str,
        changes: Mapping[str, Value] | Iterable[Change] = (),
        /,
        *,
        expected_revision: int | None = None,
        **vars: Value,
    ) -> int:
        """Changes vars from outside as a client does, all or none; returns the revision that holds it.

        Args:
            component: Full name.
            changes: Vars with their new values, or changes of places inside them.
            expected_revision: Refuse if the component changed after this revision.
            vars: Vars with their new values.

        Raises:
            CallError: It is refused.
            SimulationError: The app has ended.
        """
        self.check_running(f"{component} cannot be updated")
        if isinstance(changes, Mapping):
            vars, changes = {**changes, **vars}, ()
        sets = (Set((name,), copy_value(value, f"{component}.{name}")) for name, value in vars.items())
        every = (*changes, *sets)
        answer = self.life.ask(
            lambda i: UpdateRequested(
                call_id=i, component=component, changes=every, expected_revision=expected_revision
            )
        )
        return int(answer.revision)

    def cancel(self, run_id: str) -> int:
        """Cancels a run as a client does; returns the revision of the request.

        Raises:
            CallError: There is no such run, or it has ended.
        """
        self.check_running(f"run {run_id} cannot be cancelled")
        return int(
            self.life.ask(lambda i: CancelRequested(call_id=i, run_id=run_id, grace=timedelta(seconds=5)))
        )

    # Lives

    def stop(self, message: str = "") -> None:
        """Stops the app as `flowctl stop` does."""
        self.check_running("it cannot be stopped")
        self.life.receive(StopRequested(message=message))

    def restart(self, root: Given | None = None, *, down_for: timedelta = timedelta(0)) -> None:
        """Stops the app, if it has not ended, and begins its next life on what is durable.

        Args:
            root: What to begin it with: a newer version of the code; by default what there was.
            down_for: How long nothing runs between the lives.
        """
        if self.ended is None:
            self.stop()
        self._begin_next(root, down_for)

    def crash(self, root: Given | None = None, *, down_for: timedelta = timedelta(0)) -> None:
        """Ends the app as `kill -9` does and begins its next life: what was not committed is gone.

        Args:
            root: What to begin it with, by default what there was.
            down_for: How long nothing runs between the lives.
        """
        self._begin_next(root, down_for)

    def lose_works(self) -> None:
        """Lets the process that executes the works die: runs that began are pending again, with the vars of before."""
        self.check_running("its works cannot be lost")
        self.life.lose_agent()

    def _begin_next(self, root: Given | None, down_for: timedelta) -> None:
        after = self.now + down_for
        self._clock.check(after)
        source = RootSource(root) if root is not None else self._source
        self.life.end()
        self._clock.set(after)
        self._source = source
        self._begin()

    # Ends

    def check_running(self, refused: str) -> None:
        """Refuses what a test asks of an app that has ended.

        Raises:
            SimulationError: It has.
        """
        if self.ended is not None:
            how = f"{self.ended.stage.value}: {self.ended.message}".rstrip(": ")
            raise SimulationError(f"{refused}: the app has ended ({how}); restart() begins its next life")

    def _check_failed(self) -> None:
        ended = self.ended
        if ended is None or ended.exit_code == 0:
            return
        if ended.failure is not None and ended.failure.type == "KeyboardInterrupt":
            raise KeyboardInterrupt  # the developer's, not the app's
        raise AppFailed(ended)
