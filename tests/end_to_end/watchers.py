"""Many watchers in one process: each follows the app over real sockets, across lives, and checks what it sees."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import grpc
from flowrpc.protocol.answers import StateSnapshot, WatchEnd
from flowrpc.protocol.requests import WatchState
from flowrpc.state.records import Revision
from flowrpc.state.replica import Replica
from flowrpc.v1 import flow_service_pb2 as pb
from flowrpc.wire.requests import encode_watch_state
from flowrpc.wire.watch import WatchReader
from flowrpc_client.backoff import pauses

WATCH = "/flowrpc.v1.FlowService/WatchState"
_PASSING = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)


class Follower:
    """One watcher, which resumes where it was until it is told to leave."""

    def __init__(self, channel: grpc.aio.Channel, token: str) -> None:
        self.replica = Replica()
        self.journal_id = ""
        self.snapshots: list[str] = []
        self.resumed = 0
        self.changed = asyncio.Event()
        self._watch: Any = channel.unary_stream(
            WATCH,
            request_serializer=pb.WatchStateRequest.SerializeToString,
            response_deserializer=pb.WatchStateResponse.FromString,
        )
        self._metadata = (("authorization", f"Bearer {token}"),)

    async def follow(self) -> None:
        """Follows one watch after the other."""
        for pause in pauses():
            try:
                await self._follow_once()
            except grpc.aio.AioRpcError as error:
                if error.code() not in _PASSING:
                    raise
            self.resumed += 1
            await asyncio.sleep(pause)

    async def until(self, holds: Callable[[Replica], bool]) -> None:
        """Waits until something holds of the replica."""
        while not holds(self.replica):
            self.changed.clear()
            await self.changed.wait()

    async def _follow_once(self) -> None:
        after = self.replica.revision if self.journal_id else None
        request = encode_watch_state(WatchState(after_revision=after, journal_id=self.journal_id))
        call, reader = self._watch(request, metadata=self._metadata), WatchReader()
        try:
            async for message in call:
                update = reader.read(message)
                if isinstance(update, WatchEnd):
                    return
                self._take(update)
        finally:
            call.cancel()

    def _take(self, update: Any) -> None:
        if isinstance(update, StateSnapshot):
            assert update.first
            assert update.last
            assert update.reason is not None
            self.snapshots.append(update.reason.value)
            self.replica = Replica(revision=update.revision, components=update.components)
            self.journal_id = update.journal_id
        elif isinstance(update, Revision):
            self.replica.fold(update)  # which refuses a gap
        self.changed.set()


@asynccontextmanager
async def following(address: str, token: str, count: int) -> AsyncIterator[list[Follower]]:
    """Has so many follow the app, over a few connections."""
    options = [("grpc.use_local_subchannel_pool", 1), ("grpc.max_reconnect_backoff_ms", 1_000)]
    async with AsyncExitStack() as stack:
        channels = [
            await stack.enter_async_context(grpc.aio.insecure_channel(address, options=options))
            for _ in range(4)
        ]
        followers = [Follower(channels[number % len(channels)], token) for number in range(count)]
        tasks = [asyncio.create_task(follower.follow()) for follower in followers]
        try:
            yield followers
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
