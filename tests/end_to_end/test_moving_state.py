"""`flowctl state export` and `import`: a state moves, whole and exactly, or not at all."""

from __future__ import annotations

import json
import stat
import subprocess
import textwrap
from pathlib import Path
from typing import Any

import pytest
from flowrpc.store import read

from tests.end_to_end.conftest import FLOWCTL, HEADER, MakeApp, RunningApp, flowctl, var

SHOP = """
class Order(LightningFlow):
    def __init__(self, title, price=0):
        super().__init__()
        self.title = title
        self.price = price
        self.seen = 0

    def run(self):
        for step in self.iterate([1, 2, 3]):
            self.seen += step


class Root(LightningFlow):
    def __init__(self):
        self.orders = List()
        self.by_title = Dict()
        self.ticks = 0
        self.odd = {"big": 2**70, "$flowrpc": -0.0, "$$flowrpc": [1, 1.0, True, None, "é\\n"], "last": {}}

    def run(self):
        if self.schedule("0 0 1 1 *", user_key="yearly"):
            self.ticks += 1
        for order in self.orders:
            order.run()

    def add(self, title):
        self.orders.append(Order(title, price=len(title)))
        self.by_title[title] = Order(title)

    def drop(self, title):
        del self.by_title[title]
        self.orders[:] = [order for order in self.orders if order.title != title][::-1]

    def configure_commands(self):
        return {"add": self.add, "drop": self.drop}


app = LightningApp(Root())
"""


def fill(app: RunningApp) -> None:
    with app.client() as client, client.replica() as replica:
        for title in ("tea", "milk", "bread"):
            client.call("add", title=title)
        client.call("drop", title="milk")
        replica.wait_for(lambda replica: var(replica, "root.orders.2", "seen") == 6, timeout=60)


def components(app: RunningApp) -> list[Any]:
    """All that is recorded, in order and with the vars of the framework."""
    with app.client() as client:
        return [(repr(record), list(record.vars)) for record in client.snapshot().components]


def export_of(app: RunningApp, *options: str) -> dict[str, Any]:
    done = flowctl("state", "export", *options, cwd=app.folder)
    assert done.returncode == 0, done.stderr
    exported: dict[str, Any] = json.loads(done.stdout)
    return exported


def refused(app: RunningApp, *options: str, file: str = "state.json") -> str:
    """Imports and returns what the refusal says."""
    done = flowctl("state", "import", file, "app.py", *options, cwd=app.folder)
    assert done.returncode == 2, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr


def imported(app: RunningApp, *options: str) -> subprocess.CompletedProcess[str]:
    done = flowctl("state", "import", "state.json", "app.py", *options, cwd=app.folder)
    assert done.returncode == 0, done.stderr
    return done


@pytest.fixture
def moved(make_app: MakeApp) -> RunningApp:
    """An app that does not run yet, and the exported state of another one beside it."""
    source = make_app(SHOP).start()
    fill(source)
    target = make_app(SHOP, name="other")
    done = flowctl("state", "export", "--app", "shop", "-o", str(target.folder / "state.json"))
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.startswith("exported 7 components at revision ")
    return target


def test_a_state_moves_to_another_app_as_it_was(moved: RunningApp, make_app: MakeApp) -> None:
    source = make_app(SHOP)
    shop = RunningApp(source.folder)
    before = components(shop)

    done = imported(moved)
    assert done.stdout == f"imported 7 components into {moved.folder}/.flowrpc\n"
    assert "flowctl run app.py\n" in done.stderr

    moved.start()
    assert components(moved) == before
    with moved.client() as client:
        client.call("add", title="last")
        names = [record.name for record in client.snapshot().components]
        assert "root.orders.3" in names, "a number is not used twice"
        assert client.state()["vars"]["ticks"] == 1, "the schedule is known"
    moved.kill()
    moved.start()
    assert [name for name in components(moved) if "root.orders.3" in name[0]]


