"""docs/reference/api.md, Names: what parameters and fields are called over HTTP, held against the contract of gRPC."""

from __future__ import annotations

import asyncio
import json
import re
from collections import defaultdict
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from flowrpc.gateway.watch_api import encoded
from flowrpc.protocol.answers import Bookmark
from flowrpc.v1 import flow_service_pb2, log_pb2
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor, MethodDescriptor
from google.rpc import error_details_pb2

from tests.end_to_end.conftest import MakeApp, RunningApp
from tests.end_to_end.http_client import events, http

PAGE = Path(__file__).parents[2] / "docs/reference/api.md"
METHODS: dict[str, MethodDescriptor] = dict(
    flow_service_pb2.DESCRIPTOR.services_by_name["FlowService"].methods_by_name
)
CALLS = {
    "GetApp": ("get", "/api/v1/app"),
    "GetState": ("get", "/api/v1/state"),
    "WatchState": ("get", "/api/v1/watch"),
    "UpdateState": ("patch", "/api/v1/state"),
    "ListCommands": ("get", "/api/v1/commands"),
    "CallCommand": ("post", "/api/v1/commands/{command}"),
    "StreamCommand": ("post", "/api/v1/commands/{command}"),
    "ListWorks": ("get", "/api/v1/works"),
    "ListAgents": ("get", "/api/v1/agents"),
    "ListRuns": ("get", "/api/v1/runs"),
    "CancelRun": ("post", "/api/v1/runs/{run_id}/cancel"),
    "StreamLogs": ("get", "/api/v1/logs"),
}
"""Of each method of the contract what does the same over HTTP."""

APP = """
from collections.abc import Iterator

from flowrpc import ClientCommand

log = logging.getLogger("names")


class Train(LightningWork):
    def __init__(self):
        super().__init__(parallel=True, raise_exception=False)

    def run(self, epochs, how=""):
        while how == "wait":
            time.sleep(0.05)
        raise ValueError("too many")


class Child(LightningFlow):
    def __init__(self, number, name="x"):
        self.number = number


class Submit(ClientCommand):
    '''Submits a text.'''

    def run(self, text: str, copies: int = 1) -> None:
        print(self.invoke_handler(text))


class Root(LightningFlow):
    def __init__(self):
        self.number = 0
        self.names = []
        self.ages = {"ann": 3}
        self.more = List()
        self.train = Train()

    def run(self):
        pass

    def change(self, by: int = 1) -> int:
        '''Changes vars in every way.'''
        self.number += by
        self.names.append("ann")
        self.ages.pop("ann", None)
        log.warning("changed")
        return self.number

    def grow(self):
        self.more.append(Child(1, name="y"))

    def shrink(self):
        self.more.pop()

    def fail(self):
        raise ValueError("no")

    def rows(self) -> Iterator[int]:
        yield 1
        raise ValueError("no more")

    def submit(self, text: str):
        self.names.append(text)

    def start(self, how: str = ""):
        self.train.run(3, how=how)

    def configure_commands(self):
        plain = (self.change, self.grow, self.shrink, self.fail, self.rows, self.start)
        return {**{command.__name__: command for command in plain}, "submit": Submit(self.submit)}


app = LightningApp(Root())
"""

LEAVES = ("flowrpc.v1.Value", "flowrpc.v1.MapEntry")
"""What JSON has of its own: what is in them are no names of ours."""


