"""LightningApp: a root flow made runnable."""

from __future__ import annotations

from typing import Any

from flowrpc.component.flow import LightningFlow


class LightningApp:
    """Makes a root flow runnable: `flowctl run` starts the app that a file holds.

    Args:
        root: The root flow; its `run` is called whenever state has changed.

    Raises:
        TypeError: The root is no flow, or does not override `run`.
    """

    def __init__(self, root: LightningFlow) -> None:
        given: object = root  # what users pass is not always what the annotation says
        if not isinstance(given, LightningFlow) or type(given).run is LightningFlow.run:
            raise TypeError(
                "The root flow passed to `LightningApp` does not override the `run()` method: "
                f"got {type(root).__name__}; pass an instance of a LightningFlow subclass that defines run"
            )
        self.root = root

    @property
    def state(self) -> dict[str, Any]:
        """The state of the root and everything below it."""
        return self.root.state