@pytest.mark.parametrize("end", ["stopped", "killed"])
def test_the_state_of_an_app_that_does_not_run_is_that_of_when_it_did(make_app: MakeApp, end: str) -> None:
    app = make_app(SHOP).start()
    fill(app)
    running = export_of(app)
    address = app.address
    if end == "killed":
        app.kill()
    else:
        assert app.end() == 0

    found = export_of(app, "--data-dir", ".flowrpc")

    assert found["components"] == running["components"]
    assert found["revision"] - running["revision"] == (end == "stopped")
    assert export_of(app, "--data-dir", ".flowrpc")["components"] == running["components"]
    app.start()
    assert (app.address == address) or end == "stopped"


def test_the_file_is_readable_json_for_its_owner_only(moved: RunningApp) -> None:
    file = moved.folder / "state.json"

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    plain = json.loads(file.read_text())
    assert (plain["format"], plain["version"], plain["root_type"]) == ("flowrpc-state", 1, "app:Root")
    by_name = {component["name"]: component for component in plain["components"]}
    assert by_name["root"]["vars"]["odd"]["$$flowrpc"] == 0
    assert '"big": 1180591620717411303424' in file.read_text()
    assert by_name["root.orders"]["vars"]["_order"] == ["2", "0"]
    assert by_name["root.orders.0"]["recipe"] == {
        "type": "app:Order",
        "args": ["tea"],
        "kwargs": {"price": 3},
    }


def test_a_pipe_moves_it_too(make_app: MakeApp) -> None:
    source = make_app(SHOP).start()
    fill(source)
    target = make_app(SHOP, name="other")
    with subprocess.Popen([FLOWCTL, "state", "export", "--app", "shop"], stdout=subprocess.PIPE) as export:
        taken = subprocess.run(
            [FLOWCTL, "state", "import", "-", "app.py"],
            cwd=target.folder,
            stdin=export.stdout,
            capture_output=True,
            timeout=60,
            check=False,
        )

    assert (export.returncode, taken.returncode) == (0, 0)
    assert components(target.start()) == components(source)


def test_a_later_version_migrates_what_it_gets(moved: RunningApp) -> None:
    (moved.folder / "app.py").write_text(
        HEADER
        + textwrap.dedent(
            """
            class Order(LightningFlow):
                def __init__(self, title, price=0):
                    super().__init__()
                    self.title = title
                    self.euros = 0.0

                def load_state_dict(self, flow_state, children_states, strict=True):
                    if "price" in flow_state["vars"]:
                        flow_state["vars"]["euros"] = flow_state["vars"].pop("price") / 100
                        flow_state["vars"].pop("seen")
                    super().load_state_dict(flow_state, children_states, strict)


            class Root(LightningFlow):
                def __init__(self):
                    self.orders = List()
                    self.by_title = Dict()
                    self.odd = {}
                    self.fresh = "new in version 2"

                def run(self):
                    pass


            app = LightningApp(Root())
            """
        )
    )

    done = imported(moved)

    assert "the code has no place for root.ticks; the first start keeps that in a file" in done.stderr
    moved.start()
    with moved.client() as client:
        state = client.state()
        assert state["structures"]["orders"]["flows"]["2"]["vars"] == {"title": "bread", "euros": 0.05}
        assert state["vars"]["fresh"] == "new in version 2"
        assert "ticks" not in state["vars"]
    (kept,) = (moved.folder / ".flowrpc").glob("dropped-*.json")
    assert json.loads(kept.read_text())["vars"] == {"root": {"ticks": 1}}


