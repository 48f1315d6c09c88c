"""The app's own services, called as a stranger does: with what reflection tells, and no library of ours."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from google.rpc import error_details_pb2, status_pb2
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from tests.end_to_end.conftest import MakeApp, RunningApp, flowctl

APP = """
from dataclasses import dataclass
from pydantic import BaseModel, Field


class Tag(BaseModel):
    item_id: int = Field(alias="itemId")
    kind: str = Field(default="plain", alias="class")


@dataclass
class Item:
    sku: str
    price: float = 1.0


class Job(LightningWork):
    def run(self, item: str, steps: int = 3):
        pass


class Root(LightningFlow):
    big: int

    def __init__(self):
        self.names: list[str] = []
        self.items = []
        self.count = 0
        self.big = 0
        self.job = Job(parallel=True)

    def run(self):
        self.count = len(self.names)
        if self.names:
            self.job.run(self.names[0], steps=2**53 + 1)

    def add(self, name: str, times: int = 1) -> int:
        '''Adds a name.'''
        if name == "bad":
            raise ValueError("bad name")
        self.names += [name] * times
        return len(self.names)

    def order(self, items: list[Item], note: str | None = None) -> Item:
        return max(items, key=lambda item: item.price)

    def grow(self, to: int) -> None:
        self.big = 2**to

    def pair(self, left: int, right: str, other: int = 0) -> None:
        pass

    def tag(self, tag: Tag) -> Tag:
        return Tag(itemId=tag.item_id + 1)

    def configure_commands(self):
        return {"my_command": self.add, "order": self.order, "grow": self.grow, "tag": self.tag, "pair": self.pair}


