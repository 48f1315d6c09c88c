"""What user code logs, on its way to the agent."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime

from flowrpc.protocol.messages import LogRecord


class LaneHandler(logging.Handler):
    """Turns records of `logging` into log records of a work.

    Args:
        component: Full name of the work.
        run_id: Returns the run that is executed, or nothing.
        put: Takes the records; it must not wait.
    """

    def __init__(self, component: str, run_id: Callable[[], str], put: Callable[[LogRecord], None]) -> None:
        super().__init__()
        self._component = component
        self._run_id = run_id
        self._put = put
        self.setFormatter(logging.Formatter("%(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        """Hands the record over; what cannot be formatted is told on standard error, as `logging` does."""
        try:
            message = self.format(record)
        except Exception:  # noqa: BLE001 - whatever user code's arguments raise when they are formatted
            self.handleError(record)
            return
        self._put(
            LogRecord(
                time=datetime.fromtimestamp(record.created, UTC),
                message=message,
                level=min(max(record.levelno // 10 * 10, logging.DEBUG), logging.CRITICAL),
                component=self._component,
                run_id=self._run_id(),
                logger=record.name,
            )
        )


def install(handler: logging.Handler) -> None:
    """Lets every logger of this process reach the agent, from INFO on unless user code asks for more."""
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.INFO)
