"""AppState, of a real app."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flowrpc.errors import CallError, InvalidValueError
from flowrpc.lightning.utilities.state import AppState
from flowrpc_client import FlowClient

from tests.end_to_end.conftest import MakeApp, RunningApp

APP = """
class Job(LightningWork):
    def __init__(self):
        super().__init__(parallel=True)
        self.done = 0

    def run(self):
        self.done += 1


class Child(LightningFlow):
    def __init__(self):
        self.names = ["ann"]
        self.job = Job()

    def rename(self):
        pass


class Root(LightningFlow):
    def __init__(self):
        self.counter = 1
        self.items = {"a": 1}
        self.child = Child()
        self.many = List(*[Job() for _ in range(11)])
        self.named = Dict(left=Child(), right=Job())

    def run(self):
        pass

    def drop(self):
        self.many.pop()
        self.named.pop("left")

    def configure_commands(self):
        return {"drop": self.drop}


app = LightningApp(Root())
"""


@pytest.fixture
def app(make_app: MakeApp) -> RunningApp:
    return make_app(APP).start()


@pytest.fixture
def client(app: RunningApp) -> Iterator[FlowClient]:
    with app.client() as made:
        yield made


def test_it_reads_vars_of_the_whole_tree(client: FlowClient) -> None:
    state = AppState(client=client)

    assert (state.counter, state.items) == (1, {"a": 1}), "a var comes before what structures have"
    assert state.child.names == ["ann"]
    assert state.child.job.done == 0
    assert state.named.left.job.done == state.named["left"].job.done == 0
    assert state._state["flows"]["child"]["vars"] == state.child._state["vars"] == {"names": ["ann"]}
    assert bool(state)
    assert bool(state.many)
    assert set(dir(state)) == {"counter", "items", "child", "many", "named"}
    assert repr(state.child.job) == "AppState('root.child.job')"
    assert AppState("root.child", client=client).names == ["ann"]


def test_structures_are_read_by_key(client: FlowClient) -> None:
    state = AppState(client=client)

    assert len(state.many) == 11
    assert list(state.many) == [str(number) for number in range(11)], "as numbers are ordered"
    assert state.many["10"].done == state.many[10].done == 0
    assert [(key, value.done) for key, value in state.many.items()][:2] == [("0", 0), ("1", 0)]
    assert len(state.many.values()) == 11
    assert set(state.named.keys()) == set(state.named) == {"left", "right"}
    assert "left" in state.named
    assert "middle" not in state.named
    with pytest.raises(KeyError, match=r"root\.named has no 'middle'; it has \["):
        _ = state.named["middle"]
    with pytest.raises(KeyError, match="root has no 'counter'"):
        _ = state["counter"]


def test_what_is_set_reaches_the_app(client: FlowClient) -> None:
    state = AppState(client=client)
    child = state.child
    state.counter += 1
    child.names = [*child.names, "ben"]
    state.named.left.names = []

    assert client.state()["vars"]["counter"] == state.counter == 2
    assert client.state("root.child")["vars"]["names"] == child.names == ["ann", "ben"]
    assert client.state("root.named.left")["vars"]["names"] == []


def test_it_is_of_one_revision_and_what_is_read_is_a_copy(client: FlowClient) -> None:
    state = AppState(client=client)
    assert state.counter == 1
    client.update("root", {"counter": 5})

    assert state.counter == 1
    assert AppState(client=client).counter == 5
    state.child.names.append("nobody")
    assert state.child.names == ["ann"]


@pytest.mark.parametrize("group", ["child", "many", "named"])
def test_components_are_not_set(client: FlowClient, group: str) -> None:
    with pytest.raises(
        AttributeError, match=r"You shouldn't set the (flows|structures) directly onto the state"
    ):
        setattr(AppState(client=client), group, 1)
    with pytest.raises(AttributeError, match="You shouldn't set the works directly"):
        AppState(client=client).child.job = 1


def test_what_is_not_there_is_told_with_what_is(client: FlowClient) -> None:
    state = AppState(client=client)
    provided = r"Variables: \['names'\], Components: \['job'\]"
    told = rf"Failed to access 'x' through `AppState`\. The state provides: {provided}"

    with pytest.raises(AttributeError, match=told):
        _ = state.child.x
    with pytest.raises(AttributeError, match=told):
        state.child.x = 1
    with pytest.raises(AttributeError, match="'_layout'"):
        state._layout = 1
    assert not hasattr(state.child, "keys")
    with pytest.raises(InvalidValueError, match=r"root\.counter"):
        state.counter = object()
    with pytest.raises(CallError, match="nothing"):
        _ = AppState("root.nothing", client=client).x


def test_what_went_is_told(client: FlowClient) -> None:
    state = AppState(client=client)
    left, last = state.named.left, state.many[10]
    client.call("drop")
    state.counter = 7

    for gone in (left, last):
        with pytest.raises(AttributeError, match="is in the app no more; make a new AppState"):
            _ = gone.names
        with pytest.raises(AttributeError, match="is in the app no more"):
            _ = gone._state


def test_an_app_that_is_gone_is_told(app: RunningApp, client: FlowClient) -> None:
    state = AppState(client=client)
    assert app.end() == 0

    with pytest.raises(
        AttributeError, match=r"Failed to connect and fetch the app state\. Is the app running\?"
    ):
        _ = state.counter


def test_the_process_of_a_page_knows_its_app(
    app: RunningApp, make_app: MakeApp, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from flowrpc_client import app_state

    make_app(APP, name="another").start()
    monkeypatch.setenv("FLOWRPC_PAGE_DATA_DIR", str(app.folder / ".flowrpc"))
    app_state._client_of_this_process.cache_clear()
    try:
        AppState().counter = 9
        with app.client() as program:
            assert program.state()["vars"]["counter"] == 9
    finally:
        app_state._client_of_this_process().close()
        app_state._client_of_this_process.cache_clear()
