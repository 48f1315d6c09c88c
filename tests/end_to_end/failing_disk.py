"""A disk that fails: a library that is loaded before the C library and fails one system call with EIO."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

SOURCE = Path(__file__).with_suffix(".c")


def failing_disk(folder: Path, call: str, file: str, at: int) -> dict[str, str]:
    """Builds the library; returns the environment in which the n-th call fails. Skips the test without a compiler.

    When the call fails, a file `failed` is made in the folder.

    Args:
        folder: Where the library is put.
        call: `sync` or `write`.
        file: How the name of the file ends.
        at: Which call of this kind on this file fails, from 1.
    """
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler to build the failing disk with")
    library = folder / "failing_disk.so"
    built = subprocess.run(
        [compiler, "-shared", "-fPIC", "-O1", "-o", library, SOURCE, "-ldl"],
        capture_output=True,
        text=True,
        check=False,
    )
    if built.returncode != 0:
        pytest.skip(f"the failing disk cannot be built: {built.stderr.strip()}")
    return {
        "LD_PRELOAD": str(library),
        "FAILING_DISK": f"{call} {file} {at}",
        "FAILING_DISK_MARK": str(folder / "failed"),
    }
