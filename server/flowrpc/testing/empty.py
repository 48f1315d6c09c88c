"""Components that do nothing, where a test needs one."""

from __future__ import annotations

from flowrpc.component import LightningFlow, LightningWork


class EmptyFlow(LightningFlow):
    """Is a flow that decides nothing."""

    def run(self) -> None:
        """Does nothing."""


class EmptyWork(LightningWork):
    """Is a work that succeeds at once."""

    def run(self) -> None:
        """Does nothing."""
