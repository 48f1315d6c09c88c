"""The life of an app: it starts, is called, is killed, goes on, and ends in order."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess

import pytest
from flowrpc.errors import CallError
from flowrpc_client import CommandFailed, FlowClient, NotReachableError

from tests.end_to_end.conftest import FLOWCTL, MakeApp, children, descendants, flowctl, var, wait_until_gone

COUNTER = """
class Root(LightningFlow):
    def __init__(self):
        self.names = []
        self.doubled = 0

    def run(self):
        self.doubled = 2 * len(self.names)

    def add(self, name):
        self.names.append(name)
        return len(self.names)

    def broken(self):
        self.names.append("half")
        raise ValueError("broken on purpose")

    def finish(self, message, fail=False):
        (self.fail if fail else self.stop)(message)

    def configure_commands(self):
        return {"my_command": self.add, "broken": self.broken, "finish": self.finish}


app = LightningApp(Root())
"""

WORKING = """
class Slow(LightningWork):
    def __init__(self):
        super().__init__(parallel=True)
        self.step = 0

    def run(self, steps, pause):
        for _ in range(steps):
            self.step += 1
            time.sleep(pause)


class Root(LightningFlow):
    def __init__(self):
        self.slow = Slow()
        self.finished = 0

    def run(self):
        self.slow.run(30, 0.03)
        if self.slow.has_succeeded:
            self.finished = self.slow.step


