"""Executing a work in the process of the test."""

from __future__ import annotations

from collections.abc import Callable
from threading import get_ident
from typing import TYPE_CHECKING, Any

from flowrpc.component.building import builder_of, find, take_out
from flowrpc.component.flow import LightningFlow
from flowrpc.component.hosting import Cancelled, HostedWork, ReturnValueError
from flowrpc.component.work import LightningWork
from flowrpc.protocol.messages import StartRun
from flowrpc.state import Change, ChangeLog
from flowrpc.state.records import Failure, FailureReason
from flowrpc.testing.root_source import built_again
from flowrpc.testing.simulated_agent import CANCELLED, HeldRun
from flowrpc.work_service.failures import failure_of

if TYPE_CHECKING:
    from flowrpc.testing.simulated_app import SimulatedApp


class InlineRunner:
    """Hosts one work as its runner would, in this process: built by itself, with its own copy of the vars.

    Every change is told to the flow as it is made, and durable before user code goes on.
    """

    def __init__(self, app: SimulatedApp, work: str, fresh_root: Callable[[], LightningFlow]) -> None:
        """Takes the full name of the work, and what builds the tree that it is found in."""
        self._app = app
        self._life = app.life
        self._name = work
        self._fresh_root = fresh_root
        self._hosted: HostedWork | None = None

    def execute(self, held: HeldRun) -> None:
        """Executes an attempt to its end."""
        self._life.agent.accept(held)
        self._life.say()
        failure = self._prepare(held) or self._run(held.start)
        if self._hosted is not None:
            self._hosted.end()
        self._life.agent.finish(held, failure)
        self._life.say()

    def close(self) -> None:
        """Lets the work take its leave, and forgets it."""
        if self._hosted is not None:
            self._hosted.leave()
        self._hosted = None

    def _prepare(self, held: HeldRun) -> Failure | None:
        log = _ToldLog(lambda change: self._tell(held, change))
        try:
            if self._hosted is None:
                self._hosted = HostedWork(self._build(), name=self._name, vars=held.start.vars, log=log)
            else:
                self._hosted.restore(held.start.vars)
                self._hosted.work.__dict__["_log"] = log
        except Exception as error:  # noqa: BLE001 - whatever a constructor raises
            return failure_of(error, FailureReason.NOT_BUILT)
        self._hosted.begin(held.start.run_id, held.start.attempt)
        return None

    def _build(self) -> LightningWork:
        """Builds the work by its recipe, or as the root of the app builds it; classes need not be importable."""
        work: LightningWork = self._app.find(self._name)
        builder = builder_of(work)
        if builder is not None:
            found = take_out(built_again(builder), builder.name, self._name)
        else:
            found = find(self._fresh_root(), self._name)
        assert isinstance(found, LightningWork), "only works are started"
        return found

    def _run(self, start: StartRun) -> Failure | None:
        """Runs user code. What is no error of it, such as Ctrl-C or the end of the test, passes through."""
        assert self._hosted is not None, "it was built"
        try:
            self._hosted.start()
            if not start.prepare:
                self._hosted.execute(start.args, start.kwargs)
        except Cancelled:
            return CANCELLED
        except ReturnValueError as error:
            return failure_of(error, FailureReason.BROKEN_RULE)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - the end of user code
            if isinstance(error, Exception):
                self._hosted.failed(error)
            return failure_of(error)
        return None

    def _tell(self, held: HeldRun, change: Change) -> None:
        self._life.agent.change(held, (change,))
        self._life.say()


class _ToldLog(ChangeLog):
    """Hands on what happens to a work as it happens."""

    __slots__ = ("_tell",)

    def __init__(self, tell: Callable[[Change], None]) -> None:
        super().__init__(thread=get_ident())
        self._tell = tell

    def record(self, owner: object, change: Any, inverse: object = None) -> None:
        """Tells of a change before it is made."""
        self.check_thread(owner)
        self._tell(change)
