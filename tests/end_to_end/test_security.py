"""Who may call what; what is told to strangers."""

from __future__ import annotations

import math
import queue
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from flowrpc.protocol.run_directory import read_token
from flowrpc.v1 import flow_service_pb2 as pb
from flowrpc.v1 import flow_service_pb2_grpc
from flowrpc.v1.work_service_pb2 import AttachRequest, Beat, Hello, WorkDelta
from flowrpc.v1.work_service_pb2_grpc import WorkServiceStub
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2

from tests.end_to_end.conftest import MakeApp, RunningApp
from tests.end_to_end.test_life import COUNTER
from tests.end_to_end.test_works import REMOTE


@pytest.fixture
def app(make_app: MakeApp) -> RunningApp:
    return make_app(COUNTER).start()


@pytest.fixture
def channel(app: RunningApp) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(app.address) as channel:
        yield channel


def bearer(app: RunningApp, role: str) -> tuple[tuple[str, str], ...]:
    token = read_token(app.folder / ".flowrpc" / "tokens" / role)
    return (("authorization", f"Bearer {token}"),)


def refused(call: Any) -> tuple[str, str]:
    return call.code().name, call.details()


@pytest.mark.parametrize(
    "metadata", [(), (("authorization", "Bearer wrong"),), (("authorization", "Basic x"),)]
)
def test_no_call_without_a_token(channel: grpc.Channel, metadata: tuple[tuple[str, str], ...]) -> None:
    stub = flow_service_pb2_grpc.FlowServiceStub(channel)

    with pytest.raises(grpc.RpcError) as caught:
        stub.GetApp(pb.GetAppRequest(), metadata=metadata, timeout=60)

    assert refused(caught.value)[0] == "UNAUTHENTICATED"


def test_strangers_do_not_learn_what_methods_there_are(app: RunningApp, channel: grpc.Channel) -> None:
    unknown: Any = channel.unary_unary("/flowrpc.v1.FlowService/NoSuchMethod")

    with pytest.raises(grpc.RpcError) as caught:
        unknown(b"", timeout=10)
    assert refused(caught.value)[0] == "UNAUTHENTICATED"
    with pytest.raises(grpc.RpcError) as caught:
        unknown(b"", metadata=bearer(app, "read"), timeout=60)
    assert refused(caught.value)[0] == "UNIMPLEMENTED"


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        ("read", {"GetApp"}),
        ("call", {"GetApp", "CallCommand"}),
        ("admin", {"GetApp", "CallCommand", "StopApp"}),
        ("work", set()),
    ],
)
def test_each_role_does_what_it_may(
    app: RunningApp, channel: grpc.Channel, role: str, allowed: set[str]
) -> None:
    stub = flow_service_pb2_grpc.FlowServiceStub(channel)
    command = pb.CallCommandRequest(command="my_command")
    requests = {"GetApp": pb.GetAppRequest(), "CallCommand": command, "StopApp": pb.StopAppRequest()}

    codes = {}
    for method, request in requests.items():
        try:
            getattr(stub, method)(request, metadata=bearer(app, role), timeout=60)
            codes[method] = "OK"
        except grpc.RpcError as error:
            codes[method] = refused(error)[0]

    assert {method for method, code in codes.items() if code != "PERMISSION_DENIED"} == allowed


def test_the_work_role_attaches(app: RunningApp, channel: grpc.Channel) -> None:
    frames: queue.SimpleQueue[Any] = queue.SimpleQueue()
    frames.put(AttachRequest(hello=Hello(agent_id="a", boot_id="b", works=["root.none"])))

    call = WorkServiceStub(channel).Attach(iter(frames.get, None), metadata=bearer(app, "work"), timeout=60)

    assert next(call).HasField("welcome")
    frames.put(None)
    assert list(call) == [], "the agent closed its side"


def test_a_stream_that_does_not_say_hello_is_refused(app: RunningApp, channel: grpc.Channel) -> None:
    attach = WorkServiceStub(channel).Attach
    beat = AttachRequest(beat=Beat(number=1))

    with pytest.raises(grpc.RpcError) as caught:
        next(attach(iter([beat]), metadata=bearer(app, "work"), timeout=60))

    assert refused(caught.value) == ("FAILED_PRECONDITION", "the first message of the stream must be Hello")


def test_health_is_told_to_anybody(channel: grpc.Channel) -> None:
    stub: Any = health_pb2_grpc.HealthStub(channel)

    answer = stub.Check(health_pb2.HealthCheckRequest(service="flowrpc.v1.FlowService"), timeout=60)

    assert answer.status == health_pb2.HealthCheckResponse.SERVING


@pytest.mark.parametrize("version", ["v1", "v1alpha"])
def test_reflection_lists_the_services(app: RunningApp, channel: grpc.Channel, version: str) -> None:
    reflect = channel.stream_stream(
        f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo",
        request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
        response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
    )
    question = reflection_pb2.ServerReflectionRequest(list_services="")

    answer = next(reflect(iter([question]), metadata=bearer(app, "read"), timeout=60))

    names = {service.name for service in answer.list_services_response.service}
    assert {"flowrpc.v1.FlowService", "flowrpc.v1.WorkService", "grpc.health.v1.Health"} <= names


def test_tokens_and_state_are_the_users_own(app: RunningApp) -> None:
    data = app.folder / ".flowrpc"
    private = [data / "app.json", data / "journal.db", *(data / "tokens").iterdir()]

    assert len(private) == 6
    for path in private:
        assert path.stat().st_mode & 0o077 == 0, path
    assert data.stat().st_mode & 0o077 == 0


def test_a_delta_that_is_no_state_ends_its_run_and_not_the_stream(make_app: MakeApp) -> None:
    tolerant = REMOTE.replace("parallel=True", "parallel=True, raise_exception=False")
    app = make_app(tolerant, "--remote-work", "root.*").start()
    frames: queue.SimpleQueue[Any] = queue.SimpleQueue()
    frames.put(AttachRequest(hello=Hello(agent_id="foreign", boot_id="b", works=["root.train"])))
    with grpc.insecure_channel(app.address) as channel:
        call = WorkServiceStub(channel).Attach(
            iter(frames.get, None), metadata=bearer(app, "work"), timeout=60
        )
        start = next(answer for answer in call if answer.HasField("start_run")).start_run
        delta = WorkDelta(run_id=start.run_id, attempt=1, seq=1)
        delta.changes.add(var="step").number = math.nan
        frames.put(AttachRequest(delta=delta))
        frames.put(AttachRequest(beat=Beat(number=7)))
        assert next(answer for answer in call if answer.HasField("beat")).beat.number == 7
        frames.put(None)

    with app.client() as client:
        (run,) = client.runs()
    assert run.failure is not None
    assert "the work sent what is no state" in run.failure.message
