"""Executing the pending runs of a simulated app, here or in processes of their own."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Protocol

from flowrpc.testing.child_runner import ChildRunner
from flowrpc.testing.errors import SimulationError
from flowrpc.testing.inline_runner import InlineRunner
from flowrpc.testing.simulated_agent import HeldRun

if TYPE_CHECKING:
    from flowrpc.testing.root_source import RootSource
    from flowrpc.testing.simulated_app import SimulatedApp

MAX_ATTEMPTS = 1_000
"""How many attempts one call executes before it takes the flow for one that never stops calling works."""


class Runner(Protocol):
    """Executes the attempts of one work."""

    def execute(self, held: HeldRun) -> None:
        """Executes an attempt to its end; the flow is told all that happens."""

    def close(self) -> None:
        """Ends what is left of it."""


def run_works(
    app: SimulatedApp, source: RootSource, works: tuple[str, ...], *, isolated: bool, timeout: float
) -> int:
    """Executes what is pending, until the flow settles without asking for more; returns how many attempts.

    Raises:
        SimulationError: The flow never stops calling works, or an attempt takes too long.
    """
    with ExitStack() as stack:
        runs = _WorkRuns(app, source, works, isolated=isolated, timeout=timeout)
        stack.callback(runs.close)
        return runs.execute_all()


class _WorkRuns:
    def __init__(
        self,
        app: SimulatedApp,
        source: RootSource,
        works: tuple[str, ...],
        *,
        isolated: bool,
        timeout: float,
    ) -> None:
        self._app = app
        self._source = source
        self._works = works
        self._isolated = isolated
        self._timeout = timeout
        self._runners: dict[str, Runner] = {}

    def execute_all(self) -> int:
        for attempts in range(MAX_ATTEMPTS):
            held = self._next()
            if held is None:
                return attempts
            self._runner(held.start.work).execute(held)
        raise SimulationError(
            f"{MAX_ATTEMPTS:,} attempts were executed, of {', '.join(sorted(self._runners))}, and the flow asks for "
            "more; play the works of such a flow with app.works[…] instead"
        )

    def close(self) -> None:
        for runner in self._runners.values():
            runner.close()

    def _next(self) -> HeldRun | None:
        """Lets the flow settle, and time pass if an attempt waits for that; returns what is to be executed then."""
        self._app.settle()
        while self._app.ended is None:
            held = self._pending()
            if held is not None:
                return held
            due = self._app.next_due() if self._pausing() else None
            if due is None:
                return None
            self._app.advance_to(due)
        return None

    def _pending(self) -> HeldRun | None:
        agent = self._app.life.agent
        self._forget_gone()
        pending = (held for name, held in agent.held.items() if self._wanted(name) and not held.accepted)
        return next(pending, None)

    def _pausing(self) -> bool:
        """Tells whether an attempt failed whose run is to be tried again."""
        held = self._app.life.agent.held
        return any(
            not run.status.terminal and run.work not in held and self._wanted(run.work)
            for run in self._app.unfinished_runs()
        )

    def _wanted(self, work: str) -> bool:
        return not self._works or work in self._works

    def _runner(self, work: str) -> Runner:
        if work not in self._runners:
            self._runners[work] = self._make(work)
        return self._runners[work]

    def _make(self, work: str) -> Runner:
        if self._isolated:
            return ChildRunner(self._app, self._source, work, timeout=self._timeout)
        return InlineRunner(self._app, work, self._source.fresh)

    def _forget_gone(self) -> None:
        """Ends the runners of works that the flow stopped or removed: the next run gets a new one."""
        for name in self._app.life.agent.take_stopped():
            runner = self._runners.pop(name, None)
            if runner is not None:
                runner.close()
