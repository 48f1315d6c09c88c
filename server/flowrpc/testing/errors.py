"""What `flowrpc.testing` raises: a test that asks for what cannot be, and an app that failed."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from flowrpc.errors import FlowrpcError
from flowrpc.state.records import AppStatus, Failure


class SimulationError(FlowrpcError):
    """Tells that a test asks for something that cannot be: the message says what, and what to do."""


class AppFailed(FlowrpcError):
    """Tells that the app failed: a flow called `fail`, or raised what nobody caught."""

    def __init__(self, status: AppStatus) -> None:
        """Carries how the app ended, with the traceback of user code in the text."""
        super().__init__(_text(status.message, status.failure))
        self.status = status
        self.message = status.message
        self.failure = status.failure
        """What user code raised; None if a flow called `fail`."""


def _text(message: str, failure: Failure | None) -> str:
    if failure is None:
        return f"the app failed: {message}" if message else "the app failed"
    kind = f"{failure.type}: " if failure.type else ""
    if not failure.traceback:
        return f"the app failed: {kind}{failure.message}"
    headline = failure.message.partition("\n")[0]  # the traceback has the rest
    return f"the app failed: {kind}{headline}\n\n{failure.traceback.rstrip()}"


def unknown(kind: str, name: str, known: Iterable[str]) -> SimulationError:
    """Makes the error for a name that nothing has, with the closest one that something has."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1)
    if close:
        return SimulationError(f"no {kind} {name!r}; did you mean {close[0]!r}?")
    return SimulationError(f"no {kind} {name!r}; there is {', '.join(names) or 'none'}")
