"""LightningApp: a root flow made runnable."""

from __future__ import annotations

from typing import Any

from flowrpc.component.flow import LightningFlow
from flowrpc.errors import TreeError


class LightningApp:
    """Makes a root flow runnable: `flowctl run` starts the app that a file holds.

    Args:
        root: The root flow; its `run` is called whenever state has changed.

    Raises:
        TypeError: The root is no flow, or does not override `run`.
        TreeError: The root is part of another flow.
    """

    def __init__(self, root: LightningFlow) -> None:
        given: Any = root  # what users pass is not always what the annotation says
        if isinstance(given, type):
            raise TypeError(
                f"LightningApp takes a flow, not the class {given.__name__}: write {given.__name__}()"
            )
        if not isinstance(given, LightningFlow) or type(given).run is LightningFlow.run:
            raise TypeError(
                "The root flow passed to `LightningApp` does not override the `run()` method: "
                f"got {type(root).__name__}; pass an instance of a LightningFlow subclass that defines run"
            )
        if root._parent is not None:
            raise TreeError(
                f"{root.name} is part of another flow and cannot be the root of an app; build a second one"
            )
        self.root = root

    @property
    def state(self) -> dict[str, Any]:
        """The state of the root and everything below it."""
        return self.root.state