class Names:
    """Collects where messages over HTTP have other names than in the contract."""

    def __init__(self) -> None:
        self.only_contract: dict[str, set[str]] = defaultdict(set)
        self.only_http: dict[str, set[str]] = defaultdict(set)
        self._seen: dict[str, set[str]] = defaultdict(set)
        self._known: dict[str, Descriptor] = {}

    def request(self, message: Descriptor, names: set[str]) -> None:
        """Takes the names of the parameters of a request, and of the fields of its body."""
        fields = {field.name for field in message.fields}
        self._differ(message, fields - names, names - fields)

    def answer(self, message: Descriptor, content: Any) -> None:
        """Takes JSON that is to be a message."""
        assert isinstance(content, dict), (message.full_name, content)
        fields = {field.name: field for field in message.fields}
        self._known[message.name] = message
        self._seen[message.name] |= content.keys()
        always = {name for name, field in fields.items() if not _is_choice(field)}
        self._differ(message, always - content.keys(), content.keys() - fields.keys())
        for name in content.keys() & fields.keys():
            self._value(fields[name], content[name])

    def found(self) -> dict[str, tuple[set[str], set[str]]]:
        """Returns of each message the names that only the contract has, and those that only HTTP has."""
        for name, message in self._known.items():
            choices = {field.name for field in message.fields if _is_choice(field)}
            self.only_contract[name] |= choices - self._seen[name]
        names = self.only_contract.keys() | self.only_http.keys()
        found = {name: (self.only_contract[name], self.only_http[name]) for name in names}
        return {name: differs for name, differs in found.items() if any(differs)}

    def unseen(self) -> set[str]:
        """Returns messages that fields hold which HTTP has, and of which none came."""
        held = [
            _message_of(field)
            for message in self._known.values()
            for field in message.fields
            if field.name in self._seen[message.name]
        ]
        return {message.name for message in held if message is not None} - self._known.keys()

    def _differ(self, message: Descriptor, contract: set[str], http_names: set[str]) -> None:
        self.only_contract[message.name] |= contract
        self.only_http[message.name] |= http_names

    def _value(self, field: FieldDescriptor, value: Any) -> None:
        if field.is_repeated and isinstance(value, list):
            for item in value:
                self._one(field, item)
        elif value is not None:
            self._one(field, value)

    def _one(self, field: FieldDescriptor, value: Any) -> None:
        message = _message_of(field)
        if field.enum_type is not None:
            assert value in _members(field.enum_type), (field.full_name, value)
        elif message is not None:
            self.answer(message, value)
        elif field.message_type is not None and field.message_type.full_name == "google.protobuf.Timestamp":
            assert datetime.fromisoformat(value).tzinfo is not None, (field.full_name, value)


def _message_of(field: FieldDescriptor) -> Descriptor | None:
    """The message of ours that a field holds, if it does."""
    message = field.message_type
    if message is None or not message.full_name.startswith("flowrpc.") or message.full_name in LEAVES:
        return None
    return None if message.GetOptions().map_entry else message


def _is_choice(field: FieldDescriptor) -> bool:
    return field.containing_oneof is not None and len(field.containing_oneof.fields) > 1


def _members(enum: EnumDescriptor) -> set[str | int]:
    """What members of an enum are over HTTP; levels are the numbers of Python's `logging`."""
    if enum.name == "LogLevel":
        return {value.number for value in enum.values}
    prefix = re.sub(r"(?<!^)(?=[A-Z])", "_", enum.name).upper() + "_"
    return {value.name.removeprefix(prefix).lower() for value in enum.values if value.number}


def operations(client: httpx.Client) -> dict[tuple[str, str], Any]:
    paths = client.get("/openapi.json").json()["paths"]
    return {
        (method, path): told
        for path, methods in paths.items()
        if path.startswith("/api/v1/")
        for method, told in methods.items()
    }


def names_of(operation: Any) -> set[str]:
    """The names of all parameters of an operation, and of the fields of its body."""
    names = {parameter["name"] for parameter in operation.get("parameters", ())}
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    return names.union(body.get("properties", {}))


def note_requests(client: httpx.Client, names: Names) -> None:
    known = operations(client)
    for method, call in CALLS.items():
        names.request(METHODS[method].input_type, names_of(known[call]))
    names.only_contract["FlowService"] = METHODS.keys() - CALLS.keys()
    others = known.keys() - set(CALLS.values())
    names.only_http["FlowService"] = {f"{method.upper()} {path}" for method, path in others}


def note_answers(client: httpx.Client, names: Names) -> None:
    def note(method: str, answer: httpx.Response) -> None:
        names.answer(METHODS[method].output_type, answer.json())

    for method in ("GetApp", "GetState", "ListCommands", "ListWorks", "ListAgents", "ListRuns"):
        note(method, client.get(CALLS[method][1]))
    for command in ("change", "fail"):
        note("CallCommand", client.post(f"/api/v1/commands/{command}"))
    for line in client.post("/api/v1/commands/rows").text.splitlines():
        names.answer(METHODS["StreamCommand"].output_type, json.loads(line))
    note("UpdateState", client.patch("/api/v1/state", json={"vars": {"number": 7}}))
    (waiting,) = client.get("/api/v1/runs", params={"statuses": "running"}).json()["runs"]
    note("CancelRun", client.post(f"/api/v1/runs/{waiting['run_id']}/cancel"))
    told = client.get("/api/v1/logs", params={"follow": False})
    for event in events(told):
        names.answer(METHODS["StreamLogs"].output_type, event.data)
        for record in event.data["records"]:
            names.answer(log_pb2.LogRecord.DESCRIPTOR, record)
    refused = client.get("/api/v1/state", params={"component": "root.nothing"})
    names.answer(error_details_pb2.ErrorInfo.DESCRIPTOR, refused.json())


