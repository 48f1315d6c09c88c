"""The Python client and real apps: what users start with, an app's typed client, and an app that is killed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from flowrpc import CloudCompute
from flowrpc.errors import CallError, InvalidValueError
from flowrpc_client import CommandFailed, FlowClient, NotReachableError, new_request_id

from tests.clients.ports import free_port
from tests.end_to_end.conftest import RunningApp, flowctl

ROOT = Path(__file__).parents[2]
CLIENT = ROOT / "client" / "python"

pytestmark = pytest.mark.slow

APP = """\
import enum
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from flowrpc import LightningApp, LightningFlow


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


@dataclass
class Item:
    sku: str
    price: float = 1.0
    tags: list[str] | None = None
    color: Color = Color.RED


class Till(LightningFlow):
    def __init__(self):
        self.total = 0

    def run(self):
        pass

    def book(self, list: int, int: str = "") -> int:
        self.total += list
        return self.total

    def configure_commands(self):
        return {"book": self.book}


class Root(LightningFlow):
    names: list[str]
    kept: Any
    item: Item | None

    def __init__(self):
        self.names = []
        self.kept = None
        self.item = None
        self.count = 0
        self.myTotal = 2**53 + 1
        self.till = Till()

    def run(self):
        pass

    def add(self, name: str, times: int = 1) -> int:
        '''Adds a "name".

        Args:
            name: Who it is.
        '''
        self.names += [name] * times
        return len(self.names)

    def keep(self, value: Any) -> Any:
        self.kept = value
        return self.kept

    def leave(self, value: Any = 5) -> Any:
        return value

    def put(self, item: Item, others: list[Item], counts: dict[str, list[int]] | None = None) -> list[Item]:
        self.item = {"sku": item.sku, "price": item.price, "tags": item.tags, "color": item.color.value}
        return [item, *others]

    def either(self, value: int | float | str | list[int] | Item) -> int | float | str | list[int] | Item:
        return value

    def holes(self, values: list[int | None], more: dict[str, str | None]) -> list[int | None]:
        return values

    def at(self, when: datetime, after: timedelta, data: bytes, colors: list[Color]) -> tuple[
        datetime, timedelta, bytes, list[Color]
    ]:
        return when, after, data, colors

    def mode(self, mode: Literal["fast", "slow"] = "slow") -> str:
        return mode

    def rest(self, **more: int) -> dict[str, int]:
        return more

    def nothing(self) -> None:
        pass

    def watch(self, camelCase: int) -> int:
        return camelCase

    def break_(self, text: str) -> None:
        self.count = -1
        raise ValueError(text)

    def grow(self) -> None:
        self.count = 2**64

    def tell(self) -> Iterator[list[Item | None]]:
        yield []

    def configure_commands(self):
        names = "add keep leave put either holes at mode rest nothing watch break_ grow tell"
        return {name: getattr(self, name) for name in names.split()}


