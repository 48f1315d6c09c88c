"""Scripts that serve their own app, in processes and directories of their own."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

Script = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(autouse=True)
def own_run_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keeps the apps of tests away from the user's and from each other."""
    monkeypatch.setenv("FLOWRPC_RUN_DIR", str(tmp_path / "run"))
    monkeypatch.delenv("FLOWCTL_ADDRESS", raising=False)
    monkeypatch.delenv("FLOWCTL_TOKEN_FILE", raising=False)


@pytest.fixture
def script(tmp_path: Path) -> Script:
    """Runs source text as `python NAME.py` to its end."""

    def run(source: str, *options: str, name: str = "shop.py") -> subprocess.CompletedProcess[str]:
        (tmp_path / name).write_text(textwrap.dedent(source))
        return subprocess.run(
            [sys.executable, *(options or [name])],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=50,
            check=False,
        )

    return run
