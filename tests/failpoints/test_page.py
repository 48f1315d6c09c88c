"""The reference page lists what there is, and its example does what it says."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
from flowrpc import failpoints
from flowrpc.failpoints.plan import Action
from flowrpc.failpoints.points import POINTS

from tests.end_to_end.conftest import FLOWCTL, HEADER

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "failpoints.md").read_text()


def test_the_page_lists_every_failpoint() -> None:
    rows = [
        f"| `{p.name}` | {p.process.value} | {p.moment.value} `{p.target.partition(':')[2]}` |"
        for p in POINTS
    ]
    found = [line for line in PAGE.splitlines() if re.match(r"\| `[a-z_]+\.", line)]
    assert found == rows


def test_the_page_lists_every_action() -> None:
    assert re.findall(r"^\| `([a-z]+)", PAGE, re.MULTILINE)[: len(Action)] == [one.value for one in Action]


def test_the_example_kills_the_flow_service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    setting = re.search(r'^ +(FLOWRPC_FAILPOINTS)="(.*)" flowctl run app.py$', PAGE, re.MULTILINE)
    assert setting is not None
    assert setting[1] == failpoints.VARIABLE
    (tmp_path / "app.py").write_text(
        HEADER + "class Root(LightningFlow):\n    def __init__(self):\n        self.passes = 0\n"
        "    def run(self):\n        self.passes += 1\n\n\napp = LightningApp(Root())\n"
    )
    env = os.environ | {"FLOWRPC_RUN_DIR": str(tmp_path / "run"), setting[1]: setting[2]}
    command = [str(FLOWCTL), "run", "app.py"]
    told = subprocess.run(
        command, cwd=tmp_path, env=env, timeout=60, check=False, capture_output=True, text=True
    )
    assert told.returncode == -9
    assert "failpoints are set: store.commit.before_fsync=kill@3" in told.stderr


def test_a_bad_plan_is_refused_before_anything_is_served(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(
        HEADER
        + "class Root(LightningFlow):\n    def run(self):\n        pass\n\n\napp = LightningApp(Root())\n"
    )
    env = os.environ | {
        "FLOWRPC_RUN_DIR": str(tmp_path / "run"),
        failpoints.VARIABLE: "store.comit.before=kill",
    }
    command = [str(FLOWCTL), "run", "app.py"]
    told = subprocess.run(
        command, cwd=tmp_path, env=env, timeout=60, check=False, capture_output=True, text=True
    )
    assert told.returncode == 2
    assert "did you mean 'store.commit.before'?" in told.stderr
    assert "Traceback" not in told.stderr
