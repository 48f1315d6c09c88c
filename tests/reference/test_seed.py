"""The examples that the project began with, as they are printed there.

What is not printed is filled in: the module to import from, and bodies that are left out. A flow that does not define
`run` cannot be a root, so those that are printed without one are children here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from flowrpc.protocol.run_directory import entry_in, read_token
from flowrpc.testing import AppProcess, SimulatedApp, run_app

from tests.reference.pages import module

COUNTER = """
from flowrpc import LightningFlow

class RootFlow(LightningFlow):
    def __init__(self):
        super().__init__()
        self.counter = 0
    def run(self):
        self.counter += 1
"""

API = """
from flowrpc import LightningFlow
from flowrpc import Post

from pydantic import BaseModel

class HandlerModel(BaseModel):
    name: str

class Flow(LightningFlow):
    def __init__(self):
        self.names = []

    def handler(self, config: HandlerModel) -> None:
        self.names.append(config.name)

    def configure_api(self):
        return [Post("/v1/api/request", self.handler)]
"""

COMMANDS_AS_A_DICT = """
from flowrpc import LightningFlow

class Flow(LightningFlow):
    def __init__(self):
        self.names = []

    def configure_commands(self):
        return {"my_command_name": self.my_remote_method}

    def my_remote_method(self, name):
        self.names.append(name)
"""

COMMANDS_AS_A_LIST = COMMANDS_AS_A_DICT.replace(
    '{"my_command_name": self.my_remote_method}', '[{"my_command_name": self.my_remote_method}]'
)

STATIC_LAYOUT = """
from flowrpc import LightningFlow
from flowrpc import StaticWebFrontend

class Flow(LightningFlow):

    def configure_layout(self):
        return StaticWebFrontend("path/to/folder/to/serve")
"""

TABS = """
from flowrpc import LightningFlow

class Child(LightningFlow):
    pass

class Flow(LightningFlow):
    def __init__(self):
        self.child0 = Child()
        self.child1 = Child()

    def configure_layout(self):
        return [
            dict(name="First Tab", content=self.child0),
            dict(name="Second Tab", content=self.child1),
            dict(name="Lightning", content=""),
        ]
"""

ONE_TAB = TABS.replace("[\n            dict(", "dict(").split(',\n            dict(name="Second')[0] + "\n"

LOAD_STATE_DICT = """
from flowrpc import LightningFlow, LightningWork

class Work(LightningWork):
    def __init__(self):
        self.counter = 0

    def run(self):
        self.counter += 1

class Flow(LightningFlow):
    def run(self):
        # dynamically create a work.
        if not getattr(self, "w", None):
            self.w = Work()
        self.w.run()

    def load_state_dict(self, flow_state, children_states, strict) -> None:
        # 1: Re-instantiate the dynamic work
        self.w = Work()

        # 2: Make any states modification / migration.

        # 3: Call the parent ``load_state_dict`` to
        # recursively reload the states.
        super().load_state_dict(flow_state, children_states, strict)
"""

SCHEDULE = """
from flowrpc import LightningFlow

class Flow(LightningFlow):
    def run(self):
        if self.schedule("hourly"):
            print("run some code every hour")
"""

SCHEDULER_DAG = """
from flowrpc import LightningFlow, LightningWork
from flowrpc import List

class Step(LightningWork):
    def __init__(self):
        self.done = False

    def run(self, payload):
        self.done = True

class DAG(LightningFlow):
    def __init__(self):
        self.step = Step()

    def run(self):
        self.step.run("a payload")
        return self.step.done

class SchedulerDAG(LightningFlow):
    def __init__(self):
        self.dags = List()
        self.payloads = 0

    def run(self):
        if self.schedule("hourly"):
            self.dags.append(DAG())

        for dag in self.dags:
            payload = dag.run()
        self.payloads = len(self.dags)
"""

AS_A_CHILD = """
from flowrpc import LightningApp

class Root(LightningFlow):
    def __init__(self):
        self.flow = Flow()

    def run(self):
        pass

