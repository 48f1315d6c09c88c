"""Another contract takes the place of the one that is served, under open channels."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
from flowrpc.contract.building import Built, build
from flowrpc.contract.lock import Lock
from flowrpc.flow_service.catalogue import Catalogue
from flowrpc.flow_service.publisher import Publisher
from flowrpc.flow_service.reflection import Reflection
from flowrpc.flow_service.refusals import Refusals
from flowrpc.flow_service.typed_service import TypedService
from flowrpc.protocol.answers import CommandOutcome
from flowrpc.state.replica import Replica
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from grpc_reflection.v1alpha import reflection_pb2

from tests.contract.offering import offering


def add(name: str, times: int = 1) -> int:
    raise NotImplementedError


def add_reordered(times: int = 1, *, note: str = "", name: str) -> int:
    raise NotImplementedError


def built_of(before: Lock | None, **commands: Any) -> Built:
    root = offering(commands)
    return build(root, Catalogue(root).commands(), "shop.v1", before)


OLD = built_of(None, add=add)
NEW = built_of(OLD.lock, add=add_reordered, more=add)


class Waiting:
    """Answers calls when it is told to."""

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.came = asyncio.Event()
        self.may_answer = asyncio.Event()

    async def ask(self, make: Any) -> CommandOutcome:
        self.asked.append(make(1))
        self.came.set()
        await self.may_answer.wait()
        return CommandOutcome(result=len(self.asked), revision=7)


@asynccontextmanager
async def served() -> AsyncIterator[tuple[TypedService, Waiting, grpc.aio.Channel]]:
    waiting = Waiting()
    typed = TypedService(waiting, Publisher(Replica(revision=0), journal_id="j"), Refusals())  # type: ignore[arg-type]
    typed.offer(OLD)
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((typed, Reflection(typed)))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield typed, waiting, channel
    await server.stop(0)


async def called(channel: grpc.aio.Channel, built: Built, command: str, **fields: Any) -> Any:
    """Calls as a client that was generated from a contract."""
    pool = built.pool()
    request, response = (pool.message_class(f"{command}{end}") for end in ("Request", "Response"))
    call: Any = channel.unary_unary(
        f"/shop.v1.RootService/{command}",
        request_serializer=request.SerializeToString,
        response_deserializer=response.FromString,
    )
    return await call(request(**fields), timeout=60)


async def methods_told(channel: grpc.aio.Channel, version: str) -> list[str]:
    """Asks reflection for the methods of the service."""
    call: Any = channel.stream_stream(
        f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo",
        request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
        response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
    )
    request = reflection_pb2.ServerReflectionRequest(file_containing_symbol="shop.v1.RootService")
    (answer,) = [one async for one in call(iter([request]), timeout=30)]
    files = [
        FileDescriptorProto.FromString(one) for one in answer.file_descriptor_response.file_descriptor_proto
    ]
    return [method.name for one in files if one.package == "shop.v1" for method in one.service[0].method]


def test_a_call_under_way_ends_with_the_contract_it_began_with() -> None:
    async def run() -> None:
        async with served() as (typed, waiting, channel):
            under_way = asyncio.create_task(called(channel, OLD, "Add", name="x", times=2))
            await asyncio.wait_for(waiting.came.wait(), 60)
            typed.offer(NEW)
            waiting.may_answer.set()
            assert ((await under_way).result, (await under_way).revision) == (1, 7)
            assert waiting.asked[0].arguments == {"name": "x", "times": 2}

    asyncio.run(run())


def test_old_and_new_clients_call_over_one_channel() -> None:
    async def run() -> None:
        async with served() as (typed, waiting, channel):
            waiting.may_answer.set()
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await called(channel, NEW, "More", name="x")
            assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
            await called(channel, OLD, "Add", name="first")
            typed.offer(NEW)
            await called(channel, OLD, "Add", name="old", times=3)
            await called(channel, NEW, "Add", name="new", note="n")
            await called(channel, NEW, "More", name="more")
            assert [one.arguments for one in waiting.asked] == [
                {"name": "first"},
                {"name": "old", "times": 3},
                {"name": "new", "note": "n"},
                {"name": "more"},
            ]

    asyncio.run(run())


@pytest.mark.parametrize("version", ["v1", "v1alpha"])
def test_reflection_tells_the_new_contract(version: str) -> None:
    async def run() -> None:
        async with served() as (typed, _, channel):
            assert await methods_told(channel, version) == ["Add", "GetState", "WatchState"]
            typed.offer(NEW)
            assert await methods_told(channel, version) == ["Add", "More", "GetState", "WatchState"]

    asyncio.run(run())