app = LightningApp(Root())
"""


def generate(folder: Path) -> Path:
    """Writes the app and its typed client; returns the folder of the client."""
    folder.mkdir()
    (folder / "app.py").write_text(APP)
    for command in ("contract build app.py", "client generate app.py --lang python"):
        told = flowctl(*command.split(), cwd=folder)
        assert told.returncode == 0, told.stderr
    return folder / "client" / "python"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    """An app that runs, with a typed client of it that can be imported as `shop_v1`."""
    folder = tmp_path_factory.mktemp("apps") / "shop"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FLOWRPC_RUN_DIR", str(folder.parent / "run"))
        for name in ("FLOWCTL_ADDRESS", "FLOWCTL_TOKEN_FILE"):
            patch.delenv(name, raising=False)
        patch.syspath_prepend(generate(folder))
        app = RunningApp(folder).start()
        yield app
        app.close()
        for name in [name for name in sys.modules if name.partition(".")[0] == "shop_v1"]:
            del sys.modules[name]


@pytest.fixture
def client(shop: RunningApp) -> Iterator[FlowClient]:
    with shop.client(timeout=30) as client:
        yield client


@pytest.fixture
def types(shop: RunningApp) -> ModuleType:
    import importlib

    return importlib.import_module("shop_v1")


@pytest.fixture
def root(types: ModuleType, client: FlowClient) -> Any:
    return types.RootService(client)


def test_quickstart_calls_and_follows(shop: RunningApp) -> None:
    program: list[str | Path] = [sys.executable, CLIENT / "examples" / "quickstart.py"]
    done = subprocess.run(
        [*program, "keep", '{"value": ["\U0001f600"]}'],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, 'kept = ["\U0001f600"]\n' in done.stdout) == (0, True), done.stderr
    done = subprocess.run([*program, "kep", "{}"], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (1, "Error: no command 'kep'; did you mean 'keep'?\n")


def test_the_code_of_the_pages_runs(shop: RunningApp, capsys: pytest.CaptureFixture[str]) -> None:
    pages = [CLIENT / "README.md", ROOT / "docs" / "reference" / "clients.md"]
    blocks = re.findall(r"```python\n(.*?)```", "".join(page.read_text() for page in pages), re.DOTALL)
    assert len(blocks) == 4
    for block in blocks:
        exec(block, {})
    printed = capsys.readouterr().out
    assert "['ann']" in printed
    assert "INVALID_ARGUMENTS" in printed


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        0,
        2**53 + 1,
        -(2**63),
        2**63 - 1,
        2**70,
        -(10**30),
        1.0,
        -0.0,
        5e-324,
        "",
        "e\u0301 \U0001f469\u200d\U0001f680",
        [],
        [1, [None, 1.0, True]],
        {},
        {"z": 1, "a": {"": [2**53 + 1]}},
    ],
    ids=repr,
)
def test_every_value_comes_back(root: Any, client: FlowClient, value: Any) -> None:
    for returned in (root.keep(value=value), root.get_state().kept, client.call("keep", value=value)):
        assert repr(returned) == repr(value)  # which tells 1 from True and 0.0 from -0.0


def test_values_of_named_types_come_back(root: Any) -> None:
    value = [CloudCompute("gpu", disk_size=2)]
    assert root.keep(value=value) == root.get_state().kept == value


def test_arguments_and_results_have_their_types(types: ModuleType, root: Any) -> None:
    item = types.Item(sku="\u00e9", tags=[], color=types.Color.BLUE)
    first, second = root.put(item=item, others=[types.Item(sku="b", price=2)], counts={"a": [1, 2**53 + 1]})
    assert first == types.Item(sku="\u00e9", price=1.0, tags=[], color=types.Color.BLUE)
    assert repr(second) == "Item(sku='b', price=2.0, color=<Color.RED: 'red'>)"
    assert second.tags is None
    assert root.get_state().item == first


def test_times_spans_bytes_and_enums_are_themselves(types: ModuleType, root: Any) -> None:
    when = datetime(2026, 2, 28, 23, 59, 59, 999_999, tzinfo=UTC)
    span = timedelta(days=-1, microseconds=1)
    result = root.at(when=when, after=span, data=b"\x00\xff", colors=[types.Color.BLUE, "red"])
    assert (result.item_1, result.item_2, result.item_3) == (
        when,
        timedelta(days=-1, microseconds=1),
        b"\x00\xff",
    )
    assert result.item_4 == [types.Color.BLUE, types.Color.RED]
    assert root.mode() == "slow"
    assert root.mode(mode=types.ModeMode.FAST) == root.mode(mode="fast") == "fast"


def test_a_union_keeps_what_it_is(types: ModuleType, root: Any) -> None:
    for value in (1, 1.0, "1", [1], [], types.Item(sku="a", price=1.0, color=types.Color.RED)):
        returned = root.either(value=value)
        assert (type(returned), returned) == (type(value), value)
    assert root.holes(values=[1, None, 0], more={"a": None, "b": ""}) == [1, None, 0]


def test_what_is_left_out_is_the_apps_default(root: Any) -> None:
    assert (root.leave(), root.leave(value=None), root.leave(value=1)) == (5, None, 1)
    assert (root.nothing(), root.rest(), root.rest(more={"a": 1})) == (None, {}, {"a": 1})


def test_names_are_those_of_python(types: ModuleType, root: Any, client: FlowClient) -> None:
    assert root.watch(camelCase=3) == 3
    assert root.get_state().myTotal == 2**53 + 1
    assert types.TillService(client).book(list=2, int="x") == root.get_state().till.total
    assert "Who it is." in types.RootService.add.__doc__


def test_a_request_id_makes_a_call_happen_once(root: Any) -> None:
    request_id = new_request_id()
    assert root.add(name="x", request_id=request_id) == root.add(name="x", request_id=request_id)


@pytest.mark.parametrize(
    ("method", "arguments", "says"),
    [
        ("add", {"name": 1}, "Add.name: is 1, no str"),
        ("add", {"name": "a", "times": True}, "Add.times: is True, no int"),
        ("add", {"name": "a", "times": 1.0}, "Add.times: is 1.0, no int"),
        ("add", {"name": "a", "times": 2**63}, "Add.times: does not fit the contract: Value out of range"),
        ("add", {"name": "\ud800"}, "Add.name: does not fit the contract: .* surrogates not allowed"),
        ("keep", {"value": float("nan")}, "Keep.value: nan is no number"),
        ("keep", {"value": [object()]}, r"Keep.value\[0\]: object is not a type"),
        ("put", {"item": {"sku": "a"}, "others": []}, "Put.item: is {'sku': 'a'}, no Item"),
        ("put", {"item": None, "others": "ab"}, "Put.others: is 'ab', no list"),
        ("put", {"item": None, "others": [], "counts": {1: [1]}}, r"Put.counts\[1\]: is no text"),
        (
            "put",
            {"item": None, "others": [], "counts": {"a": ["b"]}},
            r"Put.counts\['a'\]\[0\]: is 'b', no int",
        ),
        ("either", {"value": 1j}, "Either.value: is 1j, which is none of int, float, text, list, item"),
        ("mode", {"mode": "medium"}, "Mode.mode: is 'medium', no ModeMode; take one of"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_place(
    root: Any, method: str, arguments: dict[str, Any], says: str
) -> None:
    with pytest.raises(InvalidValueError, match=says):
        getattr(root, method)(**arguments)


def test_a_time_without_a_zone_is_refused(root: Any) -> None:
    with pytest.raises(InvalidValueError, match="has no time zone"):
        root.at(when=datetime(2026, 1, 1), after=timedelta(), data=b"", colors=[])  # noqa: DTZ001


def test_what_a_command_raises_is_raised(root: Any) -> None:
    before = root.get_state().count
    with pytest.raises(CommandFailed) as failed:
        root.break_(text="too \u00e9")
    assert (failed.value.command, failed.value.failure.type, failed.value.failure.message) == (
        "break_",
        "ValueError",
        "too \u00e9",
    )
    assert root.get_state().count == before


def test_what_the_app_refuses_has_its_reason(root: Any, shop: RunningApp) -> None:
    with pytest.raises(CallError, match="name is missing") as refused:
        root.add(name=None)
    assert (refused.value.reason, refused.value.metadata["parameter"]) == ("INVALID_ARGUMENTS", "name")
    with pytest.raises(CallError, match="'nothing', which RootState does not have"):
        root.get_state(["nothing"])
    read = shop.folder / ".flowrpc" / "tokens" / "read"
    with FlowClient(shop.address, read) as reader:
        with pytest.raises(CallError) as denied:
            type(root)(reader).nothing()
        assert denied.value.reason == "PERMISSION_DENIED"
        assert type(root)(reader).get_state().count == 0


def test_an_app_that_cannot_be_reached_is_told(types: ModuleType) -> None:
    with FlowClient(f"127.0.0.1:{free_port()}") as client, pytest.raises(NotReachableError):
        types.RootService(client, timeout=0.2).nothing()


def test_only_what_is_asked_for_is_there(root: Any) -> None:
    state = root.get_state(["count"])
    assert (state.count, repr(state)) == (0, "RootState(names=[], count=0)")
    with pytest.raises(AttributeError, match="myTotal of this RootState is absent"):
        _ = state.myTotal
    with pytest.raises(AttributeError, match="has no field 'cont'"):
        _ = state.cont


def test_a_watch_has_the_state_and_what_becomes_of_it(root: Any) -> None:
    with root.watch_state(["names"]) as watch:
        length = len(next(watch).names)
        root.keep(value="silent")
        root.add(name="\U0001f600")
        state = next(watch)
        assert (len(state.names), state.names[-1]) == (length + 1, "\U0001f600")
        assert watch.revision > 0
        with pytest.raises(TimeoutError, match="not within"):
            watch.wait_for(lambda state: False, timeout=0.1)
    assert list(watch) == []


# What kills the app has one of its own.


@pytest.fixture
def mortal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningApp]:
    monkeypatch.setenv("FLOWRPC_RUN_DIR", str(tmp_path / "run"))
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "app.py").write_text(APP)
    app = RunningApp(folder).start("--address", f"127.0.0.1:{free_port()}")
    yield app
    app.close()


def test_watches_and_calls_go_on_after_the_app_was_killed(mortal: RunningApp, types: ModuleType) -> None:
    """Also at another address: the typed watch, the replica and the calls of one client."""
    with mortal.client(timeout=60) as client, client.replica() as replica:
        root = types.RootService(client)
        with root.watch_state(["count", "names"]) as watch:
            assert root.add(name="before") == 1
            watch.wait_for(lambda state: state.names == ["before"], timeout=60)
            before = mortal.address
            mortal.kill()
            mortal.start("--address", f"127.0.0.1:{free_port()}")
            assert mortal.address != before
            assert root.add(name="after") == 2
            seen = next(watch)  # and not what was seen before the kill
            assert seen.names == ["before", "after"]
        replica.wait_for(lambda replica: replica.vars()["names"] == ["before", "after"], timeout=60)
        assert replica.mismatches == 0


def test_a_replica_follows_an_app_to_another_address(mortal: RunningApp) -> None:
    with mortal.client() as client, client.replica() as replica:
        replica.wait_for(lambda replica: replica.vars()["names"] == [], timeout=60)
        mortal.kill()
        mortal.start("--address", f"127.0.0.1:{free_port()}")
        with mortal.client(timeout=60) as other:
            other.call("add", name="x")
        replica.wait_for(lambda replica: replica.vars()["names"] == ["x"], timeout=60)


def test_a_typed_watch_follows_an_app_to_another_address(mortal: RunningApp, types: ModuleType) -> None:
    with mortal.client() as client, types.RootService(client).watch_state() as watch:
        next(watch)
        mortal.kill()
        mortal.start("--address", f"127.0.0.1:{free_port()}")
        with mortal.client(timeout=60) as other:
            other.call("add", name="x")
        assert watch.wait_for(lambda state: state.names == ["x"], timeout=60).count == 0


def test_a_watch_ends_when_the_app_stays_away(
    mortal: RunningApp, types: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flowrpc_client.typed.state_watch._TRIES", 2)
    with mortal.client(timeout=1) as client, types.RootService(client).watch_state() as watch:
        next(watch)
        mortal.kill()
        with pytest.raises(NotReachableError):
            next(watch)


def test_state_that_is_not_in_the_contract_is_told(mortal: RunningApp, types: ModuleType) -> None:
    with mortal.client(timeout=60) as client:
        root = types.RootService(client)
        root.grow()
        with pytest.raises(CallError, match=r"state\.count .* beyond 64 bits") as refused:
            root.get_state()
        assert refused.value.reason == "NOT_IN_CONTRACT"


# What editors and mypy see

PROGRAM = """\
from flowrpc_client import FlowClient
from shop_v1 import Color, Item, RootService, RootState

