"""What a client raises besides `flowrpc.errors.CallError`, the refusal of a request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowrpc.errors import FlowrpcError

if TYPE_CHECKING:
    from flowrpc.state.records import Failure


class NotReachableError(FlowrpcError):
    """Tells that no app could be found or reached; the message says what was tried and what to do."""


class CommandFailed(FlowrpcError):
    """Tells that a command raised in the app; what it changed was undone."""

    def __init__(self, command: str, failure: Failure) -> None:
        """Carries what user code raised."""
        super().__init__(f"{failure.type}: {failure.message}" if failure.type else failure.message)
        self.command = command
        self.failure = failure


class NotTrustedError(FlowrpcError):
    """Tells that the client part of a command was not run, because the user did not allow its source."""

    def __init__(self, command: str, problem: str) -> None:
        """Names the command, if it is about one, and what is in the way."""
        hint = (
            f"; look at it with `flowctl commands source {command}` before you trust its digest"
            if command
            else ""
        )
        super().__init__(problem + hint)
        self.command = command
        self.problem = problem


class ClientPartError(FlowrpcError):
    """Tells that the client part of a command cannot run here; the message says what it lacks or raised."""


class StateMismatchError(FlowrpcError):
    """Tells that a replica differs from the app's state at the same revision, by their hashes."""

    def __init__(self, component: str, revision: int, own: str, told: str) -> None:
        """Says what was compared."""
        super().__init__(
            f"the replica of {component} at revision {revision} has the hash {own[:16]}…, the app {told[:16]}…: "
            "it missed or misread a change; it begins anew with a snapshot"
        )
        self.component = component
        self.revision = revision
