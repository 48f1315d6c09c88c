"""What actors ask of the app, over a channel that many of them share."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any, cast

import grpc
from flowrpc.errors import CallError
from flowrpc.protocol.answers import CommandOutcome, StateSnapshot, UpdateOutcome
from flowrpc.protocol.requests import CallCommand, CancelRun, GetState, ListRuns, UpdateState, WatchState
from flowrpc.state.changes import Set
from flowrpc.state.records import Run, RunStatus
from flowrpc.state.values import Value
from flowrpc.v1.flow_service_pb2_grpc import FlowServiceStub
from flowrpc.wire import answers, outcomes, requests, watch
from flowrpc.wire.errors import call_error
from grpc import aio

DEADLINE_SECONDS = 5.0
_OPTIONS = [
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.min_reconnect_backoff_ms", 50),
    ("grpc.max_reconnect_backoff_ms", 200),
    ("grpc.keepalive_time_ms", 5_000),
    ("grpc.http2.ping_timeout_ms", 2_000),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.enable_retries", 0),
    ("grpc.enable_http_proxy", 0),
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.max_receive_message_length", 64 * 1024 * 1024),
]
_CERTAIN = frozenset(
    {
        "DISK_FULL",
        "INVALID_CHANGE",
        "INVALID_REQUEST_ID",
        "READ_ONLY",
        "REQUEST_ID_REUSED",
        "REVISION_CONFLICT",
        "RUN_ENDED",
        "UNKNOWN_RUN",
    }
)
"""Refusals that say for certain that this try changed nothing; every other error may have come after the deed."""


class RefusedError(Exception):
    """Tells that the app refused; nothing happened."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class UnknownError(Exception):
    """Tells that there was no answer: it may have happened or not."""


class Calls:
    """One channel to the app."""

    def __init__(self, address: str, token: str) -> None:
        self._channel = aio.insecure_channel(address, options=_OPTIONS)
        self._stub: Any = cast("Any", FlowServiceStub)(self._channel)
        self._metadata = (("authorization", f"Bearer {token}"),)

    async def command(self, name: str, arguments: dict[str, Value], request_id: str) -> CommandOutcome:
        request = CallCommand(command=name, arguments=arguments, request_id=request_id)
        answer = await self._send("CallCommand", requests.encode_call_command(request))
        return outcomes.decode_command_outcome(answer)

    async def update(
        self, component: str, name: str, value: Value, *, expected: int | None, request_id: str
    ) -> UpdateOutcome:
        request = UpdateState(
            component=component,
            changes=(Set((name,), value),),
            expected_revision=expected,
            request_id=request_id,
        )
        return outcomes.decode_update_outcome(
            await self._send("UpdateState", requests.encode_update_state(request))
        )

    async def state(self, component: str, *, exclude_children: bool = True) -> StateSnapshot:
        request = GetState(component=component, exclude_children=exclude_children)
        return watch.decode_state(await self._send("GetState", requests.encode_get_state(request)))

    async def runs(self, work: str, *statuses: RunStatus) -> list[Run]:
        request = ListRuns(work=work, statuses=frozenset(statuses))
        return list(
            answers.decode_runs(await self._send("ListRuns", requests.encode_list_runs(request))).items
        )

    async def cancel(self, run_id: str, grace: timedelta) -> int:
        request = CancelRun(run_id=run_id, grace=grace)
        return answers.decode_cancelled(await self._send("CancelRun", requests.encode_cancel_run(request)))

    async def watch(self, component: str, after: tuple[int, str] | None) -> AsyncIterator[Any]:
        """Yields the messages of a watch as they came.

        Raises:
            UnknownError: it broke.
        """
        revision, journal_id = after or (None, "")
        request = WatchState(component=component, after_revision=revision, journal_id=journal_id)
        call = self._stub.WatchState(
            requests.encode_watch_state(request), metadata=self._metadata, wait_for_ready=True
        )
        try:
            async for message in call:
                yield message
        except grpc.RpcError as error:
            raise _told(error) from None
        finally:
            call.cancel()

    async def close(self) -> None:
        await self._channel.close()

    async def _send(self, method: str, request: Any) -> Any:
        call = getattr(self._stub, method)
        try:
            return await call(request, timeout=DEADLINE_SECONDS, metadata=self._metadata, wait_for_ready=True)
        except grpc.RpcError as error:
            raise _told(error) from None


def _told(error: grpc.RpcError) -> Exception:
    translated = call_error(error)
    if isinstance(translated, CallError) and translated.reason in _CERTAIN:
        return RefusedError(translated.reason)
    return UnknownError(str(translated))
