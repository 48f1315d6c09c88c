"""docs/reference/testing.md: its tests pass against its app, and its tables name what there is."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import unittest
from pathlib import Path

import pytest
from flowrpc import testing
from flowrpc.testing import AppProcess, FakeWork, SimulatedApp
from flowrpc.testing.app_view import AppView

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/reference/testing.md").read_text()


@pytest.mark.slow
def test_the_tests_of_the_page_pass(tmp_path: Path) -> None:
    app, tests = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "shop.py").write_text(app)
    (tmp_path / "test_shop.py").write_text(tests)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", "test_shop.py"],
        cwd=tmp_path,
        env={key: value for key, value in os.environ.items() if key != "PYTEST_ADDOPTS"},
        capture_output=True,
        text=True,
        timeout=55,
        check=False,
    )

    assert done.returncode == 0, done.stdout
    assert f"{tests.count('def test_')} passed" in done.stdout


@pytest.mark.parametrize("cls", [SimulatedApp, AppView, FakeWork, AppProcess])
def test_the_page_names_every_public_method(cls: type) -> None:
    names = [name for name in vars(cls) if not name.startswith("_")]
    inside = {"check_running", "life", "unfinished_runs", "close", "tell", "name", "work", "works"}

    assert [name for name in names if name not in inside and not re.search(rf"`[^`]*\b{name}\b", PAGE)] == []


def test_the_page_names_everything_that_is_exported() -> None:
    assert [
        name for name in testing.__all__ if name not in PAGE and name not in ("AppProcess", "FakeWork")
    ] == []


def test_it_works_with_unittest_and_without_pytest() -> None:
    class Case(unittest.TestCase):
        def setUp(self) -> None:
            self.app = SimulatedApp(testing.EmptyFlow)

        def runTest(self) -> None:
            assert self.app.settle() == 1

    result = Case().run()
    assert result is not None
    assert (result.testsRun, result.errors, result.failures) == (1, [], [])
    code = "import sys; import flowrpc.testing; print(*sorted({'pytest', 'grpc', 'flowrpc_client'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "\n"
