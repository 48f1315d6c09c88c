"""`flowctl run --detach` and `--wait`: the app in the background, and all that a wait for it can come to."""

from __future__ import annotations

import os
import re
import signal
import stat
import subprocess
import textwrap
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from flowrpc.store import lock_holder
from flowrpc_client import FlowClient

from tests.end_to_end.conftest import FLOWCTL, HEADER, flowctl, wait_until_gone

READY_AT_ONCE = """
class Root(LightningFlow):
    def __init__(self):
        self.passes = 0

    def run(self):
        print("a line of the app")

app = LightningApp(Root())
"""

NEVER_READY = """
class Model(LightningFlow):
    @property
    def ready(self):
        return False

class Root(LightningFlow):
    def __init__(self):
        self.model = Model()

    def run(self):
        pass

app = LightningApp(Root())
"""


class Background:
    """A folder with an app that is started in the background."""

    def __init__(self, folder: Path, data_dir: Path | None = None) -> None:
        self.folder = folder
        self.data_dir = data_dir or folder / ".flowrpc"
        folder.mkdir()

    def write(self, source: str) -> Background:
        (self.folder / "app.py").write_text(HEADER + textwrap.dedent(source))
        return self

    def run(self, *options: str) -> subprocess.CompletedProcess[str]:
        return flowctl("run", "app.py", *options, cwd=self.folder)

    def stop(self) -> None:
        pid = self.pid
        assert flowctl("--data-dir", str(self.data_dir), "stop").returncode == 0
        wait_until_gone({pid})

    @property
    def log(self) -> str:
        return (self.data_dir / "app.log").read_text()

    @property
    def pid(self) -> int:
        holder = lock_holder(self.data_dir)
        assert holder is not None
        return holder.pid

    def client(self) -> FlowClient:
        return FlowClient(data_dir=self.data_dir)

    def close(self) -> None:
        """Kills what still runs."""
        for folder in {self.data_dir, self.folder / ".flowrpc"}:
            holder = lock_holder(folder)
            if holder is not None:
                with suppress(ProcessLookupError):
                    os.kill(holder.pid, signal.SIGKILL)


@pytest.fixture
def background(tmp_path: Path) -> Iterator[Background]:
    background = Background(tmp_path / "shop")
    yield background
    background.close()


def test_detach_returns_when_the_app_is_served_and_stop_ends_it(background: Background) -> None:
    done = background.write(NEVER_READY).run("--detach")

    assert done.returncode == 0
    assert done.stdout.startswith("shop is served at 127.0.0.1:")
    assert f"tail -f {background.data_dir}/app.log" in done.stderr
    assert f"flowctl --data-dir {background.data_dir} stop" in done.stderr
    with background.client() as client:
        assert client.app().pid == background.pid
    assert os.getsid(background.pid) == background.pid
    background.stop()
    assert background.log.splitlines()[-1] == "stopped"


def test_a_data_directory_that_is_said_before_the_command_is_that_of_the_app(tmp_path: Path) -> None:
    elsewhere = tmp_path / "state of it"
    background = Background(tmp_path / "shop", elsewhere).write(READY_AT_ONCE)
    try:
        done = flowctl("--data-dir", "../state of it", "run", "app.py", "-d", cwd=background.folder)
        assert done.returncode == 0, done.stderr
        with background.client() as client:
            assert client.app().pid == background.pid
        assert not (background.folder / ".flowrpc").exists()
        background.stop()
    finally:
        background.close()


def test_the_log_is_the_owners_and_has_what_the_app_prints(background: Background) -> None:
    assert background.write(READY_AT_ONCE).run("-d").returncode == 0
    background.stop()
    assert background.run("-d").returncode == 0
    background.stop()

    assert stat.S_IMODE((background.data_dir / "app.log").stat().st_mode) == 0o600
    assert background.log.count("a line of the app") == 2
    assert background.log.count("\n--- 2") + background.log.startswith("--- 2") == 2


def test_a_large_log_is_moved_aside_at_the_next_start(background: Background) -> None:
    background.write(READY_AT_ONCE)
    background.data_dir.mkdir(mode=0o700)
    with (background.data_dir / "app.log").open("wb") as log:
        log.truncate(17 * 1024 * 1024)

    assert background.run("-d").returncode == 0
    background.stop()

    assert (background.data_dir / "app.log.1").stat().st_size == 17 * 1024 * 1024
    assert background.log.startswith("--- 2")


def test_wait_returns_when_the_app_is_ready(background: Background) -> None:
    background.write(
        """
        class Load(LightningWork):
            def run(self):
                time.sleep(0.3)

        class Root(LightningFlow):
            def __init__(self):
                self.load = Load()
                self.loaded = False

            @property
            def ready(self):
                return self.loaded

            def run(self):
                self.load.run()
                self.loaded = True

        app = LightningApp(Root())
        """
    )

    done = background.run("--wait")

    assert done.returncode == 0
    assert done.stdout.splitlines()[-1] == "shop is ready"
    with background.client() as client:
        assert client.state()["vars"]["loaded"] is True
        assert client.app().ready


