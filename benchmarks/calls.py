"""Timed unary calls: requests and answers are bytes, so that both sides cost the client the same."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeAlias

import grpc

from benchmarks.echo_server import UNARY
from benchmarks.harness import Block, Side
from benchmarks.processes import FLOW, Service

Call: TypeAlias = Callable[[bytes], bytes]
"""Sends a request and returns the answer."""
TIMEOUT_SECONDS = 30.0


def service_call(service: Service, channel: grpc.Channel, method: str) -> Call:
    """Returns what calls a method of the flow service, or of the path that is given, with the token."""
    call: Any = channel.unary_unary(method if method.startswith("/") else FLOW + method)
    metadata = service.metadata
    return lambda request: call(request, timeout=TIMEOUT_SECONDS, metadata=metadata)


def echo_call(channel: grpc.Channel, reply_bytes: int) -> Call:
    """Returns what calls the bare server."""
    call: Any = channel.unary_unary(f"{UNARY}{reply_bytes}")
    return lambda request: call(request, timeout=TIMEOUT_SECONDS)


def timed(call: Call, make_request: Callable[[], bytes], count: int) -> Side:
    """Makes a side of so many calls; making the request is not timed."""

    def block() -> Block:
        return [_seconds(call, make_request()) for _ in range(count)]

    return block


def _seconds(call: Call, request: bytes) -> float:
    begin = time.perf_counter()
    call(request)
    return time.perf_counter() - begin