def bookmark() -> Any:
    """A bookmark as it is sent; a real one comes after ten seconds of silence."""

    async def updates() -> AsyncIterator[Bookmark]:
        yield Bookmark(journal_id="j", revision=1, state_hash="")

    async def first() -> bytes:
        async for (event,) in encoded(updates(), "j"):
            return event
        raise AssertionError("nothing came")

    return json.loads(asyncio.run(first()).partition(b"data: ")[2])


def note_watch(app: RunningApp, client: httpx.Client, names: Names, since: Any) -> None:
    """Takes all kinds of events, the end of the app at last."""
    told = {"bookmark": [bookmark()]}
    with client.stream("GET", "/api/v1/watch") as stream:
        told["snapshot"] = [next(events(stream)).data]
    asked = {"after_revision": since["revision"], "journal_id": since["journal_id"]}
    with ThreadPoolExecutor() as pool, client.stream("GET", "/api/v1/watch", params=asked) as stream:
        coming = events(stream)
        first = next(coming)
        end = pool.submit(app.end)
        for event in (first, *coming):
            told.setdefault(event.kind, []).append(event.data)
        assert end.result() == 0
    for kind, contents in told.items():
        for content in contents:
            names.answer(METHODS["WatchState"].output_type, {kind: content})


def test_names_are_those_of_the_contract_but_for_those_that_the_page_tells(make_app: MakeApp) -> None:
    app = make_app(APP).start()
    names = Names()
    with http(app) as client, app.client() as grpc, grpc.replica() as replica:
        since = client.get("/api/v1/state").json()
        for command in ("change", "grow", "shrink", "grow", "start"):
            grpc.call(command)
        replica.wait_for(lambda _: any(run.failure for run in grpc.runs()), timeout=40)
        grpc.call("start", how="wait")
        replica.wait_for(lambda _: any(run.status.value == "running" for run in grpc.runs()), timeout=40)
        note_requests(client, names)
        note_answers(client, names)
        note_watch(app, client, names, since)
    assert names.unseen() == set(), "of these messages nothing was compared"
    assert names.found() == told_differences()


def told_differences() -> dict[str, tuple[set[str], set[str]]]:
    """Reads the table of the page: of each message what only the contract has, and what only HTTP has."""
    table = PAGE.read_text().partition("| message or service |")[2].partition("\n\n")[0]
    told: dict[str, tuple[set[str], set[str]]] = {}
    for row in table.splitlines()[2:]:
        messages, contract, over_http, why = (cell.strip() for cell in row.split("|")[1:-1])
        assert why, row
        for message in _words(messages):
            both = told.setdefault(message, (set(), set()))
            both[0].update(_words(contract))
            both[1].update(_words(over_http))
    return told


def _words(cell: str) -> list[str]:
    words = re.findall(r"`([^`]+)`", cell)
    return [word.lower() if "-" in word and " " not in word else word for word in words]  # headers


def test_a_name_that_differs_is_found() -> None:
    """In a request, in what an answer holds, and in a member of an enum: so the test above can fail."""
    names = Names()
    names.request(METHODS["GetState"].input_type, {"component", "children", "with_state_hash"})
    run = {
        field.name: None
        for field in flow_service_pb2.DESCRIPTOR.message_types_by_name["ListRunsResponse"].fields
    }
    names.answer(METHODS["ListRuns"].output_type, run | {"runs": [{"id": "x"}]})
    assert names.found()["GetStateRequest"] == ({"exclude_children"}, {"children"})
    assert names.found()["Run"][1] == {"id"}
    assert "run_id" in names.found()["Run"][0]
    with pytest.raises(AssertionError, match=r"Run\.status"):
        names.answer(METHODS["ListRuns"].output_type, run | {"runs": [{"status": "RUNNING"}]})