with FlowClient() as client:
    root = RootService(client)
    count: int = root.add(name="ann", times=None)
    items: list[Item] = root.put(item=Item(sku="a", color=Color.RED), others=[])
    state: RootState = root.get_state()
    with root.watch_state() as watch:
        for seen in watch:
            reveal_type(seen.names)
            reveal_type(seen.till.total)
            reveal_type(seen.item)
    root.add()
    root.add(name="ann", tims=1)
    root.add(name=1)
    Item(price=1.0)
    text: str = root.add(name="ann")
    state.cont
    for told in root.tell():
        reveal_type(told)
    root.tell(request_id="x")
"""


@pytest.mark.timeout(300)
def test_types_are_checked(shop: RunningApp, tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(PROGRAM)
    # With the project's settings, as what `make check` has kept of its own files is as good here.
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file", "pyproject.toml", tmp_path / "program.py"],
        cwd=ROOT,
        env=os.environ
        | {"MYPYPATH": os.pathsep.join([str(tmp_path), str(shop.folder / "client" / "python")])},
        capture_output=True,
        text=True,
        check=False,
    )
    lines = [line.partition("program.py:")[2] for line in done.stdout.splitlines()]
    assert lines[0] == '11: note: Revealed type is "list[str]"', done.stdout + done.stderr
    assert lines[1] == '12: note: Revealed type is "int"'
    assert lines[2] == '13: note: Revealed type is "shop_v1.app.Item | None"'
    errors = [line for line in lines if "error:" in line]
    assert [int(line.partition(":")[0]) for line in errors] == [14, 15, 16, 17, 18, 19, 22], errors
    assert '21: note: Revealed type is "list[shop_v1.app.Item | None]"' in lines
