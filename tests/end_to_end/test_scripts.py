"""Works that run scripts, in real apps: their logs, their ends, and what becomes of what they started."""

from __future__ import annotations

import os
import signal
from functools import partial
from pathlib import Path

import pytest
from flowrpc_client import StateReplica

from tests.end_to_end.conftest import MakeApp, RunningApp, descendants, flowctl, var, wait_until_gone

APP = """
from flowrpc.components import PopenPythonScript, TracerPythonScript
from flowrpc import Retry


class Traced(TracerPythonScript):
    def on_after_run(self, res):
        self.seen = "after"
        super().on_after_run(res)

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.seen = ""


OPTIONS = {"parallel": True, "cache_calls": False, "raise_exception": False}


class Root(LightningFlow):
    def __init__(self):
        self.traced = Traced("script.py", ["-v"], ["best"], {"MODE": "traced"}, **OPTIONS)
        self.opened = PopenPythonScript("script.py", ["-v"], {"MODE": "opened"}, **OPTIONS)
        self.again = PopenPythonScript("script.py", retry=Retry(attempts=2), **OPTIONS)
        self.more = List()
        self.has = {}

    def go(self, work, how):
        getattr(self, work).run({"how": how})

    def end(self, work):
        getattr(self, work).stop()

    def add(self):
        self.more.append(TracerPythonScript("script.py", outputs=["best"], parallel=True))

    def configure_commands(self):
        return {"go": self.go, "end": self.end, "add": self.add}

    def run(self):
        for work in self.more:
            work.run({"how": "well"})
        self.has = {
            "traced": self.traced.status.stage, "opened": self.opened.status.stage, "again": self.again.status.stage,
        }


app = LightningApp(Root())
"""

SCRIPT = """
import argparse
import os
import pathlib
import sys
import time

parser = argparse.ArgumentParser()
parser.add_argument("-v", action="store_true")
parser.add_argument("--how")
how = parser.parse_args().how
mode = os.environ.get("MODE", "none")


def wait():
    child = 0
    if mode != "traced":
        child = os.fork()  # a child that the script would leave behind
    if child or mode == "traced":
        pathlib.Path("pids.tmp").write_text(f"{os.getpid()} {child or os.getpid()}")
        os.rename("pids.tmp", "pids.txt")
    try:
        if child or mode == "traced":
            print("waiting", flush=True)  # whoever reads it may interrupt at once
        time.sleep(1000)
    finally:
        print("cleaned up")


if __name__ == "__main__":
    print("it goes", how, mode)
    best = {"rate": 0.5}
    if how == "wait":
        wait()
    elif how == "second" and not os.path.exists("tried"):
        pathlib.Path("tried").touch()
        raise ValueError("the first try fails")
    elif how == "badly":
        print("about to fail", file=sys.stderr)
        raise ValueError("it is broken")
    elif how == "exit":
        sys.exit(7)
    elif how == "unkept":
        best = lambda: 0
    elif how == "forgetful":
        del best
"""


@pytest.fixture
def app(make_app: MakeApp) -> RunningApp:
    app = make_app(APP)
    (app.folder / "script.py").write_text(SCRIPT)
    return app.start()


def until(replica: StateReplica, work: str, stage: str) -> None:
    replica.wait_for(lambda replica: var(replica, "root", "has").get(work) == stage, timeout=60)


def await_line(app: RunningApp, work: str, line: str) -> list[str]:
    """Waits for a line in the work's log; returns what was there before it."""
    before: list[str] = []
    with app.client() as client:
        for record in client.logs(follow=True, component=f"root.{work}"):
            if record.message == line:
                break
            before.append(record.message)
    return before


def waiting_pids(app: RunningApp, work: str) -> set[int]:
    """Waits until the script waits, and returns its process and that of its child."""
    await_line(app, work, "waiting")
    return {int(word) for word in (app.folder / "pids.txt").read_text().split()}


BOTH = pytest.mark.parametrize("work", ["traced", "opened"])


@BOTH
def test_a_script_runs_with_its_arguments_and_environment(app: RunningApp, work: str) -> None:
    with app.client() as client, client.replica() as replica:
        client.call("go", work=work, how="well")
        until(replica, work, "succeeded")
        await_line(app, work, f"it goes well {work}")
        vars = replica.vars(f"root.{work}")
        assert vars["params"] == {"how": "well"}
        if work == "traced":
            assert (vars["best"], vars["seen"]) == ({"rate": 0.5}, "after")
        else:
            assert (vars["exit_code"], vars["pid"]) == (0, None)


@BOTH
def test_the_same_process_of_the_work_runs_a_script_again(app: RunningApp, work: str) -> None:
    with app.client() as client, client.replica() as replica:
        for how, stage in (("badly", "failed"), ("well", "succeeded"), ("exit", "failed")):
            client.call("go", work=work, how=how)
            until(replica, work, stage)
        assert client.works()[[w.name for w in client.works()].index(f"root.{work}")].failed_count == 2