app = LightningApp(Root())
"""


class Stranger:
    """A client that knows an address and a token, and learns the rest by reflection."""

    def __init__(self, app: RunningApp, role: str = "call") -> None:
        self._metadata = (
            ("authorization", f"Bearer {(app.folder / '.flowrpc' / 'tokens' / role).read_text().strip()}"),
        )
        self.channel = grpc.insecure_channel(app.address)
        told: Any = _WithMetadata(self.channel, self._metadata)
        self._pool = DescriptorPool(ProtoReflectionDescriptorDatabase(told))

    def method(self, name: str) -> Any:
        return self._pool.FindServiceByName("shop.v1.RootService").FindMethodByName(name)

    def call(self, name: str, /, **fields: Any) -> Any:
        """Calls a method and returns its answer."""
        method = self.method(name)
        request, response = GetMessageClass(method.input_type), GetMessageClass(method.output_type)
        path = f"/{method.containing_service.full_name}/{name}"
        make = self.channel.unary_stream if method.server_streaming else self.channel.unary_unary
        call: Any = make(
            path, request_serializer=request.SerializeToString, response_deserializer=response.FromString
        )
        return call(request(**fields), metadata=self._metadata, timeout=60)


class _WithMetadata:
    """A channel whose calls carry the token."""

    def __init__(self, channel: grpc.Channel, metadata: Any) -> None:
        self._channel, self._metadata = channel, metadata

    def stream_stream(self, *args: Any, **kwargs: Any) -> Any:
        call: Any = self._channel.stream_stream(*args, **kwargs)
        return lambda requests, **more: call(requests, metadata=self._metadata, timeout=60)


@pytest.fixture
def app(make_app: MakeApp) -> RunningApp:
    return make_app(APP).start()


@pytest.fixture
def stranger(app: RunningApp) -> Iterator[Stranger]:
    made = Stranger(app)
    yield made
    made.channel.close()


def details(error: grpc.RpcError, kind: Any) -> Any:
    """Finds a detail of an error."""
    metadata: Any = error.trailing_metadata()
    sent = dict(metadata)["grpc-status-details-bin"]
    for detail in status_pb2.Status.FromString(sent).details:
        found = kind()
        if detail.Unpack(found):
            return found
    return None


def test_a_command_is_called_with_its_types(stranger: Stranger) -> None:
    answer = stranger.call("MyCommand", name="x", times=2)
    assert (answer.result, answer.revision > 0) == (2, True)
    item = stranger.call("Order", items=[{"sku": "a"}, {"sku": "b", "price": 2}]).result
    assert (item.sku, item.price) == ("b", 2.0)


def test_a_field_with_an_alias_is_taken_and_sent_by_it(app: RunningApp, stranger: Stranger) -> None:
    found = stranger.call("Tag", tag={"item_id": 1, "class": "odd"}).result
    assert (found.item_id, getattr(found, "class")) == (2, "plain")
    with app.client() as client:
        assert client.call("tag", tag={"itemId": 2}) == {"itemId": 3, "class": "plain"}


def test_state_is_read_with_its_types(stranger: Stranger) -> None:
    revision = stranger.call("MyCommand", name="é").revision
    answer = stranger.call("GetState")
    assert answer.revision >= revision
    assert list(answer.state.names) == ["é"]


def test_only_what_a_mask_names_is_sent(stranger: Stranger) -> None:
    stranger.call("MyCommand", name="x")
    state = stranger.call("GetState", field_mask={"paths": ["count", "big"]}).state
    assert {field.name for field, _ in state.ListFields()} == {"count", "big"}
    with pytest.raises(grpc.RpcError) as caught:
        stranger.call("GetState", field_mask={"paths": ["nothing"]})
    (violation,) = details(caught.value, error_details_pb2.BadRequest).field_violations
    assert violation.field == "field_mask"
    assert "'nothing', which RootState does not have" in violation.description


def test_a_watch_is_silent_about_what_its_mask_leaves_out(stranger: Stranger) -> None:
    watch = stranger.call("WatchState", field_mask={"paths": ["big"]})
    assert next(watch).state.big == 0
    stranger.call("MyCommand", name="x")
    stranger.call("Grow", to=5)
    assert next(watch).state.big == 32
    watch.cancel()


def test_a_run_is_told_with_its_types(stranger: Stranger) -> None:
    watch = stranger.call("WatchState", field_mask={"paths": ["job.run"]})
    assert not next(watch).state.job.HasField("run")
    stranger.call("MyCommand", name="x")
    run = next(watch).state.job.run
    while run.status != "succeeded":
        assert (run.arguments.item, run.arguments.steps) == ("x", 2**53 + 1)
        run = next(watch).state.job.run
    assert run.run_id
    assert stranger.call("GetState").state.job.run == run
    watch.cancel()


def test_2_to_the_53_plus_1_is_exact(stranger: Stranger) -> None:
    stranger.call("Grow", to=53)
    assert stranger.call("GetState").state.big == 2**53


def test_an_int_beyond_64_bits_is_refused_by_place(stranger: Stranger) -> None:
    stranger.call("Grow", to=64)
    with pytest.raises(grpc.RpcError) as caught:
        stranger.call("GetState")
    info = details(caught.value, error_details_pb2.ErrorInfo)
    assert (info.reason, info.metadata["place"]) == ("NOT_IN_CONTRACT", "state.big")


def test_what_is_missing_is_told_field_by_field(stranger: Stranger) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        stranger.call("Order", items=[{"price": 1}, {}])
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    with pytest.raises(grpc.RpcError) as caught:
        stranger.call("Pair", other=1)
    violations = details(caught.value, error_details_pb2.BadRequest).field_violations
    assert [(one.field, one.description) for one in violations] == [
        ("left", "is missing"),
        ("right", "is missing"),
    ]


def test_what_a_command_raises_is_a_status_with_its_reason(stranger: Stranger) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        stranger.call("MyCommand", name="bad")
    assert caught.value.code() is grpc.StatusCode.FAILED_PRECONDITION
    info = details(caught.value, error_details_pb2.ErrorInfo)
    assert (info.reason, info.metadata["type"]) == ("COMMAND_FAILED", "ValueError")
    assert list(stranger.call("GetState").state.names) == []


def test_a_repeated_request_id_gets_the_first_answer(stranger: Stranger) -> None:
    request_id = uuid7()
    answers = [stranger.call("MyCommand", name="once", request_id=request_id) for _ in range(3)]
    assert len({answer.revision for answer in answers}) == 1
    with pytest.raises(grpc.RpcError) as caught:
        stranger.call("MyCommand", name="other", request_id=request_id)
    assert caught.value.code() is grpc.StatusCode.ALREADY_EXISTS
    assert list(stranger.call("GetState").state.names) == ["once"]


def uuid7() -> str:
    milliseconds = time.time_ns() // 1_000_000
    return str(uuid.UUID(int=(milliseconds << 80) | (0x7 << 76) | (0x2 << 62) | uuid.uuid4().int % 2**62))


def test_a_role_that_reads_may_not_call(app: RunningApp) -> None:
    reader = Stranger(app, "read")
    assert reader.call("GetState").state.count == 0
    with pytest.raises(grpc.RpcError) as caught:
        reader.call("MyCommand", name="x")
    assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED
    reader.channel.close()


def test_a_watch_goes_on_after_the_app_was_killed(app: RunningApp, stranger: Stranger) -> None:
    stranger.call("MyCommand", name="a")
    watch = stranger.call("WatchState")
    first = next(watch)
    while first.state.count < 1:
        first = next(watch)
    watch.cancel()
    app.kill()
    app.start()
    again = Stranger(app)
    again.call("MyCommand", name="b")
    watch = again.call("WatchState", after_revision=first.revision)
    update = next(watch)
    while update.state.count < 2:
        assert update.revision > first.revision
        update = next(watch)
    assert list(update.state.names) == ["a", "b"]
    watch.cancel()
    again.channel.close()


def test_numbers_come_from_the_lock(make_app: MakeApp) -> None:
    app = make_app(APP)
    assert flowctl("contract", "build", "app.py", cwd=app.folder).returncode == 0
    source = (app.folder / "app.py").read_text()
    (app.folder / "app.py").write_text(
        source.replace("name: str, times: int = 1", "times: int = 1, *, name: str")
    )
    stranger = Stranger(app.start())
    numbers = {field.name: field.number for field in stranger.method("MyCommand").input_type.fields}
    assert numbers == {"name": 1, "times": 2, "request_id": 15}
    stranger.channel.close()
