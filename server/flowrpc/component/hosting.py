"""A work in its runner: the process that executes its `run`."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from flowrpc.component.calls import execute
from flowrpc.component.work import LightningWork
from flowrpc.errors import ComponentError
from flowrpc.state import Change, ChangeLog, Tracked, Value, same
from flowrpc.state.containers import untrack
from flowrpc.storage.process import work_exchange

logger = logging.getLogger(__name__)


class Cancelled(BaseException):
    """Unwinds a run that was cancelled. It is no `Exception`, so that user code does not swallow it by accident."""


class ReturnValueError(ComponentError):
    """Tells that a work's `run` returned a value."""


class HostedWork:
    """Executes the runs of one work; what it changes goes into the log.

    Args:
        work: The work, freshly built.
        name: Its full name in the flow's tree.
        vars: Its vars as the flow has them.
        log: Takes what user code changes.
    """

    def __init__(self, work: LightningWork, *, name: str, vars: dict[str, Value], log: ChangeLog) -> None:
        self.work = work
        self._exchange = work_exchange()
        if self._exchange is not None:
            self._exchange.vars, self._exchange.set_var = self._vars, self._set_var
        work._rename(name)
        self.restore(vars)
        work.__dict__["_log"] = log
        self._started = False

    def restore(self, vars: dict[str, Value]) -> None:
        """Sets the vars to the flow's, unrecorded, between runs.

        A container that is as it was stays the same object. One that is replaced refuses changes from then on:
        user code that kept it from an earlier run would make them for nobody.
        """
        attributes = self.work.__dict__
        different = {
            var: value
            for var, value in vars.items()
            if var not in attributes or not same(attributes[var], value)
        }
        replaced = {var: attributes.get(var) for var in different}
        self.work._restore_vars(different)
        for var, container in replaced.items():
            if isinstance(container, Tracked):
                container._parent = _Replaced(f"{self.work.name}.{var}")

    def begin(self, run_id: str, attempt: int) -> None:
        """Tells the work which attempt comes."""
        self.work.__dict__.update(_run_id=run_id, _attempt=attempt, _cancelled=False)

    def end(self) -> None:
        """Tells the work that no attempt is executed."""
        self.work.__dict__.update(_run_id="", _attempt=0)

    def cancel(self) -> None:
        """Tells the work that its attempt is to end."""
        self.work.__dict__["_cancelled"] = True

    def start(self) -> None:
        """Calls `on_start` if this process has not yet; raises what it raises."""
        if not self._started:
            self.work.on_start()
            self._started = True

    def failed(self, error: Exception) -> None:
        """Calls `on_exception`; what that raises is logged."""
        try:
            self.work.on_exception(error)
        except Exception:
            logger.exception("%s.on_exception raised", self.work.name)

    def leave(self) -> None:
        """Calls `on_exit`; what it raises is logged, what it sets goes nowhere."""
        self.work.__dict__["_log"] = None
        try:
            self.work.on_exit()
        except BaseException:  # the process ends in any case
            logger.exception("%s.on_exit raised", self.work.name)

    def execute(self, args: Sequence[Value], kwargs: dict[str, Value]) -> None:
        """Runs the user's code, between fetching the files it is given and publishing those it wrote.

        Raises:
            ReturnValueError: It returned a value.
            StorageError: A file cannot be fetched or published.
            Exception: Whatever it raises.
        """
        if self._exchange is None:
            self._execute(args, kwargs)
            return
        with self._exchange.during_run():
            self._execute(*self._exchange.fetch(args, kwargs))
            self._exchange.publish_changed()

    def _execute(self, args: Sequence[Value], kwargs: dict[str, Value]) -> None:
        result = execute(self.work, args, kwargs)
        if result is not None:
            raise ReturnValueError(
                f"Your work {self.work.name} shouldn't have a return value. Found {result!r}; "
                "set a state attribute instead"
            )

    def apply(self, changes: Iterable[Change]) -> None:
        """Applies changes of the flow, unrecorded, through the work's `apply_flow_delta`.

        A container that changes is replaced by a new one, and the old one is detached. So the caller sees to it that
        user code has none of them in hand.
        """
        changes = tuple(changes)
        if type(self.work).apply_flow_delta is LightningWork.apply_flow_delta:
            self.work.apply_flow_delta(changes)
            return
        try:
            self.work.apply_flow_delta(changes)
        except Exception:
            logger.exception("%s.apply_flow_delta raised; the run goes on", self.work.name)

    def _vars(self) -> Iterator[tuple[str, Any]]:
        attributes = self.work.__dict__
        for name in self.work._var_names:
            yield name, attributes[name]

    def _set_var(self, name: str, value: Value) -> None:
        setattr(self.work, name, value)

    def current(self, var: str) -> Value:
        """Returns a plain copy of a var."""
        return untrack(self.work.__dict__[var])


class _Replaced:
    """Is where a replaced container is looked for, by whoever is about to change it."""

    __slots__ = ("_place",)

    def __init__(self, place: str) -> None:
        self._place = place

    @property
    def __dict__(self) -> Any:  # type: ignore[override]
        raise ComponentError(
            f"{self._place} was replaced when this run began: the flow had changed it since the last one. "
            "Read it from the work again, and keep no container from one run to the next"
        )


def on_touch(callback: Callable[[], None]) -> None:
    """Calls back in the user's thread whenever code touches a public attribute of a work in this process.

    A runner hosts one work, so this changes the class for the whole process. The callback must be cheap.
    """

    def touch(work: object, name: str) -> Any:
        if name[:1] != "_":
            callback()
        return object.__getattribute__(work, name)

    LightningWork.__getattribute__ = touch  # type: ignore[method-assign]