app = LightningApp(Root())
"""


@pytest.fixture
def names() -> Iterator[dict[str, Any]]:
    """A module to execute an example in."""
    with module() as made:
        yield made


def http(app: AppProcess) -> httpx.Client:
    """An HTTP client of a served app."""
    entry = entry_in(app.data_dir)
    assert entry is not None
    token = read_token(app.data_dir / "tokens" / "call")
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.Client(base_url=entry.http_address, headers=headers, timeout=60, trust_env=False)


def test_the_counter_counts(names: dict[str, Any]) -> None:
    exec(COUNTER, names)
    flow = names["RootFlow"]()

    flow.run()

    assert flow.counter == 1
    assert flow.state["vars"]["counter"] == 1


def test_the_counter_counts_in_an_app_for_as_long_as_it_runs(names: dict[str, Any]) -> None:
    exec(COUNTER, names)
    app = SimulatedApp(names["RootFlow"])

    assert [app.step() for _ in range(3)] == [True] * 3
    assert app.vars() == {"counter": 3}


@pytest.mark.slow
def test_a_route_takes_a_pydantic_model_and_is_shown_in_docs(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(API + AS_A_CHILD)

    with run_app(tmp_path / "app.py") as app, http(app) as client:
        answer = client.post("/v1/api/request", json={"name": "x"})
        assert (answer.status_code, answer.json()) == (200, None)
        assert app.client.state("root.flow")["vars"]["names"] == ["x"]
        assert client.post("/v1/api/request", json={"nome": "x"}).status_code == 422
        assert "swagger" in client.get("/docs").text.lower()
        assert "/v1/api/request" in client.get("/openapi.json").json()["paths"]


@pytest.mark.parametrize("source", [COMMANDS_AS_A_DICT, COMMANDS_AS_A_LIST], ids=["dict", "list"])
@pytest.mark.parametrize("name", ["my_command_name", "flow.my_command_name"])
def test_a_command_is_called_by_its_name(names: dict[str, Any], source: str, name: str) -> None:
    exec(source + AS_A_CHILD, names)
    app = SimulatedApp(names["Root"])

    app.call(name, name="my_own_name")

    assert app.vars("root.flow") == {"names": ["my_own_name"]}


@pytest.mark.slow
def test_a_layout_may_be_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "path" / "to" / "folder" / "to" / "serve"
    folder.mkdir(parents=True)
    (folder / "index.html").write_text("<h1>served</h1>")
    (tmp_path / "app.py").write_text(STATIC_LAYOUT + AS_A_CHILD)
    monkeypatch.chdir(tmp_path)

    with run_app("app.py") as app, http(app) as client:
        assert client.get("/view/root.flow/").text == "<h1>served</h1>"
        assert client.get("/view/root.flow/nothing").status_code == 404


@pytest.mark.slow
@pytest.mark.parametrize(("source", "tabs"), [(TABS, 3), (ONE_TAB, 1)], ids=["tabs", "one dict"])
def test_a_layout_may_be_tabs(tmp_path: Path, source: str, tabs: int) -> None:
    (tmp_path / "app.py").write_text(source + AS_A_CHILD)

    with run_app(tmp_path / "app.py") as app, http(app) as client:
        layout = client.get("/api/v1/layout").json()["layout"]

    (shown,) = layout["tabs"]  # the root configures none: the nearest flow below it that does is shown
    assert [(tab["name"], tab["content"]) for tab in shown["layout"]["tabs"]] == [
        ("First Tab", "root.flow.child0"),
        ("Second Tab", "root.flow.child1"),
        ("Lightning", ""),
    ][:tabs]


def test_a_flow_loads_the_state_of_a_work_that_came_while_it_ran(names: dict[str, Any]) -> None:
    exec(LOAD_STATE_DICT, names)
    app = SimulatedApp(names["Flow"])
    app.settle()
    app.run_works()

    for end in (app.restart, app.crash):
        end()
        app.settle()
        assert app.root.w.counter == 1
        assert len(app.runs("root.w")) == 1


def test_a_state_moves_into_another_app_by_load_state_dict(names: dict[str, Any]) -> None:
    exec(LOAD_STATE_DICT, names)
    app = SimulatedApp(names["Flow"])
    app.settle()
    app.run_works()

    fresh = names["Flow"]()
    fresh.load_state_dict(app.root.state_dict(), {"w": app.root.w.state}, strict=True)

    assert fresh.w.counter == 1


def test_a_schedule_is_true_at_once_and_then_every_hour(
    names: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    exec(SCHEDULE, names)
    app = SimulatedApp(names["Flow"])

    app.advance(hours=3)

    assert capsys.readouterr().out == "run some code every hour\n" * 4


def test_dags_are_made_by_a_schedule_and_run_outside_of_it(names: dict[str, Any]) -> None:
    exec(SCHEDULER_DAG, names)
    app = SimulatedApp(names["SchedulerDAG"])

    app.run_works()
    app.advance(hours=2)
    app.run_works()

    assert list(app.works) == [f"root.dags.{number}.step" for number in range(3)]
    assert all(dag.step.done for dag in app.root.dags)
    assert app.vars()["payloads"] == 3
    app.crash()
    assert [dag.step.done for dag in app.root.dags] == [True] * 3
    assert re.search("hourly|0 \\* \\* \\* \\*", str(app.root.state["calls"]["scheduling"]))