app = LightningApp(Root())
"""


def test_the_documented_session_works(make_app: MakeApp) -> None:
    app = make_app(COUNTER).start()

    called = flowctl("call", "my_command", "--args", "name=x", cwd=app.folder)
    assert (called.returncode, called.stdout) == (0, "1\n")
    state = json.loads(flowctl("--json", "state", cwd=app.folder).stdout)
    assert state["vars"] == {"names": ["x"], "doubled": 2}
    assert set(state) == {"vars", "calls", "flows", "works", "structures", "changes"}
    stopped = flowctl("stop", cwd=app.folder)
    assert stopped.returncode == 0
    assert app.process is not None
    assert app.process.poll() == 0, "the process has ended when flowctl returns"


def test_the_line_that_says_it_is_served_has_name_address_and_revision(make_app: MakeApp) -> None:
    app = make_app(COUNTER).start()

    with app.client() as client:
        info = client.app()

    assert app.ready_line == f"shop is served at {app.address}, revision 1\n"
    assert (info.name, info.life, info.pid) == ("shop", 1, app.pid)


def test_the_data_directory_may_stand_before_the_command(make_app: MakeApp) -> None:
    app = make_app(COUNTER)
    elsewhere = app.folder / "elsewhere"
    with subprocess.Popen(
        [FLOWCTL, "--data-dir", elsewhere, "run", "app.py"], cwd=app.folder, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert "is served at" in process.stdout.readline()
        assert flowctl("--data-dir", str(elsewhere), "stop").returncode == 0
        assert process.wait(timeout=60) == 0
    assert not (app.folder / ".flowrpc").exists()


@pytest.mark.parametrize(("fail", "code"), [(False, 0), (True, 1)])
def test_the_app_ends_with_the_exit_code_that_it_chose(make_app: MakeApp, fail: bool, code: int) -> None:
    app = make_app(COUNTER).start()

    with app.client() as client:
        client.call("finish", message="that is all", fail=fail)

    assert app.wait() == code
    assert "that is all" in app.stderr()


def test_a_command_that_raises_changed_nothing(make_app: MakeApp) -> None:
    app = make_app(COUNTER).start()
    with app.client() as client:
        with pytest.raises(CommandFailed, match="broken on purpose"):
            client.call("broken")
        assert client.state()["vars"]["names"] == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_everything_in_order(make_app: MakeApp, number: signal.Signals) -> None:
    app = make_app(WORKING).start()
    with app.client() as client, client.replica() as replica:
        replica.wait_for(lambda replica: var(replica, "root.slow", "step") > 1, timeout=60)
    processes = descendants(app.pid)
    assert len(processes) >= 2, "an agent and a runner"

    assert app.end(number) == 0

    wait_until_gone(processes)


def test_a_killed_flow_leaves_no_process_and_goes_on_where_it_was(make_app: MakeApp) -> None:
    app = make_app(WORKING).start()
    with app.client() as client, client.replica() as replica:
        replica.wait_for(lambda replica: var(replica, "root.slow", "step") > 3, timeout=60)
    processes = descendants(app.pid)

    app.kill()

    wait_until_gone(processes)
    app.start()
    with app.client() as client, client.replica() as replica:
        replica.wait_for(lambda replica: var(replica, "root", "finished") > 0, timeout=60)
        assert var(replica, "root.slow", "step") == 30, "what the lost attempt changed was taken back"
        (run,) = client.runs()
        assert run.attempt == 2


def test_a_killed_agent_is_replaced_and_its_run_tried_again(make_app: MakeApp) -> None:
    app = make_app(WORKING).start()
    with app.client() as client, client.replica() as replica:
        replica.wait_for(lambda replica: var(replica, "root.slow", "step") > 3, timeout=60)
        (agent,) = children(app.pid)
        os.kill(agent, signal.SIGKILL)
        replica.wait_for(lambda replica: var(replica, "root", "finished") > 0, timeout=60)

        assert var(replica, "root.slow", "step") == 30
        (run,) = client.runs()
        assert run.attempt == 2


def test_a_flow_that_never_returns_is_ended_all_the_same(make_app: MakeApp) -> None:
    app = make_app(
        """
        class Root(LightningFlow):
            def __init__(self):
                self.begun = False
            def run(self):
                if self.begun:
                    time.sleep(600)
                self.begun = True
        app = LightningApp(Root())
        """
    ).start()
    with app.client() as client, client.replica() as replica:
        replica.wait_for(lambda replica: var(replica, "root", "begun"), timeout=60)

    assert app.end() == 1
    assert "time.sleep(600)" in app.stderr()


def test_every_acknowledged_command_survives_kills_and_none_happens_twice(make_app: MakeApp) -> None:
    app = make_app(COUNTER)
    acknowledged: list[str] = []
    for life in range(4):
        app.start()
        with app.client() as client:
            for number in range(15 * (life + 1)):
                name = f"{life}-{number}"
                assert client.call("my_command", name=name) == len(acknowledged) + 1
                acknowledged.append(name)
        app.kill()

    app.start()
    with app.client() as client:
        assert client.state()["vars"] == {"names": acknowledged, "doubled": 2 * len(acknowledged)}


def test_fresh_begins_anew_and_keeps_the_old_state_aside(make_app: MakeApp) -> None:
    app = make_app(COUNTER).start()
    with app.client() as client:
        client.call("my_command", name="x")
        journal = client.app().journal_id
    assert app.end() == 0

    app.start("--fresh")

    with app.client() as client:
        assert client.state()["vars"]["names"] == []
        assert client.app().journal_id != journal
    assert (app.folder / ".flowrpc" / "previous" / "journal.db").exists()


def test_a_watch_goes_on_after_the_flow_was_killed_and_came_back(make_app: MakeApp) -> None:
    app = make_app(COUNTER).start("--address", "127.0.0.1:0")
    with app.client() as client:
        client.call("my_command", name="before")
        with client.replica() as replica:
            replica.wait_for(lambda replica: var(replica, "root", "names") == ["before"], timeout=60)
            app.kill()
            app.start()
            with app.client() as again:
                again.call("my_command", name="after")
            replica.wait_for(lambda replica: var(replica, "root", "names") == ["before", "after"], timeout=60)


def fill(client: FlowClient) -> int:
    """Adds long names until one is refused; returns how many were acknowledged."""
    for acknowledged in range(200):
        try:
            client.call("my_command", name="x" * 20_000)
        except (NotReachableError, CallError):
            return acknowledged
    raise AssertionError("the disk is never full")


def test_when_the_disk_is_full_nothing_more_is_acknowledged_and_nothing_acknowledged_is_lost(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app(COUNTER)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, hard))  # the app inherits it
    try:
        app.start()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    with app.client(timeout=3.0) as client:
        acknowledged = fill(client)

    assert app.wait() == 75
    assert "the storage failed, nothing more was acknowledged" in app.stderr()
    assert acknowledged > 3
    app.start()
    with app.client() as client:
        found = client.state()["vars"]["names"]
    assert acknowledged <= len(found) <= acknowledged + 1


def test_what_the_code_has_no_place_for_is_kept_in_a_file(make_app: MakeApp) -> None:
    app = make_app(COUNTER).start()
    with app.client() as client:
        client.call("my_command", name="x")
    assert app.end() == 0
    source = app.folder / "app.py"
    source.write_text(
        source.read_text().replace("self.doubled = 0", "self.fresh = 5").replace("self.doubled =", "_ =")
    )

    app.start()

    with app.client() as client:
        assert client.state()["vars"] == {"names": ["x"], "fresh": 5}
    (kept,) = (app.folder / ".flowrpc").glob("dropped-*.json")
    assert json.loads(kept.read_text())["vars"] == {"root": {"doubled": 2}}
    assert "root.doubled" in app.stderr()