def test_at_the_time_out_it_says_what_is_not_ready_and_the_app_goes_on(background: Background) -> None:
    done = background.write(NEVER_READY).run("--wait", "--wait-timeout", "8")

    assert done.returncode == 124
    assert (
        "Error: 8 s are over: shop runs but is not ready, because root.model is not; it goes on"
        in done.stderr
    )
    assert f"stop it:    flowctl --data-dir {background.data_dir} stop" in done.stderr
    with background.client() as client:
        assert not client.app().ready
    background.stop()


def test_at_the_time_out_an_app_that_is_not_served_yet_is_told_with_its_process(
    background: Background,
) -> None:
    done = background.write("time.sleep(60)").run("--wait", "--wait-timeout", "0.5")

    assert done.returncode == 124
    assert "shop is not served yet, but starting; it goes on" in done.stderr
    (pid,) = re.findall(r"stop it:    kill (\d+)", done.stderr)
    os.kill(int(pid), signal.SIGTERM)
    wait_until_gone({int(pid)})


@pytest.mark.parametrize("option", ["--detach", "--wait"])
def test_a_file_that_does_not_run_is_told_with_its_exit_code(background: Background, option: str) -> None:
    done = background.write("1 / 0").run(option)

    assert done.returncode == 2
    assert "ZeroDivisionError: division by zero" in done.stderr
    assert "shop ended before it was" in done.stderr
    assert "with exit code 2; its output is in" in done.stderr


def test_no_file_makes_no_data_directory(background: Background) -> None:
    done = background.run("--detach")

    assert done.returncode == 2
    assert "app.py: no such file" in done.stderr
    assert not background.data_dir.exists()


@pytest.mark.parametrize(
    ("ending", "code", "line"),
    [
        ("self.stop('all is done')", 0, "stopped: all is done"),
        ("self.fail('no disk')", 1, "failed: no disk"),
        ("os.kill(os.getpid(), signal.SIGKILL)", 137, "shop ended"),
    ],
)
def test_an_app_that_ends_before_it_is_ready(
    background: Background, ending: str, code: int, line: str
) -> None:
    source = NEVER_READY.replace("self.model = Model()", "self.model = Model(); self.begun = 0")
    source = source.replace("        pass", f"        if self.begun: {ending}\n        self.begun = 1")

    done = background.write(source).run("--wait")

    assert done.returncode == code
    assert line in done.stderr
    assert f"shop ended before it was ready, with exit code {code}" in done.stderr


def test_of_much_output_the_end_is_shown(background: Background) -> None:
    done = background.write("print('x' * 100_000, 'the end', sep='\\n')\n1 / 0").run("-d")

    assert "the end" in done.stderr
    assert "ZeroDivisionError" in done.stderr
    assert len(done.stderr) < 70_000


def test_only_the_lines_of_this_start_are_shown(background: Background) -> None:
    assert background.write(READY_AT_ONCE).run("-d").returncode == 0
    background.stop()

    done = background.write("1 / 0").run("-d")

    assert "a line of the app" not in done.stderr


def test_ctrl_c_ends_the_wait_and_nothing_else(background: Background) -> None:
    background.write(NEVER_READY)
    with subprocess.Popen(
        [FLOWCTL, "run", "app.py", "--wait"],
        cwd=background.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as waiting:
        assert waiting.stdout is not None
        assert "is served at" in waiting.stdout.readline()
        os.killpg(waiting.pid, signal.SIGINT)  # as a terminal does
        _, errors = waiting.communicate(timeout=60)

    assert waiting.returncode == 130
    assert "Interrupted: shop runs but is not ready, because root" in errors
    with background.client() as client:
        assert client.app().revision > 0
    background.stop()


def test_an_app_that_runs_is_not_started_again_and_keeps_its_log(background: Background) -> None:
    assert background.write(READY_AT_ONCE).run("--wait").returncode == 0
    before = background.log

    done = background.run("--wait")

    assert done.returncode == 2
    assert f"shop runs on {background.data_dir} already, at 127.0.0.1:" in done.stderr
    assert background.log == before


def test_options_reach_the_app(background: Background) -> None:
    done = background.write(READY_AT_ONCE).run("--wait", "--name", "kiosk", "--data-dir", "elsewhere")

    assert done.stdout.startswith("kiosk is served at")
    with FlowClient(data_dir=background.folder / "elsewhere") as client:
        assert client.app().name == "kiosk"
        pid = client.app().pid
        client.stop()
    wait_until_gone({pid})


def test_a_time_out_without_a_wait_is_refused(background: Background) -> None:
    done = background.write(READY_AT_ONCE).run("--wait-timeout", "1")

    assert done.returncode == 2
    assert "--wait-timeout needs --wait or --detach" in done.stderr
