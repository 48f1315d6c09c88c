"""A runner imports everything here but `wire.errors`, and must never have imported grpc."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOM = Path(__file__).parents[2] / "server/flowrpc/wire"
LIGHT = sorted(path.stem for path in ROOM.glob("*.py") if path.stem not in ("__init__", "errors"))


def loaded_after(statement: str) -> set[str]:
    code = f"import sys; {statement}; print(*sys.modules)"
    output = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    return {name.partition(".")[0] for name in output.split()}


def test_every_file_but_errors_does_without_grpc() -> None:
    assert {"values", "changes", "records", "attach", "journal"} <= set(LIGHT)
    loaded = loaded_after(f"import {', '.join(f'flowrpc.wire.{name}' for name in LIGHT)}")
    assert {"grpc", "asyncio"} & loaded == set()


@pytest.mark.parametrize("package", ["flowrpc", "flowrpc.v1", "flowrpc.wire"])
def test_packages_load_nothing_heavy_by_themselves(package: str) -> None:
    assert {"grpc", "google", "asyncio", "sqlite3"} & loaded_after(f"import {package}") == set()


def test_the_probe_sees_grpc_where_it_is() -> None:
    assert "grpc" in loaded_after("import flowrpc.wire.errors")
