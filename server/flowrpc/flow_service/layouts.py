"""The layouts of an app's flows: asked for when the app is created, and again when state has changed."""

from __future__ import annotations

import logging
from collections.abc import Callable

from flowrpc.component.failures import failure_of
from flowrpc.component.flow import LightningFlow
from flowrpc.component.framework_vars import set_framework_var
from flowrpc.component.frontend import Frontend
from flowrpc.component.layout import LAYOUT, Collected, collect_layout, configures_layout
from flowrpc.errors import ComponentError
from flowrpc.flow_service.instant import Instant
from flowrpc.flow_service.transition import Transitions

logger = logging.getLogger(__name__)

Frontends = dict[str, Frontend]
"""Frontends by the name of their flow."""


class Layouts:
    """Keeps the layout of each flow in a var of the framework's, and the frontends.

    Args:
        root: The root flow.
        transitions: Takes back what asking for a layout changed.
        tell: Is told the frontends whenever they changed.
    """

    def __init__(
        self, root: LightningFlow, transitions: Transitions, tell: Callable[[Frontends], None]
    ) -> None:
        self._root = root
        self._transitions = transitions
        self._tell = tell
        self._asked: list[LightningFlow] = []
        self._known: dict[LightningFlow, Frontend | None] = {}
        self._told: Frontends = {}
        self._problems: dict[LightningFlow, str] = {}
        self._tree_changed = True

    def begin(self, now: Instant) -> None:
        """Asks all flows.

        Raises:
            ComponentError: What one of them configures cannot be shown.
        """
        self.index()
        for flow in self._asked:
            try:
                self._take(flow, now)
            except Exception as error:
                raise ComponentError(f"{flow.name}.configure_layout(): {error}") from error
        self._tell_frontends()

    def index(self) -> None:
        """Looks at the tree anew after components came or went."""
        self._tree_changed = True
        flows = [self._root, *self._root.flows.values()]
        shown = any(configures_layout(flow) or LAYOUT in flow._var_names for flow in flows)
        self._asked = flows if shown else []
        self._known = {flow: self._known[flow] for flow in flows if flow in self._known}
        self._problems = {flow: text for flow, text in self._problems.items() if flow in self._known}

    def refresh(self, now: Instant) -> None:
        """Asks all flows again. What cannot be shown is logged once, and the layout stays as it was."""
        for flow in self._asked:
            if not (self._tree_changed or configures_layout(flow)):
                continue  # the default depends on nothing but the tree
            try:
                self._take(flow, now)
            except BaseException as error:  # noqa: BLE001  # user code ends here; a layout is no reason to fail the app
                self._note(flow, error)
            else:
                self._problems.pop(flow, None)
        self._tree_changed = False
        self._tell_frontends()

    def _take(self, flow: LightningFlow, now: Instant) -> None:
        collected = self._collect(flow, now)
        known = self._known.setdefault(flow, collected.frontend)
        if collected.frontend is not None and known is None:
            raise TypeError(
                f"{flow.name} returned a Frontend, but none when the app was created: "
                "it must be returned then, so that its server is started"
            )
        if collected.layout or LAYOUT in flow._var_names:
            set_framework_var(flow, LAYOUT, collected.layout)

    def _collect(self, flow: LightningFlow, now: Instant) -> Collected:
        transition = self._transitions.begin(now, in_pass=False, undoable=True)
        try:
            collected = collect_layout(flow)
        except BaseException:
            self._transitions.undo(transition)
            raise
        else:
            if self._transitions.changed_since(transition):
                self._transitions.undo(transition)
                raise ComponentError("it must not change state; that was undone")
            return collected
        finally:
            self._transitions.complete()

    def _note(self, flow: LightningFlow, error: BaseException) -> None:
        failure = failure_of(error)
        if self._problems.get(flow) != failure.message:
            self._problems[flow] = failure.message
            place = f"{flow.name}.configure_layout()"
            logger.error("%s failed, its layout stays as it was:\n%s", place, failure.traceback.rstrip())

    def _tell_frontends(self) -> None:
        frontends = {flow.name: frontend for flow, frontend in self._known.items() if frontend is not None}
        if frontends != self._told:
            self._told = frontends
            self._tell(frontends)
