"""How a flow ends its app."""

from __future__ import annotations

from flowrpc.state.records import AppStage, AppStatus


class ExitApp(BaseException):
    """Unwinds a pass or a command because the flow called `stop` or `fail`.

    It is no `Exception`, so that an `except Exception` of user code does not swallow it.
    """

    def __init__(self, stage: AppStage, message: str) -> None:
        """Takes how the app ends and what it says."""
        super().__init__(message)
        self.status = AppStatus(stage=stage, message=message)
