"""What works need, in real processes: two agents with different labels, requirements, refusals."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from flowrpc_client import StateReplica

from tests.end_to_end.conftest import FLOWCTL, MakeApp, RunningApp, flowctl, var

pytestmark = pytest.mark.slow

PLACED = """
from flowrpc import CloudCompute


class Job(LightningWork):
    def __init__(self, compute):
        super().__init__(parallel=True, cloud_compute=compute)
        self.agent = ""

    def run(self):
        self.agent = os.environ.get("AGENT", "local")


class Root(LightningFlow):
    def __init__(self):
        self.here = Job(None)
        self.a = Job(CloudCompute(labels={"zone": "a"}, cpus=1))
        self.b = Job(CloudCompute("gpu-fast", gpus=1))
        self.reason = ""

    def run(self):
        self.here.run()
        self.a.run()
        self.b.run()
        self.reason = self.b.status.message


app = LightningApp(Root())
"""


@contextmanager
def agent(app: RunningApp, name: str, *options: str) -> Iterator[subprocess.Popen[str]]:
    """Serves works by hand, until the end of the block."""
    import os

    token = app.folder / ".flowrpc" / "tokens" / "work"
    command = [str(FLOWCTL), "work", "serve", "app.py", "--work", "*", "--flow", app.address]
    with subprocess.Popen(
        [*command, "--token-file", str(token), "--agent-id", name, *options],
        cwd=app.folder,
        env={**os.environ, "AGENT": name},
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.terminate()
            process.wait(timeout=60)


def wait_for(replica: StateReplica, component: str, name: str, wanted: Any) -> None:
    replica.wait_for(lambda _: var(replica, component, name) == wanted, timeout=60)


def test_two_agents_get_what_they_have_labels_and_room_for(make_app: MakeApp) -> None:
    app = make_app(PLACED, "--cpus", "2", "--memory", "1GiB", "--gpus", "0", "--label", "zone=home").start()
    with app.client() as client, client.replica() as replica:
        replica.wait_for(
            lambda _: "local has cpus=2 memory=1GiB label zone=home" in var(replica, "root", "reason")
        )
        assert "--gpus 1 --label compute=gpu-fast" in var(replica, "root", "reason")
        wait_for(replica, "root.here", "agent", "local")
        with (
            agent(app, "in-a", "--label", "zone=a", "--cpus", "1"),
            agent(app, "fast", "--label", "compute=gpu-fast", "--gpus", "2"),
        ):
            wait_for(replica, "root.a", "agent", "in-a")
            wait_for(replica, "root.b", "agent", "fast")
            wait_for(replica, "root", "reason", "")
            listed = {info.agent_id: info for info in client.agents()}
            assert set(listed) == {"local", "in-a", "fast"}
            assert listed["fast"].resources.gpus == 2
            assert listed["fast"].resources.cpu_millis > 0  # measured
            assert listed["in-a"].labels == {"zone": "a"}
            table = flowctl("agents", cwd=app.folder).stdout.splitlines()
            assert [line.split()[0] for line in table] == ["AGENT", "fast", "in-a", "local"]
    assert "a run waits: root.b needs gpus=1 label compute=gpu-fast" in app.stderr()


def test_what_a_run_waits_for_is_shown_by_flowctl(make_app: MakeApp) -> None:
    app = make_app(PLACED, "--gpus", "0").start()
    with app.client() as client, client.replica() as replica:
        replica.wait_for(lambda _: "root.b needs" in var(replica, "root", "reason"), timeout=60)
    assert "root.b is pending: root.b needs gpus=1" in flowctl("works", cwd=app.folder).stdout
    works = {work["name"]: work for work in json.loads(flowctl("works", "--json", cwd=app.folder).stdout)}
    assert works["root.b"]["pending_reason"].startswith("root.b needs gpus=1 label compute=gpu-fast")


NEEDY = """
from flowrpc import BuildConfig


class Job(LightningWork):
    def __init__(self):
        super().__init__(cloud_build_config=BuildConfig(["-r needed.txt"]))

    def run(self):
        pass


class Root(LightningFlow):
    def __init__(self):
        self.job = Job()

    def run(self):
        self.job.run()
        self.stop()


app = LightningApp(Root())
"""


def needy(make_app: MakeApp, needed: str) -> RunningApp:
    app = make_app(NEEDY)
    (app.folder / "needed.txt").write_text(needed)
    return app


def test_what_is_not_installed_is_told_instead_of_an_import_error(make_app: MakeApp) -> None:
    app = needy(make_app, "click\nnothing-at-all>=2\n").start()
    assert app.wait() == 1
    assert (
        "root.job needs what is not installed where it should run: nothing-at-all>=2 (missing)"
        in app.stderr()
    )
    assert "pip install 'nothing-at-all>=2'" in app.stderr()


def test_what_is_installed_lets_the_work_run(make_app: MakeApp) -> None:
    app = needy(make_app, "click>=8\n").start()
    assert app.wait() == 0


def test_the_way_out_of_a_missing_package_works(make_app: MakeApp) -> None:
    """A run that failed for want of a package is asked for again by the next life, with what the code says then."""
    app = needy(make_app, "nothing-at-all\n").start()
    assert app.wait() == 1
    (app.folder / "needed.txt").write_text("click\n")
    app.start()
    assert app.wait() == 0


@pytest.mark.parametrize(
    ("needs", "problem"),
    [
        (
            "cloud_compute=CloudCompute(disk_size=5)",
            "CloudCompute(disk_size=5) is honoured by no placement yet",
        ),
        (
            "cloud_build_config=BuildConfig(image='i')",
            "BuildConfig(image='i') is honoured by no placement yet",
        ),
        ("cloud_build_config=BuildConfig(['-r gone.txt'])", "gone.txt cannot be read: No such file"),
    ],
)
def test_an_app_with_a_work_that_nothing_honours_does_not_start(
    make_app: MakeApp, needs: str, problem: str
) -> None:
    app = make_app(
        f"""
from flowrpc import BuildConfig, CloudCompute


class Job(LightningWork):
    def __init__(self):
        super().__init__({needs})

    def run(self):
        pass


app = LightningApp(Job())
"""
    )
    app.launch()
    assert app.wait() == 2
    assert problem in app.stderr()
    assert "root.work: " in app.stderr()


@pytest.mark.parametrize(
    ("option", "value", "problem"),
    [
        ("--memory", "16G", "the unit 'G' is not known"),
        ("--label", "zone", "KEY=VALUE"),
        ("--cpus", "-1", "--cpus"),
        ("--gpus", "half", "--gpus"),
    ],
)
@pytest.mark.parametrize("command", [["run", "app.py"], ["work", "serve", "app.py", "--work", "*"]])
def test_options_that_make_no_sense_are_refused(
    make_app: MakeApp, command: list[str], option: str, value: str, problem: str
) -> None:
    app = make_app(PLACED)
    result = flowctl(*command, option, value, cwd=app.folder)
    assert result.returncode == 2
    assert problem in result.stderr
