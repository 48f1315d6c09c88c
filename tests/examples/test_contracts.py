"""Every example has a contract, so that its commands can be called with types."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.examples.conftest import FLOWCTL

EXAMPLES = Path(__file__).parents[2] / "examples"
APPS = sorted(EXAMPLES.glob("*/app.py"))


@pytest.mark.parametrize("app", APPS, ids=lambda app: app.parent.name)
def test_a_contract_is_built_and_checked(app: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(app.parent, tmp_path / "app")
    for command in ("build", "check"):
        done = subprocess.run(
            [FLOWCTL, "contract", command, "app.py"], cwd=folder, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
    assert list(folder.rglob("app.proto"))
