"""Reflection: what services there are, for grpcurl and `buf curl`. Both of its names have the same messages."""

from __future__ import annotations

from typing import Any

import grpc

from flowrpc.flow_service.typed_service import TypedService

FLOW_SERVICE = "flowrpc.v1.FlowService"
WORK_SERVICE = "flowrpc.v1.WorkService"
SERVED = (FLOW_SERVICE, WORK_SERVICE, "grpc.health.v1.Health")
"""The services of every app."""

_METHODS = tuple(
    f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo" for version in ("v1", "v1alpha")
)


class Reflection(grpc.GenericRpcHandler):
    """Tells of the services of every app and of those of this one, as its contract is at the time of the call."""

    def __init__(self, typed: TypedService) -> None:
        """Takes what serves the contract."""
        self._typed = typed
        self._told_of: object = None
        self._handler: Any = None

    def service(self, details: Any) -> Any:
        """Returns the handler of reflection; None if another method is called."""
        if details.method not in _METHODS:
            return None
        if self._handler is None or self._told_of is not self._typed.built:
            self._told_of, self._handler = self._typed.built, self._make()
        return self._handler

    def _make(self) -> Any:
        from grpc_reflection.v1alpha import _async as reflection_aio  # most apps are never asked
        from grpc_reflection.v1alpha import reflection_pb2

        from flowrpc.contract.pool import reflection_pool

        built = self._typed.built
        names = list(SERVED)
        if built is not None:
            names += [f"{built.contract.package}.{name}" for name in built.contract.services]
        pool = reflection_pool(built.pool() if built is not None else None)
        servicer: Any = reflection_aio.ReflectionServicer(names, pool=pool)
        return grpc.stream_stream_rpc_method_handler(
            servicer.ServerReflectionInfo,
            request_deserializer=reflection_pb2.ServerReflectionRequest.FromString,
            response_serializer=reflection_pb2.ServerReflectionResponse.SerializeToString,
        )