def test_runs_are_not_moved_so_works_run_again(make_app: MakeApp) -> None:
    source = """
    class Job(LightningWork):
        def __init__(self):
            super().__init__()
            self.times = 0

        def run(self):
            self.times += 1

    class Root(LightningFlow):
        def __init__(self):
            self.job = Job()
            self.seen = 0

        def run(self):
            self.job.run()
            self.seen = self.job.times

    app = LightningApp(Root())
    """
    app = make_app(source).start()
    with app.client() as client, client.replica() as replica:
        replica.wait_for(lambda replica: var(replica, "root", "seen") == 1, timeout=60)
    target = make_app(source, name="other")
    (target.folder / "state.json").write_text(json.dumps(export_of(app, "--app", "shop")))

    imported(target)

    target.start()
    with target.client() as client, client.replica() as replica:
        replica.wait_for(lambda replica: var(replica, "root", "seen") == 2, timeout=60)
        assert len(client.runs()) == 1


def test_the_address_of_a_work_is_not_moved(make_app: MakeApp) -> None:
    source = """
    from http.server import HTTPServer, SimpleHTTPRequestHandler

    class Server(LightningWork):
        def run(self):
            HTTPServer((self.host, self.port), SimpleHTTPRequestHandler).serve_forever()

    class Root(LightningFlow):
        def __init__(self):
            self.server = Server(parallel=True)
            self.wanted = True
            self.url = ""

        def run(self):
            if self.wanted:
                self.server.run()
            self.url = self.server.url

        @property
        def ready(self):
            return self.server.ready

    app = LightningApp(Root())
    """
    app = make_app(source).start()
    with app.client() as client, client.replica() as replica:
        replica.wait_for(lambda replica: var(replica, "root", "url") != "", timeout=60)
    exported = export_of(app, "--app", "shop")
    target = make_app(source, name="other")
    exported["components"][0]["vars"]["wanted"] = False
    (target.folder / "state.json").write_text(json.dumps(exported))

    imported(target)

    target.start()
    with target.client() as client:
        (server,) = client.snapshot("root.server").components
        assert not server.vars.get("_url")
        assert server.vars["_port"] == exported["components"][1]["vars"]["_port"]
        assert not client.app().ready


def test_a_directory_that_holds_state_is_replaced_on_demand_only(moved: RunningApp) -> None:
    moved.start()
    with moved.client() as client:
        client.call("add", title="own")
    assert moved.end() == 0

    said = refused(moved)
    assert f"{moved.folder}/.flowrpc holds state already, at revision " in said
    assert "replace it with --fresh" in said

    imported(moved, "--fresh")
    assert (moved.folder / ".flowrpc" / "previous" / "journal.db").exists()
    moved.start()
    with moved.client() as client:
        assert client.state()["vars"]["odd"]["big"] == 2**70
        assert "root.orders.2" in [record.name for record in client.snapshot().components]


@pytest.mark.parametrize("options", [(), ("--fresh",)])
def test_a_directory_in_use_is_refused(moved: RunningApp, options: tuple[str, ...]) -> None:
    moved.start()

    assert f"is used by process {moved.pid} at {moved.address}" in refused(moved, *options)


def damaged(app: RunningApp, **changes: Any) -> None:
    file = app.folder / "state.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def test_what_is_no_export_is_refused_and_nothing_written(moved: RunningApp) -> None:
    assert "other.json: No such file or directory" in refused(moved, file="other.json")
    assert "app.py: is no JSON that can be read" in refused(moved, file="app.py")
    damaged(moved, version=2)
    assert "state.json: has version 2, this flowrpc reads up to 1: install a newer one" in refused(moved)
    damaged(moved, format="another")
    assert "state.json: is no export of a state" in refused(moved)
    (moved.folder / "state.json").write_bytes(b"\xff\xfe")
    assert "state.json: is no export of a state, which is UTF-8" in refused(moved)
    assert not (moved.folder / ".flowrpc").exists()


def test_a_wrong_value_is_named(moved: RunningApp) -> None:
    file = moved.folder / "state.json"
    file.write_text(file.read_text().replace('"price": 3', '"price": NaN', 1))

    assert "Error: root.orders.0" in (said := refused(moved))
    assert "nan is no number that JSON can hold" in said
    assert not (moved.folder / ".flowrpc").exists()


