"""Node and npm, kept inside the checkout: nothing is written to the home directory."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "client" / "typescript"
PACKAGE = ROOT / ".cache" / "typescript" / "package"
"""A copy of the sources, with what they need and what is made of them: `make ts-build` keeps it."""

_OURS = {"npm_config_cache": str(ROOT / ".cache" / "npm"), "BUF_CACHE_DIR": str(ROOT / ".cache" / "buf")}


def environment() -> dict[str, str]:
    """Returns the environment that Node, npm and buf get."""
    folders = [str(PACKAGE / "node_modules" / ".bin"), str(Path(sys.executable).parent)]
    return {**os.environ, **_OURS, "PATH": os.pathsep.join([*folders, os.environ.get("PATH", "")])}


def why_missing() -> str:
    """Says why nothing of TypeScript can be tested here; empty if it can."""
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            return f"no Node toolchain: there is no `{program}` on the PATH"
    done = subprocess.run(["node", "--version"], capture_output=True, text=True, check=False)
    needed = re.search(r'"node": ">=(\d+)"', (SOURCES / "package.json").read_text())
    found = re.match(r"v(\d+)\.", done.stdout)
    assert needed is not None
    if found is None:
        return f"no Node toolchain: `node --version` says {(done.stdout + done.stderr).strip()!r}"
    if int(found[1]) < int(needed[1]):
        return f"no Node toolchain: {done.stdout.strip()} is older than what client/typescript needs, {needed[1]}"
    return ""


def build(home: Path) -> None:
    """Installs and compiles what is not up to date, one process at a time, with a home directory of its own."""
    PACKAGE.parent.mkdir(parents=True, exist_ok=True)
    # Registries that this user has set up are asked all the same.
    settings = os.environ.get("NPM_CONFIG_USERCONFIG", str(Path.home() / ".npmrc"))
    with (PACKAGE.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        run("make", "ts-build", cwd=ROOT, variables={"HOME": str(home), "NPM_CONFIG_USERCONFIG": settings})


def run(*command: str | Path, cwd: Path = PACKAGE, variables: Mapping[str, str] | None = None) -> str:
    """Runs a command to its end and returns what it printed; fails with both its streams."""
    done = subprocess.run(
        command,
        cwd=cwd,
        env=environment() | dict(variables or {}),
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout
