"""Go, kept inside the checkout: nothing is read from or written to the home directory."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
MODULE = ROOT / "client" / "go"
_HOME = ROOT / ".cache" / "go"
_OURS = {
    "GOPATH": str(_HOME),
    "GOMODCACHE": str(_HOME / "mod"),
    "GOCACHE": str(_HOME / "build"),
    "GOENV": "off",
    "GOTOOLCHAIN": "local",
    "GOFLAGS": "-buildvcs=false",
    "XDG_CONFIG_HOME": str(_HOME / "config"),
    "BUF_CACHE_DIR": str(ROOT / ".cache" / "buf"),
}


def environment() -> dict[str, str]:
    """Returns the environment that Go and buf get."""
    path = os.pathsep.join([str(_HOME / "bin"), str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    return {**os.environ, **_OURS, "PATH": path}


def why_missing() -> str:
    """Says why nothing of Go can be tested here; empty if it can."""
    go = shutil.which("go")
    if go is None:
        return "no Go toolchain: there is no `go` on the PATH"
    done = subprocess.run(
        [go, "env", "GOVERSION"], capture_output=True, text=True, env=environment(), check=False
    )
    needed = re.search(r"^go (\d+)\.(\d+)", (MODULE / "go.mod").read_text(), re.M)
    found = re.match(r"go(\d+)\.(\d+)", done.stdout.strip())
    assert needed is not None
    if found is None:
        return f"no Go toolchain: `go env` says {(done.stdout + done.stderr).strip()!r}"
    if tuple(map(int, found.groups())) < tuple(map(int, needed.groups())):
        return f"no Go toolchain: {done.stdout.strip()} is older than the {needed[0]} of client/go/go.mod"
    return ""


def run(*command: str | Path, cwd: Path = MODULE, timeout: float = 900, home: Path | None = None) -> str:
    """Runs a command to its end and returns what it printed; fails with both its streams."""
    variables = environment() | ({} if home is None else {"HOME": str(home)})
    done = subprocess.run(
        command, cwd=cwd, env=variables, capture_output=True, text=True, timeout=timeout, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout
