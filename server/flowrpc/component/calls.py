"""Calls of works: what `self.work.run(...)` goes through, by where the work is."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache, wraps
from typing import TYPE_CHECKING, Any, Protocol

from flowrpc.state import Value, copy_value
from flowrpc.state.records import Run, RunStatus, Tally
from flowrpc.state.values import canonical_key

if TYPE_CHECKING:
    from datetime import datetime

    from flowrpc.component.component import Component
    from flowrpc.component.flow import LightningFlow
    from flowrpc.component.work import LightningWork


class Unwind(BaseException):
    """Unwinds a pass that has to wait for a run of a blocking work.

    It is no `Exception`, so that an `except Exception` of user code does not swallow it.
    """


class CallContext(Protocol):
    """What the components of an app share: the flow service's ledger of runs."""

    def call(self, work: LightningWork, args: tuple[Value, ...], kwargs: dict[str, Value]) -> None:
        """Asks for a run, or looks up what became of it. Raises `Unwind` or `WorkRunError`."""

    def latest(self, work: LightningWork) -> Run | None:
        """Returns the work's newest run."""

    def recent(self, work: LightningWork) -> Sequence[Run]:
        """Returns the work's unfinished runs and its newest ended ones, oldest first."""

    def tally(self, work: LightningWork) -> Tally:
        """Tells how the work's runs ended, from the first one on."""

    def addresses(self, work: LightningWork) -> tuple[str, str]:
        """Returns the internal and the public address of the host that executes the work; empty if unknown."""

    def start(self, work: LightningWork) -> None:
        """Starts the work's process, unless it was started and not stopped since."""

    def stop(self, work: LightningWork) -> None:
        """Cancels the work's runs and ends its process."""

    def changed_vars(self, component: Component) -> dict[str, None]:
        """Names the vars of a component that the transition under way has changed so far, in order."""

    def now(self) -> datetime:
        """Returns the time of the transition, on the clock that people read."""

    def rescheduled(self, flow: LightningFlow) -> None:
        """Is told that a flow has a new schedule, or that another instant is due."""

    def fired(self, flow: LightningFlow, key: str) -> None:
        """Is told that a schedule was True; it stays so for the rest of the transition."""

    def iterated(self, flow: LightningFlow) -> None:
        """Is told that a loop of a flow moved; where it is gets recorded when the transition ends."""

    def calls_passed(self) -> int:
        """Returns a mark behind the calls that passed so far in this transition."""

    def consume_calls(self, mark: int) -> None:
        """Is told that an item of a loop is done: its calls, those since the mark, are never made again."""

    def placed(self) -> None:
        """Is told that components came into the tree."""

    def displaced(self, components: Iterable[Component]) -> None:
        """Is told that components are about to leave the tree."""


def gated(run: Callable[..., Any]) -> Callable[..., Any]:
    """Wraps the `run` of a work, so that a flow that calls it asks for a run instead."""

    @wraps(run)
    def call(self: LightningWork, *args: Any, **kwargs: Any) -> Any:
        if self._executing:
            return run(self, *args, **kwargs)
        place = f"{self.name}.run()"
        try:
            _signature(run).bind(self, *args, **kwargs)
        except TypeError as error:
            raise TypeError(f"{place}: {error}") from None
        values = tuple(copy_value(value, f"{place} argument {n}") for n, value in enumerate(args))
        named = {name: copy_value(value, f"{place} argument {name}") for name, value in kwargs.items()}
        if self._context is not None:
            return self._context.call(self, values, named)
        return _run_inline(self, values, named)

    call.__flowrpc_gated__ = True  # type: ignore[attr-defined]
    return call


def is_synchronous(function: Callable[..., Any]) -> bool:
    """Tells whether a call executes a function: one that is async or a generator only makes an object."""
    kinds = (inspect.iscoroutinefunction, inspect.isasyncgenfunction, inspect.isgeneratorfunction)
    return not any(is_kind(inspect.unwrap(function)) for is_kind in kinds)


@lru_cache(maxsize=1024)
def _signature(run: Callable[..., Any]) -> inspect.Signature:
    return inspect.signature(run)


def _run_inline(work: LightningWork, args: tuple[Value, ...], kwargs: dict[str, Value]) -> Any:
    """Runs a work that is in no app: here and now, once for equal arguments if it caches calls."""
    key = canonical_key(list(args), kwargs)
    if work.cache_calls and key in work._inline_results:
        return work._inline_results[key]
    result = execute(work, args, kwargs)
    work._inline_results[key] = result
    work._inline_runs.append(
        Run(
            run_id="",
            work=work.name,
            call_key=key,
            args=args,
            kwargs=kwargs,
            status=RunStatus.SUCCEEDED,
            attempt=1,
        )
    )
    return result


def execute(work: LightningWork, args: Sequence[Value], kwargs: dict[str, Value]) -> Any:
    """Runs the user's code."""
    work.__dict__["_executing"] = True
    try:
        return work.run(*args, **kwargs)
    finally:
        work.__dict__["_executing"] = False
