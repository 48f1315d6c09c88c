"""Builds that take long: one process of a run of pytest makes them, the others wait."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable
from pathlib import Path


def once(folder: Path, build: Callable[[], dict[str, str]]) -> dict[str, str]:
    """Builds, unless another process of this run has, and returns what the build told.

    pytest-xdist may give tests of one file to any of its processes, each of which has fixtures of its own.

    Args:
        folder: Where it is remembered; that of a language's cache.
        build: Makes it, and tells what all processes have to know of it.
    """
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID", "")
    folder.mkdir(parents=True, exist_ok=True)
    done = folder / "built.json"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        kept: dict[str, str] = json.loads(done.read_text()) if done.exists() else {}
        if run and kept.pop("run", None) == run:
            return kept
        done.unlink(missing_ok=True)
        told = build()
        done.write_text(json.dumps({"run": run, **told}))
        return told
