"""What was refused or dropped, counted by reason since this life began."""

from __future__ import annotations

from typing import Any, NoReturn

from flowrpc.errors import CallError
from flowrpc.protocol.messages import Fence, FlowMessage, Nack, Verdict, Welcome
from flowrpc.wire.errors import status_of

WATCH_TOO_SLOW = "WATCH_TOO_SLOW"
"""A watcher fell behind, and is sent a snapshot in place of what it missed."""
LOG_RECORDS_DROPPED = "LOG_RECORDS_DROPPED"
"""Log records came faster than they could be sent, or were read."""
FRAME_BROKEN = "FRAME_BROKEN"
"""An agent sent what cannot be read."""
FRAME_TOO_LARGE = "FRAME_TOO_LARGE"
"""An agent cannot be sent so much at once: the run that it is about fails."""
ATTEMPT_FENCED = "ATTEMPT_FENCED"
"""An agent spoke of an attempt that is no longer wanted."""


class Refusals:
    """Counts what is refused or dropped, in the asyncio thread.

    Of calls the reason is that of their error, as in `ErrorInfo`. Frames of agents are refused for one of those above,
    or for `DELTA_GAP` (something before it is missing, and asked for), `DELTA_CONFLICT` (the flow changed that var
    before, and the work sends it whole) or `DELTA_INVALID` (it cannot be applied).
    """

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}

    def count(self, reason: str, times: int = 1) -> None:
        """Counts something that is refused or dropped."""
        self._counts[reason] = self._counts.get(reason, 0) + times

    def counts(self) -> dict[str, int]:
        """Returns how often each reason was, by name."""
        return dict(sorted(self._counts.items()))

    async def abort(self, context: Any, error: CallError) -> NoReturn:
        """Ends a call of gRPC with the status of an error."""
        self.count(error.reason)
        code, message, trailer = status_of(error)
        await context.abort(code, message, trailer)
        raise AssertionError("abort raises")

    def count_message(self, message: FlowMessage) -> None:
        """Counts what a message to an agent refuses, if it does."""
        if isinstance(message, Nack):
            self.count(f"DELTA_{message.reason.name}")
        elif isinstance(message, Fence):
            self.count(ATTEMPT_FENCED)
        elif isinstance(message, Welcome):
            for held in message.verdicts:
                if held.verdict is not Verdict.CONTINUE:
                    self.count(ATTEMPT_FENCED)