def test_vars_of_the_framework_that_make_no_sense_are_refused(moved: RunningApp) -> None:
    file = moved.folder / "state.json"
    original = file.read_text()
    file.write_text(original.replace('"_next": 3', '"_next": "three"', 1))
    assert "Error: root.orders._next: is no int, as the framework keeps it" in refused(moved)

    file.write_text(original.replace('"cron_pattern"', '"pattern"', 1).replace('"due"', '"when"', 1))
    assert "the app cannot start from state.json: KeyError: 'due'" in refused(moved)
    assert not (moved.folder / ".flowrpc").exists()


def test_another_app_is_refused_and_a_renamed_one_is_not(moved: RunningApp) -> None:
    file, app_file = moved.folder / "state.json", moved.folder / "app.py"
    original = app_file.read_text()
    (moved.folder / "shop.py").write_text(original.replace("Root", "Shop"))
    said = flowctl("state", "import", "state.json", "shop.py", cwd=moved.folder)
    assert said.returncode == 2
    assert "state.json holds the state of another app (app:Root, not shop:Shop)" in said.stderr

    app_file.write_text(original.replace("Root", "Shop"))
    imported(moved)
    assert components(moved.start())[0][0].startswith("ComponentRecord(name='root'")
    assert file.exists()


def test_a_state_that_the_code_cannot_rebuild_is_refused(moved: RunningApp) -> None:
    app_file = moved.folder / "app.py"
    app_file.write_text(app_file.read_text().replace("Order", "Purchase"))

    said = refused(moved)

    assert "the app cannot start from state.json: root.orders.0 was added while the app ran" in said
    assert not (moved.folder / ".flowrpc").exists()


def test_an_export_that_was_refused_leaves_the_old_state_of_a_fresh_import(moved: RunningApp) -> None:
    moved.start()
    assert moved.end() == 0
    damaged(moved, components=[])

    assert "components: are none" in refused(moved, "--fresh")

    replica = read(moved.folder / ".flowrpc")
    assert replica is not None
    assert not (moved.folder / ".flowrpc" / "previous").exists()


def test_without_an_app_an_export_says_how_to_name_one(tmp_path: Path) -> None:
    nothing = flowctl("state", "export", cwd=tmp_path)
    assert nothing.returncode == 3
    assert "no app runs" in nothing.stderr
    assert "of an app that does not run, name the --data-dir" in nothing.stderr

    empty = flowctl("state", "export", "--data-dir", "data", cwd=tmp_path)
    assert empty.returncode == 2
    assert "data holds no state; name the data directory of an app that ran" in empty.stderr
    assert not (tmp_path / "data").exists()

    both = flowctl("state", "export", "--data-dir", "data", "--app", "shop", cwd=tmp_path)
    assert both.returncode == 2
    assert "--data-dir already chooses the app; leave out --app" in both.stderr


def test_an_export_that_cannot_be_written_is_told(moved: RunningApp) -> None:
    done = flowctl("state", "export", "--app", "shop", "-o", str(moved.folder / "no" / "such.json"))

    assert done.returncode == 2
    assert "such.json cannot be written: No such file or directory" in done.stderr


def test_an_export_to_a_device_goes_there(moved: RunningApp) -> None:
    done = flowctl("state", "export", "--app", "shop", "-o", "/dev/stdout")

    assert json.loads(done.stdout)["root_type"] == "app:Root"


def test_the_state_of_a_component_is_printed_as_before(make_app: MakeApp) -> None:
    app = make_app(SHOP).start()
    fill(app)

    assert flowctl("state", "root.orders.0").stdout.startswith("root.orders.0 (flow, revision ")
    assert flowctl("state").stdout.startswith("root (flow, revision ")
    assert "no component 'exports'" in flowctl("state", "exports").stderr
