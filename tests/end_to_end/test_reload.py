"""`flowctl run --reload`: files change, clients go on."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator

import pytest

from tests.end_to_end.conftest import HEADER, MakeApp, RunningApp, flowctl, wait_until_gone
from tests.end_to_end.conftest import descendants as below
from tests.end_to_end.test_typed_contract import Stranger

APP = """
class Root(LightningFlow):
    def __init__(self):
        self.names = []

    def run(self):
        pass

    def add(self, name: str, times: int = 1) -> int:
        self.names = self.names + [name] * times
        return len(self.names)

    def configure_commands(self):
        return {"add": self.add}


app = LightningApp(Root())
"""
CHANGED = APP.replace("name: str, times: int = 1", "times: int = 1, *, name: str, note: str = 'n'").replace(
    '{"add": self.add}', '{"add": self.add, "more": self.add}'
)


def until(is_so: Callable[[], bool], app: RunningApp) -> None:
    """Waits for something that takes no signal of its own."""
    end = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < end, app.stderr()
        time.sleep(0.05)


@pytest.fixture
def app(make_app: MakeApp) -> Iterator[RunningApp]:
    made = make_app(APP, "--reload")
    assert flowctl("contract", "build", "app.py", cwd=made.folder).returncode == 0
    made.start()
    children = below(made.pid)
    yield made
    if made.process is not None and made.process.poll() is None:
        children |= below(made.pid)
        made.end()
    wait_until_gone(children)


def write(app: RunningApp, source: str) -> None:
    (app.folder / "app.py").write_text(HEADER + source)


def next_served(app: RunningApp) -> str:
    """Reads the line of the next start; pages' links stand between."""
    assert app.process is not None
    assert app.process.stdout is not None
    while "is served at" not in (line := app.process.stdout.readline()):
        assert line, app.stderr()
    return line.split("is served at ")[1].split(",")[0]


def test_an_old_client_goes_on_when_the_app_starts_anew(app: RunningApp) -> None:
    old = Stranger(app)
    assert old.call("Add", name="a", times=2).result == 2
    write(app, CHANGED)
    assert next_served(app) == app.address
    assert old.call("Add", name="b", times=2).result == 4
    new = Stranger(app)
    assert new.call("More", name="c", note="x").result == 5
    assert new.method("Add").input_type.fields_by_name["name"].number == 1
    for one in (old, new):
        one.channel.close()
    assert app.end() == 0


def test_what_cannot_be_loaded_is_told_and_harms_nothing(app: RunningApp) -> None:
    client = Stranger(app)
    client.call("Add", name="a")
    write(app, "def (:\n")
    until(lambda: "reload: the app goes on as it was" in app.stderr(), app)
    assert "SyntaxError" in app.stderr()
    assert client.call("Add", name="b").result == 2
    write(app, CHANGED)
    assert next_served(app) == app.address
    assert client.call("Add", name="c").result == 3
    client.channel.close()


def test_it_is_for_the_foreground(make_app: MakeApp) -> None:
    app = make_app(APP)
    told = flowctl("run", "app.py", "--reload", "--detach", cwd=app.folder)
    assert told.returncode == 2
    assert "leave out --detach" in told.stderr


def test_an_app_stops_in_order_when_what_reloads_it_is_killed(app: RunningApp) -> None:
    assert app.process is not None
    children = below(app.pid)
    app.process.kill()
    app.process.wait()
    wait_until_gone(children)
    exported = flowctl("--data-dir", str(app.folder / ".flowrpc"), "state", "export").stdout
    assert json.loads(exported)["revision"] == 2, "the second one says that it stopped"
