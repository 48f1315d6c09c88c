"""The OpenAPI document of an app, held against what the app really takes and sends over HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator, FormatChecker

from tests.end_to_end.conftest import HEADER, RunningApp, flowctl
from tests.end_to_end.http_client import http

APP = """
import enum
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Iterator, Literal, NamedTuple, TypedDict
from uuid import UUID

from flowrpc import Dict
from pydantic import BaseModel


class Color(enum.Enum):
    RED = "red"
    GREEN = 2


@dataclass
class Item:
    sku: str
    price: float = 1.0
    parent: "Item | None" = None
    made: int = field(init=False, default=7)


class Point(NamedTuple):
    x: int
    y: int = 0


class Options(TypedDict, total=False):
    fast: bool


class Order(BaseModel):
    name: str
    count: int = 1


class Team(LightningFlow):
    def __init__(self):
        self.size = 1

    def grow(self, by: int) -> int:
        self.size += by
        return self.size

    def configure_commands(self):
        return {"grow": self.grow}


class Job(LightningWork):
    progress: float

    def __init__(self):
        super().__init__(parallel=True)
        self.progress = 0

    def run(self, rate: float, steps: int = 3):
        self.progress = rate


class Root(LightningFlow):
    when: datetime | None
    item: dict[str, int]

    def __init__(self):
        self.team = Team()
        self.job = Job()
        self.more = Dict()
        self.when = None
        self.count = 0
        self.big = 2**70
        self.item = {"$flowrpc": 2**60}
        self.any = [None, 1.5, {"$flowrpc": 1}]

    def run(self):
        if not self.count:
            self.count = 1
            self.more["dynamic"] = Team()
            self.job.run(0.5, steps=2)

    def simple(self, a: int, b: float = 1.5, c: str = "é", d: bool = False, e: bytes = b"\\xff") -> list[Any]:
        return [a, b, c, d, e]

    def twice(self, a: int) -> int:
        return 2 * a

    def items(self, items: list[Item], by: dict[str, Item] | None = None) -> Item:
        return items[0]

    def odd(self, color: Color, at: Point, pair: tuple[int, str], mode: Literal["fast", 1] = 1) -> Color:
        return color

    def point(self, at: Point) -> Point:
        return at

    def texts(
        self, d: date, t: datetime, u: UUID, m: Decimal, w: timedelta
    ) -> tuple[date, datetime, UUID, Decimal, timedelta]:
        return d, t, u, m, w

    def choose(
        self, one: int | str | Item, maybe: list[int] | None = None, tags: list[str] = ["new"]
    ) -> int | str | Item:
        return one

    def echo(self, anything, options: Options = {}) -> Any:
        return anything

    def buy(self, order: Order) -> Order:
        return order

    def rest(self, a: int = 1, **rest: float) -> dict[str, float]:
        return rest

    def nothing(self) -> None:
        pass

    def fail(self) -> int:
        raise ValueError("no")

    def rows(self, count: int, bad: bool = False) -> Iterator[Item]:
        for number in range(count):
            yield Item(str(number))
        if bad:
            raise ValueError("no more")

    def configure_commands(self):
        names = "simple twice items odd point texts choose echo buy rest nothing fail rows"
        return {name: getattr(self, name) for name in names.split()}


