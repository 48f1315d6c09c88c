"""Readiness: whether the root is ready, where user code has a say in it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from itertools import islice

from flowrpc.component.failures import failure_of
from flowrpc.component.flow import LightningFlow, flows_with_own_ready
from flowrpc.errors import ComponentError
from flowrpc.flow_service.effects import ReadyChanged
from flowrpc.flow_service.instant import Instant
from flowrpc.flow_service.transition import Transitions

logger = logging.getLogger(__name__)

MAX_NAMED = 20
"""How many flows that are not ready are named."""


class Readiness:
    """Asks the root whether it is ready, and tells when that changes.

    It asks when a revision may be sealed, so that a flow that changes state in every pass is not asked in every pass,
    and only if a flow of the tree overrides `ready`: without that the answer is known.

    Args:
        root: The root flow.
        transitions: Takes back what user code changes, which should only look.
        emit: Takes the effects.
    """

    def __init__(
        self, root: LightningFlow, transitions: Transitions, emit: Callable[[ReadyChanged], None]
    ) -> None:
        self._root = root
        self._transitions = transitions
        self._emit = emit
        self._flows: list[LightningFlow] = []
        self._unready: tuple[str, ...] | None = None
        self._raised: dict[LightningFlow, str] = {}

    def index(self) -> None:
        """Looks at the tree anew after components came or went."""
        self._flows = list(flows_with_own_ready(self._root))
        self._raised = {flow: raised for flow, raised in self._raised.items() if flow in self._flows}

    def look(self, now: Instant) -> None:
        """Asks, and tells if the answer is another one than before."""
        unready = self._find_unready(now) if self._flows else ()
        if unready != self._unready:
            self._unready = unready
            self._emit(ReadyChanged(unready))

    def _find_unready(self, now: Instant) -> tuple[str, ...]:
        if self._is_ready(self._root, now):
            return ()
        unready = (flow.name for flow in self._flows if not self._is_ready(flow, now))
        return tuple(islice(unready, MAX_NAMED)) or (self._root.name,)

    def _is_ready(self, flow: LightningFlow, now: Instant) -> bool:
        """Asks a flow; what it raises counts as not ready, and is logged when it is news."""
        try:
            ready = self._ask(flow, now)
        except BaseException as error:  # noqa: BLE001  # whatever user code raises, the app lives
            self._note(flow, error)
            return False
        self._raised.pop(flow, None)
        return ready

    def _ask(self, flow: LightningFlow, now: Instant) -> bool:
        transition = self._transitions.begin(now, in_pass=False, undoable=True)
        try:
            ready = bool(flow.ready)
            if self._transitions.changed_since(transition):
                raise ComponentError(f"{flow.name}.ready changes state; it may only look at it")
            return ready
        finally:
            self._transitions.undo(transition)
            self._transitions.complete()

    def _note(self, flow: LightningFlow, error: BaseException) -> None:
        failure = failure_of(error)
        if self._raised.get(flow) != failure.type:
            self._raised[flow] = failure.type
            logger.error("%s.ready raised, it counts as not ready: %s", flow.name, failure.traceback)
