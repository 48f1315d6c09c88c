"""The fault proxy does to connections what it is told to, and nothing else."""

from __future__ import annotations

import asyncio
import gc
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest

from tests.crash.faults.proxy import FaultProxy

MESSAGE = bytes(range(256)) * 4


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65_536):
            writer.write(data)
    finally:
        writer.close()


Talk = Callable[[FaultProxy, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def through_proxy(talk: Talk) -> None:
    """Talks to an echo through a proxy."""

    async def main() -> None:
        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        proxy = FaultProxy(server.sockets[0].getsockname()[1])
        await proxy.start()
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        try:
            async with asyncio.timeout(20):
                await talk(proxy, reader, writer)
        finally:
            writer.transport.abort()
            await proxy.close()
            server.close()
            await asyncio.sleep(0)

    asyncio.run(main())


def test_it_passes_bytes_on() -> None:
    async def talk(proxy: FaultProxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(MESSAGE)
        assert await reader.readexactly(len(MESSAGE)) == MESSAGE
        assert proxy.spoilt == 0

    through_proxy(talk)


def test_it_ends_with_a_connection_that_leads_nowhere_yet() -> None:
    async def main() -> None:
        with socket.socket() as busy, socket.socket() as first, socket.socket() as second:
            busy.bind(("127.0.0.1", 0))
            busy.listen(0)
            for one in (first, second):  # they take what room there is: who dials now is not answered
                one.setblocking(False)
                one.connect_ex(busy.getsockname())
            proxy = FaultProxy(busy.getsockname()[1])
            await proxy.start()
            reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
            await proxy.close()
            with suppress(ConnectionResetError):
                assert await reader.read() == b""
            writer.transport.abort()
            await asyncio.sleep(0)

    asyncio.run(main())
    gc.collect()


def test_a_reset_ends_the_connection() -> None:
    async def talk(proxy: FaultProxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"x")
        await reader.readexactly(1)
        proxy.reset()
        with pytest.raises(ConnectionResetError):
            await reader.readexactly(1)

    through_proxy(talk)


def test_a_stall_loses_nothing() -> None:
    async def talk(proxy: FaultProxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        stalled = asyncio.create_task(proxy.stall(0.2))
        await asyncio.sleep(0)
        writer.write(MESSAGE)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(reader.readexactly(1)), 0.05)
        await stalled

    through_proxy(talk)


def test_a_lost_direction_costs_the_connection() -> None:
    async def talk(proxy: FaultProxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lost = asyncio.create_task(proxy.half_open(0.1, up=True))
        await asyncio.sleep(0)
        writer.write(MESSAGE)
        with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
            await reader.readexactly(len(MESSAGE))
        await lost

    through_proxy(talk)


def test_a_chunk_is_duplicated() -> None:
    async def talk(proxy: FaultProxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        proxy.spoil("duplicate")
        writer.write(MESSAGE)
        assert await reader.readexactly(2 * len(MESSAGE)) == MESSAGE + MESSAGE
        assert proxy.spoilt == 1

    through_proxy(talk)


def test_a_truncated_chunk_is_the_last() -> None:
    async def talk(proxy: FaultProxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        proxy.spoil("truncate")
        writer.write(MESSAGE)
        assert len(await reader.read()) <= len(MESSAGE) // 2

    through_proxy(talk)


def test_a_slow_link_loses_nothing() -> None:
    async def talk(proxy: FaultProxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        slowed = asyncio.create_task(proxy.slow(0.05))
        await asyncio.sleep(0)
        writer.write(MESSAGE)
        assert await reader.readexactly(len(MESSAGE)) == MESSAGE
        await slowed

    through_proxy(talk)
