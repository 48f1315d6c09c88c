"""The yardstick: a bare grpc.aio server that answers with as many bytes as the method's name says."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from typing import Any

import grpc

UNARY = "/bench.Echo/unary-"
STREAM = "/bench.Echo/stream-"


class Echo(grpc.GenericRpcHandler):
    """Answers `unary-SIZE` with one message, `stream-SIZE` with as many as the request says."""

    def service(self, details: Any) -> Any:
        kind, _, size = details.method.rpartition("/")[2].partition("-")
        reply = b"x" * int(size)
        return _unary(reply) if kind == "unary" else _stream(reply)


def _unary(reply: bytes) -> Any:
    async def answer(request: bytes, context: Any) -> bytes:
        return reply

    return grpc.unary_unary_rpc_method_handler(answer)


def _stream(reply: bytes) -> Any:
    async def answers(request: bytes, context: Any) -> AsyncIterator[bytes]:
        for _ in range(int(request)):
            yield reply

    return grpc.unary_stream_rpc_method_handler(answers)


async def serve() -> None:
    """Serves until stdin ends: the benchmark holds the other end, so nothing is left behind."""
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    server.add_generic_rpc_handlers((Echo(),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(f"echo is served at 127.0.0.1:{port}", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    os._exit(0)


if __name__ == "__main__":
    asyncio.run(serve())
