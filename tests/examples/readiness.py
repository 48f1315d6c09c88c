"""Waiting until a served app is ready, by the health service that probes ask."""

from __future__ import annotations

from typing import Any

import grpc
from flowrpc.testing import AppProcess
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests.examples.conftest import SECONDS


def wait_until_ready(app: AppProcess) -> None:
    """Watches the health of an app until it is ready."""
    with grpc.insecure_channel(app.client.address) as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)
        watch = stub.Watch(health_pb2.HealthCheckRequest(), timeout=SECONDS)
        serving = health_pb2.HealthCheckResponse.SERVING
        assert any(answer.status == serving for answer in watch)
        watch.cancel()
