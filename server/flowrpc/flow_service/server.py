"""The gRPC server of a flow service: its options, its services, its port."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from flowrpc.errors import StartError
from flowrpc.flow_service.flow_servicer import FlowServicer
from flowrpc.flow_service.reflection import FLOW_SERVICE, WORK_SERVICE, Reflection
from flowrpc.flow_service.security import Guard
from flowrpc.flow_service.typed_service import TypedService
from flowrpc.flow_service.work_servicer import WorkServicer
from flowrpc.v1 import flow_service_pb2_grpc, work_service_pb2_grpc
from flowrpc.wire.requests import state_request_from_bytes, watch_request_from_bytes
from flowrpc.wire.sizes import MAX_MESSAGE_BYTES

WRITES = "flowrpc.writes"
"""What the health service is asked for by who wants to know whether the app can save."""

OPTIONS = (
    ("grpc.so_reuseport", 0),  # otherwise two servers share a port in silence
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    ("grpc.server.max_pending_requests", 100_000),  # a burst beyond the default of 1,000 is cancelled
    ("grpc.server_handshake_timeout_ms", 5_000),  # closes sockets that say nothing
    ("grpc.http2.max_ping_strikes", 0),  # agents ping often, to see a frozen flow early
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 500),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.http2.ping_timeout_ms", 10_000),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """Files of a server's certificate."""

    certificate: Path
    key: Path


def bind_checked(address: str, tls: Tls | None) -> None:
    """Refuses to serve strangers in the clear.

    Raises:
        StartError: The address is not a loopback one and there is no TLS, or it is no address.
    """
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise StartError(f"{address!r} is no HOST:PORT; say 127.0.0.1:0 for a free port")
    if not is_loopback(host) and tls is None:
        raise StartError(
            f"{host} can be reached from outside: give --tls-cert and --tls-key, or serve on 127.0.0.1"
        )


def is_loopback(host: str) -> bool:
    """Tells whether a host is this one only."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


class Server:
    """Serves the flow service's methods on one port."""

    def __init__(self, flow: FlowServicer, work: WorkServicer, typed: TypedService, guard: Guard) -> None:
        self._server = grpc.aio.server(options=OPTIONS)
        self._health = health.aio.HealthServicer()
        _register(flow, work, typed, self._health, guard)
        self._server.add_generic_rpc_handlers((guard,))

    def bind(self, address: str, tls: Tls | None) -> str:
        """Takes the port; returns the address with the port that it got.

        Raises:
            StartError: The address cannot be bound.
        """
        host = address.rpartition(":")[0]
        try:
            port = self._bind(address, tls)
        except RuntimeError:
            port = 0
        if port == 0:
            raise StartError(
                f"cannot serve on {address}: the port is taken, or the address is not this host's; "
                "choose another with --address (port 0 takes a free one)"
            )
        return f"{host}:{port}"

    async def start(self) -> None:
        """Begins to serve."""
        await self._server.start()

    async def set_serving(self, serving: bool, *, writing: bool) -> None:
        """Tells health probes whether calls are answered, and whether those that change something are."""
        for name in ("", FLOW_SERVICE, WORK_SERVICE):
            await self._health.set(name, _status(serving))
        await self._health.set(WRITES, _status(writing))

    async def stop(self, grace_seconds: float) -> None:
        """Ends every call, by force when the grace is over."""
        await self._server.stop(grace_seconds)

    def _bind(self, address: str, tls: Tls | None) -> int:
        if tls is None:
            return int(self._server.add_insecure_port(address))
        try:
            pair = (tls.key.read_bytes(), tls.certificate.read_bytes())
        except OSError as error:
            raise StartError(f"{error.filename}: {error.strerror}") from None
        return int(self._server.add_secure_port(address, grpc.ssl_server_credentials([pair])))


def _status(serving: bool) -> Any:
    return health_pb2.HealthCheckResponse.SERVING if serving else health_pb2.HealthCheckResponse.NOT_SERVING


def _register(
    flow: FlowServicer, work: WorkServicer, typed: TypedService, health_servicer: Any, guard: Guard
) -> None:
    guard.add_generic_rpc_handlers((_bytes_handler(flow),))
    flow_service_pb2_grpc.add_FlowServiceServicer_to_server(flow, guard)  # type: ignore[arg-type]  # collects
    work_service_pb2_grpc.add_WorkServiceServicer_to_server(work, guard)  # type: ignore[arg-type]  # handlers
    health_pb2_grpc.add_HealthServicer_to_server(health_servicer, guard)  # type: ignore[arg-type]  # as above
    guard.add_generic_rpc_handlers((typed, Reflection(typed)))


def _bytes_handler(flow: FlowServicer) -> Any:
    """Handles what reads the state before the generated handlers: the answers are bytes already."""
    handlers: dict[str, Any] = {
        "GetState": grpc.unary_unary_rpc_method_handler(
            flow.GetState, request_deserializer=state_request_from_bytes, response_serializer=None
        ),
        "WatchState": grpc.unary_stream_rpc_method_handler(
            flow.WatchState, request_deserializer=watch_request_from_bytes, response_serializer=None
        ),
    }
    return grpc.method_handlers_generic_handler(FLOW_SERVICE, handlers)
