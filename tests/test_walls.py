"""The import contracts of pyproject.toml, tried with imports that each of them must refuse."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LINT_IMPORTS = Path(sys.executable).with_name("lint-imports")

pytestmark = pytest.mark.slow


def lint_imports(tree: Path) -> tuple[int, str]:
    """Judges the packages in `tree`; returns the exit code and what was printed without its line breaks."""
    sources = os.pathsep.join(str(tree / name) for name in ("server", "client/python"))
    done = subprocess.run(
        [LINT_IMPORTS, "--no-cache", "--config", ROOT / "pyproject.toml"],
        cwd=tree,
        env=os.environ | {"PYTHONPATH": sources, "COLUMNS": "400"},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, " ".join((done.stdout + done.stderr).split())


@pytest.mark.parametrize(
    ("room", "planted", "contract"),
    [
        (
            "server/flowrpc/flow_service",
            "import flowrpc.work_service",
            "flow service and work service meet on the wire only",
        ),
        (
            "server/flowrpc/work_service",
            "import flowrpc.flow_service",
            "flow service and work service meet on the wire only",
        ),
        (
            "server/flowrpc/state",
            "import asyncio",
            "state, storage, components and protocol know no transport",
        ),
        (
            "server/flowrpc/state",
            "import sqlite3",
            "state, storage, components and protocol know no transport",
        ),
        (
            "server/flowrpc/component",
            "import grpc",
            "state, storage, components and protocol know no transport",
        ),
        (
            "server/flowrpc/component",
            "import google.protobuf",
            "state, storage, components and protocol know no transport",
        ),
        (
            "server/flowrpc/state",
            "import flowrpc.component",
            "state knows no component, no protocol and no storage",
        ),
        ("server/flowrpc/bundle", "import flowrpc.component", "a bundle is made of files"),
        ("server/flowrpc/work_service", "import flowrpc.components", "ready-made works are user code"),
        ("server/flowrpc/components", "import flowrpc.wire.values", "ready-made works know no service"),
        (
            "client/python/flowrpc_client",
            "import flowrpc.component",
            "the client knows no service and no component",
        ),
        (
            "server/flowrpc/wire",
            "import flowrpc_client",
            "flowrpc never imports its client, except the command line and what users test with",
        ),
        (
            "server/flowrpc/cli",
            "import flowrpc.testing",
            "nothing that serves or calls apps imports what users test with",
        ),
        (
            "server/flowrpc/testing",
            "import flowrpc.lightning.runners",
            "nothing imports the room for apps written for Lightning",
        ),
        (
            "server/flowrpc/flow_service",
            "from flowrpc.v1 import flow_service_pb2",
            "only wire touches protobuf",
        ),
        (
            "client/python/flowrpc_client",
            "from google.protobuf import message",
            "only wire touches protobuf",
        ),
    ],
)
def test_planted_import_breaks_its_contract(room: str, planted: str, contract: str, tmp_path: Path) -> None:
    for source in ("server", "client/python"):
        shutil.copytree(ROOT / source, tmp_path / source, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / room / "planted.py").write_text(planted + "\n")

    code, printed = lint_imports(tmp_path)

    assert code == 1
    _, _, broken = printed.partition("Broken contracts")
    assert contract in broken
    assert "planted" in printed


def test_stubs_and_servicer_bases_may_be_imported_by_those_who_serve_and_call(tmp_path: Path) -> None:
    for source in ("server", "client/python"):
        shutil.copytree(ROOT / source, tmp_path / source, ignore=shutil.ignore_patterns("__pycache__"))
    planted = "from flowrpc.v1 import flow_service_pb2_grpc\n"
    (tmp_path / "server/flowrpc/flow_service/planted.py").write_text(planted)
    (tmp_path / "client/python/flowrpc_client/planted.py").write_text(planted)

    code, printed = lint_imports(tmp_path)

    assert code == 0, printed
