"""Works as a test plays them: what an execution would do, without executing anything."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from flowrpc.component.work import LightningWork
from flowrpc.protocol.messages import Serving
from flowrpc.state import Set, Value, copy_value
from flowrpc.state.records import Failure, FailureReason, Run, RunStatus
from flowrpc.testing.errors import SimulationError, unknown
from flowrpc.testing.simulated_agent import HeldRun
from flowrpc.work_service.failures import process_failure

if TYPE_CHECKING:
    from flowrpc.testing.simulated_app import SimulatedApp


class FakeWork:
    """Plays the run that a work was asked for: begins it, changes vars as the work would, and ends it.

    What it does is durable at once, and runs no pass: the flow sees it in the next one.
    """

    def __init__(self, app: SimulatedApp, name: str) -> None:
        """Takes the app and the full name of the work."""
        self._app = app
        self.name = name
        """Full name of the work."""

    def __repr__(self) -> str:
        return f"<FakeWork {self.name}: {self.status}>"

    @property
    def work(self) -> LightningWork:
        """The work, as the flow has it."""
        work = self._app.find(self.name)
        assert isinstance(work, LightningWork), "names of works are checked"
        return work

    @property
    def status(self) -> str:
        """What the work is doing: not_started, pending, running, succeeded, failed or stopped."""
        return self.work.status.stage

    @property
    def run(self) -> Run | None:
        """The newest run that is durable; None if the work was never called."""
        runs = self._app.runs(self.name)
        return runs[-1] if runs else None

    @property
    def vars(self) -> dict[str, Value]:
        """The vars as the execution sees them: as when it began, with its own and the flow's changes since."""
        return copy_vars(self._held("have vars").start.vars)

    # What an execution does

    def start(self) -> Self:
        """Begins: the status of the work is running."""
        self._app.life.agent.accept(self._held("start"))
        return self._say()

    def set(self, **vars: Value) -> Self:
        """Sets vars as the work would, in the order given.

        Raises:
            SimulationError: The work has no such var, or no run.
            InvalidValueError: A value cannot be state.
        """
        held = self._held("set vars")
        changes = tuple(self._change(name, value) for name, value in vars.items())
        self._app.life.agent.change(held, changes)
        return self._say()

    def serve(self, url: str = "http://127.0.0.1:8080") -> Self:
        """Serves at a URL, as a work does whose port accepts connections; at none if it is empty."""
        self._held("serve")
        port = urlsplit(url).port or 0
        self._app.life.agent.serve(Serving(work=self.name, port=port, url=url))
        return self._say()

    def succeed(self) -> Self:
        """Ends the run: it succeeded."""
        return self._finish("succeed", None)

    def fail(self, error: str | BaseException = "it failed", /, *, type: str = "RuntimeError") -> Self:
        """Ends the attempt: `run` raised.

        Args:
            error: What it raised, or the message of it.
            type: The class of the exception, if only its message is given: `ValueError`, `shop.errors.SoldOut`.
        """
        return self._finish("fail", _raised(error, type))

    def kill(self, number: int = signal.SIGKILL) -> Self:
        """Ends the attempt: a signal ended the process."""
        return self._finish("be killed", process_failure(-signal.Signals(number)))

    def cancel(self) -> Self:
        """Cancels the run as a client would: it has ended, as a work that does not resist."""
        self._app.cancel(self._current("be cancelled").run_id)
        return self

    def time_out(self) -> Self:
        """Sets the clock forward to where the attempt takes longer than the work's `timeout`, and so is cancelled.

        Raises:
            SimulationError: The work has no timeout, or no run.
        """
        held = self._held("time out")
        timeout = self.work._timeout
        if timeout is None:
            raise SimulationError(
                f"{self.name} has no timeout: it may take for ever; give its constructor timeout=timedelta(…)"
            )
        if not held.accepted:
            self.start()
        run = self._current("time out")
        assert run.started_at is not None, "it was started"
        # Only the clock moves: passes are the test's, as with every other end.
        self._app.advance(max(run.started_at + timeout - self._app.now, timedelta(0)), settle=False)
        return self

    # Inside

    def _finish(self, action: str, failure: Failure | None) -> Self:
        self._app.life.agent.finish(self._held(action), failure)
        return self._say()

    def _say(self) -> Self:
        self._app.life.say()
        return self

    def _held(self, action: str) -> HeldRun:
        """Returns the attempt that the flow asked for and that has not ended.

        Raises:
            SimulationError: There is none.
        """
        run = self._current(action)
        held = self._app.life.agent.held.get(self.name)
        if held is None:
            raise SimulationError(
                f"{self.name} cannot {action} now: attempt {run.attempt} of its run has failed, and the next one "
                "begins after a pause; set the clock forward with app.advance(…)"
            )
        return held

    def _current(self, action: str) -> Run:
        self._app.check_running(f"{self.name} cannot {action}")
        self._app.life.commit()
        run = self.run
        if run is None:
            raise SimulationError(
                f"{self.name} cannot {action}: nobody has called it; a flow calls {self.name}.run(…) in a pass, and "
                "app.step() or app.settle() run passes"
            )
        unfinished = [run for run in self._app.runs(self.name) if not run.status.terminal]
        if not unfinished:
            raise SimulationError(
                f"{self.name} cannot {action}: its newest run has ended already, it {_ENDED[run.status]}; "
                "the flow has to call it again, with other arguments if it caches calls"
            )
        return unfinished[0]

    def _change(self, name: str, value: Value) -> Set:
        names = [known for known in self.work._var_names if not known.startswith("_")]
        if name not in names:
            raise unknown("var", f"{self.name}.{name}", (f"{self.name}.{known}" for known in names))
        return Set((name,), copy_value(value, f"{self.name}.{name}"))


_ENDED = {
    RunStatus.SUCCEEDED: "succeeded",
    RunStatus.FAILED: "failed",
    RunStatus.CANCELLED: "was cancelled",
}


class FakeWorks(Mapping[str, FakeWork]):
    """The works of an app by full name, those that are there now."""

    def __init__(self, app: SimulatedApp) -> None:
        """Takes the app."""
        self._app = app

    def __getitem__(self, name: str) -> FakeWork:
        """Returns a work.

        Raises:
            SimulationError: There is none of that name.
        """
        names = list(self)
        if name not in names:
            raise unknown("work", name, names)
        return FakeWork(self._app, name)

    def __iter__(self) -> Iterator[str]:
        return iter([name for name, _ in self._app.root.named_works()])

    def __len__(self) -> int:
        return len(self._app.root.works())

    def __contains__(self, name: object) -> bool:
        return name in list(self)


def copy_vars(vars: dict[str, Value]) -> dict[str, Value]:
    """Copies vars, so that nobody can change what is held."""
    return {name: copy_value(value, name) for name, value in vars.items() if not name.startswith("_")}


def _raised(error: Any, type_name: str) -> Failure:
    if isinstance(error, BaseException):
        from flowrpc.component.failures import failure_of

        return failure_of(error)
    return Failure(reason=FailureReason.EXCEPTION, type=type_name, message=error or type_name)
