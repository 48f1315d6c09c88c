"""A whole app in real processes, of which nothing outlives the test."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from flowrpc.protocol.run_directory import entries
from flowrpc.testing import SimulationError, run_app
from flowrpc_client import CommandFailed

pytestmark = pytest.mark.slow

APP = """
import os
import subprocess
import time

from flowrpc import LightningApp, LightningFlow, LightningWork


class Ticking(LightningWork):
    def __init__(self):
        super().__init__(parallel=True)
        self.ticks = 0
        self.pids = []

    def run(self):
        # In a session of its own, so that nobody but a thorough search finds it.
        stray = subprocess.Popen(["sleep", "600"], start_new_session=True)
        self.pids = [os.getpid(), stray.pid]
        print("ticking")
        while True:
            self.ticks += 1
            time.sleep(0.05)


class Root(LightningFlow):
    def __init__(self):
        self.ticking = Ticking()
        self.added = 0
        self.color = os.environ.get("COLOR", "")

    def run(self):
        self.ticking.run()

    def add(self) -> int:
        self.added += 1
        return self.added

    def break_it(self):
        raise ValueError("broken")

    def end(self):
        self.fail("enough")

    def configure_commands(self):
        return {"add": self.add, "break_it": self.break_it, "end": self.end}


app = LightningApp(Root())
"""


@pytest.fixture
def app_file(tmp_path: Path) -> Path:
    path = tmp_path / "ticking.py"
    path.write_text(APP)
    return path


def ticked(replica: object) -> bool:
    return replica.vars("root.ticking")["ticks"] > 2  # type: ignore[attr-defined, no-any-return]


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_an_app_is_served_called_and_ended_and_nothing_is_left(app_file: Path) -> None:
    with run_app(app_file, until=ticked, env={"COLOR": "green"}) as app:
        assert app.client.call("add") == 1
        with pytest.raises(CommandFailed, match="ValueError: broken"):
            app.client.call("break_it")
        assert app.client.state()["vars"]["color"] == "green"
        assert app.wait_for_line(r"\] ticking") == "[root.ticking] ticking"
        assert [app.exit_code] == [None]
        pids = [app.pid, *app.client.state()["works"]["ticking"]["vars"]["pids"]]
        data_dir = app.data_dir
        assert all(map(alive, pids))

    assert app.exit_code == 0
    assert not any(map(alive, pids))
    assert not data_dir.exists()


def test_a_killed_app_goes_on_where_it_was(app_file: Path) -> None:
    with run_app(app_file, until=ticked) as app:
        app.client.call("add")
        first = app.client.state()["works"]["ticking"]["vars"]["pids"]

        assert app.kill() == -signal.SIGKILL
        assert app.exit_code == -signal.SIGKILL
        assert not any(map(alive, first))
        app.start()
        app.wait_for(ticked)
        assert app.client.call("add") == 2, "the same client, the same state"
        app.restart()
        assert app.client.call("add") == 3
        assert app.stop() == 0


def test_an_app_that_ends_by_itself_is_waited_for(app_file: Path) -> None:
    with run_app(app_file) as app:
        app.client.call("end")
        assert app.wait() == 1
        assert app.wait_for_line("failed: enough")
        with pytest.raises(
            SimulationError, match="the app ended with exit code 1 without a line like 'never'"
        ):
            app.wait_for_line("never")


def test_apps_of_the_user_and_of_tests_do_not_meet(
    app_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLOWRPC_RUN_DIR", str(tmp_path / "run"))
    with run_app(app_file) as one, run_app(app_file) as other:
        assert (one.client.call("add"), one.client.call("add"), other.client.call("add")) == (1, 2, 1)
        assert entries() == []


def test_an_app_that_does_not_start_says_why(tmp_path: Path) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text("raise OSError('no shop today')\n")

    with (
        pytest.raises(SimulationError, match="the app ended with exit code 2 before it was served") as failed,
        run_app(broken),
    ):
        pass
    assert "no shop today" in failed.value.__notes__[0]


def test_an_app_that_hangs_while_it_starts_is_given_up(tmp_path: Path) -> None:
    hanging = tmp_path / "hanging.py"
    hanging.write_text("import time\ntime.sleep(600)\n")

    with (
        pytest.raises(SimulationError, match=r"the app was not served within 2 s"),
        run_app(hanging, timeout=2.0),
    ):
        pass


def test_a_test_that_fails_is_told_the_log(app_file: Path) -> None:
    with pytest.raises(AssertionError) as failed, run_app(app_file, until=ticked):
        raise AssertionError("wrong")
    (note,) = failed.value.__notes__
    assert note.startswith(f"the log of {app_file}:")
    assert "[root.ticking] ticking" in note


def test_what_does_not_come_is_not_waited_for_for_ever(app_file: Path) -> None:
    with run_app(app_file) as app:
        with pytest.raises(TimeoutError):
            app.wait_for(lambda replica: replica.vars()["added"] == 1, timeout=0.2)
        with pytest.raises(TimeoutError, match=r"no such line within 0.2 s"):
            app.wait_for_line("never", timeout=0.2)
        with pytest.raises(TimeoutError, match=r"not ended within 0.2 s"):
            app.wait(timeout=0.2)
        with pytest.raises(SimulationError, match="the app runs already"):
            app.start()


PROGRAM = """
import sys

from flowrpc.testing import run_app

with run_app(sys.argv[1], until=lambda replica: replica.vars("root.ticking")["ticks"] > 2) as app:
    print(app.pid, *app.client.state()["works"]["ticking"]["vars"]["pids"], flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT])
def test_an_app_dies_with_its_test(
    app_file: Path, tmp_path: Path, end: signal.Signals, wait_until: Callable[[Callable[[], bool]], None]
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, app_file],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=os.environ | {"TMPDIR": str(tmp_path)},
    ) as program:
        assert program.stdout is not None
        pids = [int(pid) for pid in program.stdout.readline().split()]
        program.send_signal(end)
        program.wait(timeout=60)

    served, runner, stray = pids
    wait_until(lambda: not alive(served) and not alive(runner))
    if end is signal.SIGKILL:  # nobody is left then to look for what hid itself
        os.kill(stray, signal.SIGKILL)
    wait_until(lambda: not alive(stray))
