"""Serving an app from Python, as apps written for Lightning do at the end of their file."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from flowrpc.errors import AppLoadError, StartError
from flowrpc.lightning import LightningApp
from flowrpc.lightning.runners import MultiProcessRuntime, dispatch, load_app_from_file
from flowrpc.lightning.testing import EmptyFlow

from tests.lightning.conftest import Script

APP = """
import flowrpc.lightning as L
from flowrpc.lightning.runners import MultiProcessRuntime, dispatch


class Count(L.LightningWork):
    def __init__(self):
        super().__init__()
        self.counted = 0

    def run(self, to):
        for _ in range(to):
            self.counted += 1


class Root(L.LightningFlow):
    def __init__(self, ends="stop"):
        super().__init__()
        self.count = Count()
        self.ends = ends

    def run(self):
        self.count.run(to=3)
        getattr(self, self.ends)(f"counted to {self.count.counted}")

"""
GUARDED = """
app = L.LightningApp(Root())

if __name__ == "__main__":
    MultiProcessRuntime(app, start_server=False).dispatch(open_ui=False)
    print("after")
"""


@pytest.mark.slow
def test_a_script_serves_its_own_app(script: Script, tmp_path: Path) -> None:
    done = script(APP + GUARDED)

    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"shop is served at 127\.0\.0\.1:\d+, revision \d+\nafter\n", done.stdout)
    assert "stopped: counted to 3" in done.stderr
    assert (tmp_path / ".flowrpc").is_dir()


@pytest.mark.slow
def test_an_app_that_fails_ends_the_script_with_its_exit_code(script: Script) -> None:
    done = script(APP + GUARDED.replace("Root()", "Root(ends='fail')"))

    assert (done.returncode, "after" in done.stdout) == (1, False)
    assert "failed: counted to 3" in done.stderr


@pytest.mark.slow
def test_http_is_served_where_it_is_told(script: Script) -> None:
    source = GUARDED.replace("start_server=False", 'host="localhost", port=0')
    done = script(APP + source)

    assert done.returncode == 0, done.stderr
    assert re.search(r"the page is at http://localhost:\d+/login", done.stdout)


@pytest.mark.slow
def test_another_file_is_dispatched_by_its_name(script: Script, tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(APP + GUARDED)
    done = script(
        "from flowrpc.lightning.runners import dispatch; dispatch('shop.py', name='till')", name="go.py"
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("till is served at ")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("end", "told"),
    [
        (
            "def main():\n    MultiProcessRuntime(L.LightningApp(Root())).dispatch()\n\nmain()\n",
            "shop.py, where works find it; write `app = LightningApp(...)` there",
        ),
        # The file is executed again where works are; there it is not the main one, and must not serve itself.
        (
            "app = L.LightningApp(Root())\nMultiProcessRuntime(app).dispatch()\n",
            'below `if __name__ == "__main__":`',
        ),
        ("if __name__ == '__main__':\n    dispatch('nowhere.py')\n", "no such file; name the Python file"),
    ],
    ids=["in a function", "without a guard", "no file"],
)
def test_what_cannot_be_served_is_told(script: Script, end: str, told: str) -> None:
    done = script(APP + end)

    assert done.returncode != 0
    assert told in done.stderr
    assert "is served at" not in done.stdout


@pytest.mark.slow
def test_flowctl_tells_what_an_unguarded_file_lacks(script: Script, tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(APP + "MultiProcessRuntime(L.LightningApp(Root())).dispatch()\n")
    done = script("", "-m", "flowrpc_client.flowctl", "run", "shop.py", name="other.py")

    assert done.returncode == 2
    assert "the module shop is imported, not executed" in done.stderr
    assert 'put the call below `if __name__ == "__main__":`' in done.stderr


@pytest.mark.slow
def test_an_app_without_a_file_is_refused(script: Script) -> None:
    source = APP + "MultiProcessRuntime(L.LightningApp(Root())).dispatch()"
    done = script(source, "-c", source)

    assert done.returncode == 1
    assert "no file is executed here; write the app into one" in done.stderr


@pytest.mark.slow
def test_ctrl_c_ends_it_in_order(tmp_path: Path) -> None:
    idle = "class Idle(L.LightningFlow):\n    def run(self):\n        pass\n"
    (tmp_path / "shop.py").write_text(APP + idle + GUARDED.replace("Root()", "Idle()"))
    with subprocess.Popen(
        [sys.executable, "shop.py"], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert "is served at" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        rest, errors = process.communicate(timeout=60)

    assert (process.returncode, rest) == (0, "after\n")
    assert "stopped: by SIGINT" in errors


def test_an_app_of_another_module_is_refused_with_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["__main__"], "__file__", "main.py", raising=False)
    with pytest.raises(AppLoadError, match=r"Another file is served by dispatch\('FILE.py'\); in a test,"):
        MultiProcessRuntime(LightningApp(EmptyFlow())).dispatch()


def test_opening_a_browser_is_refused() -> None:
    with pytest.raises(StartError, match="open_ui=True: no browser is opened"):
        dispatch("app.py", open_ui=True)


def test_a_file_is_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "loaded_shop.py").write_text(APP + GUARDED)

    assert load_app_from_file(tmp_path / "loaded_shop.py").root.ends == "stop"  # type: ignore[attr-defined]
    with pytest.raises(AppLoadError, match="no such file"):
        load_app_from_file(tmp_path / "nowhere.py")
