"""Commands that stream, called by an app's typed client for Python."""

from __future__ import annotations

import importlib
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from flowrpc.errors import CallError, InvalidValueError
from flowrpc_client import CommandFailed, FlowClient, NotReachableError
from flowrpc_client.typed import Stream

from tests.end_to_end.conftest import RunningApp, flowctl

APP = Path(__file__).parent / "apps" / "shop.py"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def till(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    """An app that runs, with a typed client of it that can be imported as `till_v1`."""
    folder = tmp_path_factory.mktemp("apps") / "till"
    folder.mkdir()
    shutil.copy(APP, folder / "app.py")
    for command in ("contract build app.py", "client generate app.py --lang python"):
        told = flowctl(*command.split(), cwd=folder)
        assert told.returncode == 0, told.stderr
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FLOWRPC_RUN_DIR", str(folder.parent / "run"))
        patch.syspath_prepend(folder / "client" / "python")
        app = RunningApp(folder).start()
        yield app
        app.close()
        for name in [name for name in sys.modules if name.partition(".")[0] == "till_v1"]:
            del sys.modules[name]


@pytest.fixture
def client(till: RunningApp) -> Iterator[FlowClient]:
    with till.client(timeout=60) as client:
        yield client


@pytest.fixture
def types(till: RunningApp) -> ModuleType:
    return importlib.import_module("till_v1")


@pytest.fixture
def root(types: ModuleType, client: FlowClient) -> Any:
    return types.RootService(client)


def test_items_have_their_types(types: ModuleType, root: Any) -> None:
    before = root.get_state().told
    start = 2**53 + 1
    with root.rows(start=start) as rows:
        assert isinstance(rows, Stream)
        got = list(rows)
    assert got == [
        types.Row(number=number, name=f"n\u00e9e \U0001f600 {number}") for number in range(start, start + 3)
    ]
    assert root.get_state().told == before + 3


def test_every_value_is_an_item(root: Any) -> None:
    values: list[Any] = [
        None,
        True,
        1,
        1.0,
        2**53 + 1,
        -(2**70),
        "a\u0308 \U0001f600\0",
        [],
        {"z": 1, "a": [None]},
    ]
    assert [repr(item) for item in root.each(values=values)] == [repr(value) for value in values]
    assert list(root.each(values=[])) == []


def test_what_a_command_raises_comes_after_its_items(root: Any) -> None:
    before = root.get_state().told
    got: list[Any] = []
    with pytest.raises(CommandFailed) as failed:
        got.extend(row.number for row in root.rows(fail="n\u00e4h"))
    assert got == [0, 1, 2]
    error = failed.value
    assert (error.command, error.failure.type, error.failure.message) == ("rows", "ValueError", "n\u00e4h")
    assert root.get_state().told == before + 3


def test_leaving_early_closes_the_command(root: Any, client: FlowClient) -> None:
    with client.replica() as replica, root.ticks() as ticks:
        left = root.get_state().left
        for number in ticks:
            if number == 20:
                break
        ticks.close()
        replica.wait_for(
            lambda replica: (replica.vars()["left"], replica.vars()["reading"]) == (left + 1, 0), timeout=60
        )
        assert list(ticks) == []


def test_a_stream_takes_as_long_as_its_service_is_told(types: ModuleType, till: RunningApp) -> None:
    with till.client(timeout=0.5) as client:
        with pytest.raises(NotReachableError):
            list(types.RootService(client, timeout=0.5).ticks())
        end = time.monotonic() + 1  # after the end of any call of this client
        with types.RootService(client).ticks() as ticks:
            assert any(time.monotonic() > end for _ in ticks)


def test_what_does_not_fit_is_refused_before_anything_is_sent(root: Any) -> None:
    with pytest.raises(InvalidValueError, match=r"Rows\.start: is '1', no int"):
        root.rows(start="1")


def test_what_the_app_refuses_has_its_reason(types: ModuleType, till: RunningApp) -> None:
    read = till.folder / ".flowrpc" / "tokens" / "read"
    with FlowClient(till.address, read) as reader, pytest.raises(CallError) as refused:
        list(types.RootService(reader).rows())
    assert refused.value.reason == "PERMISSION_DENIED"
