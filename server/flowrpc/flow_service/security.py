"""Who may call what: a token per role, checked before anything else of a call is looked at."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import grpc

from flowrpc.errors import CallError
from flowrpc.flow_service.refusals import Refusals

ROLES: dict[str, frozenset[str]] = {
    "read": frozenset({"read"}),
    "call": frozenset({"read", "call"}),
    "work": frozenset({"work"}),
    "admin": frozenset({"read", "call", "work", "admin"}),
}
"""What each role may do."""

_FLOW = "/flowrpc.v1.FlowService/"
_CALLING = ("UpdateState", "CallCommand", "StreamCommand", "GetCommandSource", "CancelRun")
NEEDED: dict[str, str] = {
    **{
        _FLOW + method: "read"
        for method in (
            "GetApp",
            "GetState",
            "WatchState",
            "ListCommands",
            "ListWorks",
            "ListAgents",
            "ListRuns",
            "StreamLogs",
        )
    },
    **{_FLOW + method: "call" for method in _CALLING},
    **{_FLOW + method: "admin" for method in ("DrainAgent", "StopApp")},
    "/flowrpc.v1.WorkService/Attach": "work",
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo": "read",
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": "read",
}
"""What each method needs. Any token reaches what is not listed, and finds that it does not exist."""

_OPEN = "/grpc.health.v1.Health/"
"""Health is told to anybody: probes carry no tokens."""


class Guard(grpc.GenericRpcHandler):
    """Lets a call through to the handlers if its token allows it."""

    def __init__(
        self, tokens: Mapping[str, str], needed: Callable[[str], str | None], refusals: Refusals
    ) -> None:
        """Takes the token of each role, and what tells which role a method of the app's own contract needs."""
        self._needed = needed
        self._refusals = refusals
        self._roles = {token.encode(): role for role, token in tokens.items()}
        self._handlers: list[Any] = []

    def add_generic_rpc_handlers(self, handlers: Any) -> None:
        """Adds handlers, as a server would: generated code registers services here."""
        self._handlers.extend(handlers)

    def add_registered_method_handlers(self, service: str, handlers: Any) -> None:
        """Is called by generated code beside the above; the generic handlers are enough."""

    def service(self, details: Any) -> Any:
        """Returns the handler of a method, or one that refuses the call."""
        try:
            self._check(details)
        except CallError as error:
            return self._refusal(error)
        for handler in self._handlers:
            found = handler.service(details)
            if found is not None:
                return found
        return None

    def _refusal(self, error: CallError) -> Any:
        async def refuse(_: Any, context: Any) -> None:
            await self._refusals.abort(context, error)

        return grpc.stream_stream_rpc_method_handler(_never(refuse))

    def _check(self, details: Any) -> None:
        method: str = details.method
        if method.startswith(_OPEN):
            return
        role = self._role(details.invocation_metadata)
        needed = NEEDED.get(method) or self._needed(method)
        if needed is not None and needed not in ROLES[role]:
            raise CallError(
                "PERMISSION_DENIED",
                f"the token's role {role!r} does not cover {method.rpartition('/')[2]}, which needs {needed!r}",
                role=role,
                needed=needed,
            )

    def _role(self, metadata: Any) -> str:
        given = next((value for key, value in metadata if key == "authorization"), "")
        scheme, _, token = str(given).partition(" ")
        if scheme.lower() == "bearer":
            encoded = token.encode()
            for known, role in self._roles.items():
                if hmac.compare_digest(known, encoded):
                    return role
        problem = "is not one of this app's" if given else "is missing"
        raise CallError(
            "UNAUTHENTICATED",
            f"the token {problem}; send `authorization: Bearer TOKEN`, a token of its data directory",
        )


def _never(refuse: Callable[[Any, Any], Awaitable[None]]) -> Any:
    async def behaviour(requests: Any, context: Any) -> Any:
        await refuse(requests, context)
        yield b""  # not reached: it makes this a stream

    return behaviour