@BOTH
@pytest.mark.parametrize(
    ("how", "told"), [("badly", "it is broken"), ("exit", "script.py ended with exit code 7")]
)
def test_a_failure_tells_why(app: RunningApp, work: str, how: str, told: str) -> None:
    with app.client() as client, client.replica() as replica:
        client.call("go", work=work, how=how)
        until(replica, work, "failed")
        (run,) = client.runs(f"root.{work}")
        assert run.failure is not None
        assert told in run.failure.message
        assert "runpy" not in run.failure.traceback
        if work == "opened":
            assert replica.vars("root.opened")["exit_code"] == {"badly": 1, "exit": 7}[how]
            if how == "badly":
                assert "  about to fail" in run.failure.message.splitlines()


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ("forgetful", "root.traced outputs: the script has no global 'best'"),
        ("unkept", "root.traced.best: is no value of state, and no payload: a function cannot be pickled"),
    ],
)
def test_outputs_that_cannot_be_kept_fail_the_run(app: RunningApp, how: str, told: str) -> None:
    with app.client() as client, client.replica() as replica:
        client.call("go", work="traced", how=how)
        until(replica, "traced", "failed")
        (run,) = client.runs("root.traced")
        assert run.failure is not None
        assert told in run.failure.message
        assert replica.vars("root.traced")["best"] is None


def test_a_failed_script_is_tried_again(app: RunningApp) -> None:
    with app.client() as client, client.replica() as replica:
        client.call("go", work="again", how="second")
        until(replica, "again", "succeeded")
        (run,) = client.runs("root.again")
        assert run.attempt == 2


@BOTH
@pytest.mark.parametrize("way", ["stop", "cancel"])
def test_a_cancelled_script_cleans_up_and_leaves_nothing(app: RunningApp, work: str, way: str) -> None:
    with app.client() as client, client.replica() as replica:
        client.call("go", work=work, how="wait")
        pids = waiting_pids(app, work)
        if way == "stop":
            client.call("end", work=work)
        else:
            client.cancel(client.runs(f"root.{work}")[0].run_id)
        until(replica, work, "stopped")
        if work == "opened":
            wait_until_gone(pids)
            if way == "cancel":  # of a work that is stopped, nothing more is taken
                replica.wait_for(
                    lambda replica: var(replica, "root.opened", "exit_code") == -signal.SIGTERM, timeout=60
                )
        else:
            await_line(app, work, "cleaned up")
        client.call("go", work=work, how="well")
        until(replica, work, "succeeded")


@pytest.mark.parametrize("whom", ["app", "agent", "runner", "in order"])
def test_no_process_outlives_the_work(app: RunningApp, whom: str) -> None:
    with app.client() as client:
        client.call("go", work="opened", how="wait")
        pids = waiting_pids(app, "opened")
    everything = descendants(app.pid)
    assert pids <= everything
    if whom == "in order":
        assert app.end() == 0
    else:
        os.kill(_process(app, whom, min(pids)), signal.SIGKILL)
    wait_until_gone(pids)


def _process(app: RunningApp, whom: str, script: int) -> int:
    runner = _parent(script)
    return {"app": app.pid, "agent": _parent(runner), "runner": runner}[whom]


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


@BOTH
def test_a_script_that_was_under_way_runs_again_after_a_crash(app: RunningApp, work: str) -> None:
    with app.client() as client:
        client.call("go", work=work, how="wait")
        before = waiting_pids(app, work)
    app.kill()
    wait_until_gone(before)
    app.start()
    after = waiting_pids(app, work)
    assert after.isdisjoint(before)
    with app.client() as client, client.replica() as replica:
        assert client.runs(f"root.{work}")[0].attempt == 2
        client.call("end", work=work)
        until(replica, work, "stopped")


def _is_best(name: str, replica: StateReplica) -> bool:
    try:
        return replica.vars(name)["best"] == {"rate": 0.5}
    except KeyError:  # it is not there yet
        return False


def test_a_script_is_a_dynamic_child(app: RunningApp) -> None:
    for number in range(2):
        with app.client() as client, client.replica() as replica:
            client.call("add")
            name = f"root.more.{number}"
            replica.wait_for(partial(_is_best, name), timeout=60)
        assert app.end() == 0
        app.start()


def test_a_missing_script_is_refused_before_anything_runs(make_app: MakeApp) -> None:
    app = make_app(APP)
    process = app.launch()
    assert process.wait(timeout=60) == 2
    assert f"the script_path 'script.py' is no file: none is at {app.folder}/script.py" in app.stderr()


def test_the_log_shows_lines_of_a_script_while_it_runs(app: RunningApp) -> None:
    with app.client() as client, client.replica() as replica:
        client.call("go", work="opened", how="wait")
        before = await_line(app, "opened", "waiting")
        assert "it goes wait opened" in before
        assert replica.vars("root.opened")["pid"] in waiting_pids(app, "opened")
    assert "it goes wait opened" in flowctl("logs", "root.opened", cwd=app.folder).stdout