app = LightningApp(Root())
"""

BIG = {"$flowrpc": "int", "value": str(2**60)}
RIGHT: list[tuple[str, dict[str, Any]]] = [
    ("simple", {"a": 1}),
    ("simple", {"a": BIG, "b": 2, "c": "", "d": True, "e": "AAE="}),
    ("twice", {"a": BIG}),
    ("items", {"items": [{"sku": "a"}, {"sku": "b", "price": 2, "parent": {"sku": "c"}}]}),
    ("items", {"items": [{"sku": "a"}], "by": {"$$flowrpc": {"sku": "x"}}}),
    ("items", {"items": [{"sku": "a", "parent": None}], "by": None}),
    ("odd", {"color": "red", "at": [1], "pair": [1, "x"], "mode": "fast"}),
    ("odd", {"color": 2, "at": [1, 2], "pair": [1, "x"]}),
    ("point", {"at": [1]}),
    (
        "texts",
        {
            "d": "2026-03-01",
            "t": "2026-03-01T12:00:00Z",
            "u": "0195f4c8-0000-7000-8000-000000000000",
            "m": "1.50",
            "w": 90,
        },
    ),
    ("choose", {"one": 1, "maybe": [1], "tags": []}),
    ("choose", {"one": {"sku": "a"}, "maybe": None}),
    ("echo", {"anything": [None, {"a": 1.5, "$$flowrpc": BIG}], "options": {"fast": True}}),
    ("buy", {"order": {"name": "tea", "more": 1}}),
    ("rest", {"a": 2, "b": 1.5, "c": 2}),
    ("nothing", {}),
    ("team.grow", {"by": 2}),
    ("rows", {"count": 2}),
    ("rows", {"count": 0}),
]
WRONG: list[tuple[str, Any]] = [
    ("simple", {}),
    ("simple", []),
    ("simple", {"a": "1"}),
    ("simple", {"a": 1.5}),
    ("simple", {"a": True}),
    ("simple", {"a": None}),
    ("simple", {"a": {"$flowrpc": "int", "value": "x"}}),
    ("simple", {"a": 1, "b": "x"}),
    ("simple", {"a": 1, "d": 0}),
    ("simple", {"a": 1, "e": "not base64"}),
    ("simple", {"a": 1, "f": 1}),
    ("simple", {"a": 1, "request_id": "x"}),
    ("items", {"items": {}}),
    ("items", {"items": [{}]}),
    ("items", {"items": [{"sku": "a", "prize": 1}]}),
    ("items", {"items": [{"sku": "a", "made": 1}]}),
    ("items", {"items": [{"sku": "a", "parent": {"sku": 1}}]}),
    ("items", {"items": [], "by": {"$flowrpc": {"sku": "a"}}}),
    ("odd", {"color": "blue", "at": [1], "pair": [1, "x"]}),
    ("odd", {"color": "red", "at": [], "pair": [1, "x"]}),
    ("odd", {"color": "red", "at": [1, 2, 3], "pair": [1, "x"]}),
    ("odd", {"color": "red", "at": [1], "pair": [1]}),
    ("odd", {"color": "red", "at": [1], "pair": [1, "x"], "mode": "slow"}),
    ("texts", {"d": "March", "t": "2026-03-01T12:00:00Z", "u": "x", "m": "much", "w": "long"}),
    ("choose", {"one": 1.5}),
    ("choose", {"one": 1, "maybe": 1}),
    ("choose", {"one": 1, "tags": None}),
    ("echo", {"anything": {"$flowrpc": 1}}),
    ("echo", {"anything": 1, "options": {"slow": True}}),
    ("buy", {"order": {}}),
    ("rest", {"b": "x"}),
    ("nothing", {"a": 1}),
    ("rows", {"count": "2"}),
]


class Checked:
    """An app with its document."""

    def __init__(self, app: RunningApp, document: dict[str, Any]) -> None:
        self.http = http(app)
        self.document = document

    def is_valid(self, value: Any, *way: str) -> bool:
        """Tells whether a value fits a schema of the document."""
        schema: Any = self.document
        for step in way:
            schema = schema[step]
        whole = schema | {"components": self.document["components"]}
        return bool(Draft202012Validator(whole, format_checker=FormatChecker()).is_valid(value))

    def takes(self, command: str, body: Any) -> bool:
        way = ("paths", f"/api/v1/commands/{command}", "post", "requestBody", "content", "application/json")
        return self.is_valid(body, *way, "schema")

    def tells(self, command: str, answer: httpx.Response, body: Any) -> bool:
        """Tells whether an answer is one of those that the document has for a command."""
        responses = self.document["paths"][f"/api/v1/commands/{command}"]["post"]["responses"]
        status = str(answer.status_code) if str(answer.status_code) in responses else "default"
        kind = answer.headers["content-type"].partition(";")[0]
        way = ("paths", f"/api/v1/commands/{command}", "post", "responses", status, "content", kind)
        return self.is_valid(body, *way, "schema")

    def call(self, command: str, body: Any) -> httpx.Response:
        return self.http.post(f"/api/v1/commands/{command}", content=json.dumps(body))


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checked]:
    folder = tmp_path_factory.mktemp("shop")
    (folder / "app.py").write_text(HEADER + APP)
    told = flowctl("contract", "build", "app.py", "-o", "made", cwd=folder)
    assert told.returncode == 0, told.stderr
    app = RunningApp(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FLOWRPC_RUN_DIR", str(tmp_path_factory.mktemp("run")))
        made = Checked(app.start(), json.loads((folder / "made" / "openapi.json").read_text()))
    yield made
    made.http.close()
    app.close()


@pytest.mark.parametrize(("command", "body"), RIGHT)
def test_what_fits_the_document_is_taken_and_its_answer_fits_too(
    checked: Checked, command: str, body: dict[str, Any]
) -> None:
    assert checked.takes(command, body)
    answer = checked.call(command, body)
    assert answer.status_code == 200, answer.text
    for line in answer.text.splitlines():
        assert checked.tells(command, answer, json.loads(line)), line
        assert not checked.tells(command, answer, json.loads(line) | {"revision": "1"})


@pytest.mark.parametrize(("command", "body"), WRONG)
def test_what_the_app_refuses_does_not_fit(checked: Checked, command: str, body: Any) -> None:
    assert not checked.takes(command, body)
    answer = checked.call(command, body)
    assert answer.status_code == 422, answer.text
    assert checked.tells(command, answer, answer.json())


def test_what_a_command_raises_fits(checked: Checked) -> None:
    answer = checked.call("fail", {})
    assert answer.status_code == 500
    assert checked.tells("fail", answer, answer.json())
    answer = checked.call("rows", {"count": 1, "bad": True})
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert [line.keys() for line in lines] == [{"item", "revision"}, {"failure", "revision"}]
    assert all(checked.tells("rows", answer, line) for line in lines)


def test_the_state_fits(checked: Checked) -> None:
    way = ("paths", "/api/v1/state", "get", "responses", "200", "content", "application/json", "schema")
    state = checked.http.get("/api/v1/state").json()
    assert {one["name"] for one in state["components"]} >= {"root", "root.job", "root.more.dynamic"}
    assert state["runs"] != []
    assert checked.is_valid(state, *way)
    state["components"][0]["vars"]["count"] = "1"
    assert not checked.is_valid(state, *way)
