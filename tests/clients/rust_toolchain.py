"""Rust, kept inside the checkout: nothing is read from or written to the home directory but an installed toolchain."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]
CRATE = ROOT / "client" / "rust"
CACHE = ROOT / ".cache" / "rust"
_OURS = {
    "CARGO_HOME": str(CACHE / "home"),
    "CARGO_TARGET_DIR": str(CACHE / "target"),
    "CARGO_TERM_COLOR": "never",
    "RUST_BACKTRACE": "0",
    "BUF_CACHE_DIR": str(ROOT / ".cache" / "buf"),
    "RUSTUP_AUTO_INSTALL": "0",
}


def environment() -> dict[str, str]:
    """Returns the environment that cargo and buf get."""
    found = _rustup_home()
    folders = [str(CACHE / "plugins" / "bin"), str(Path(sys.executable).parent)]
    path = os.pathsep.join([*folders, os.environ.get("PATH", "")])
    return {**os.environ, **_OURS, "PATH": path} | ({} if found is None else {"RUSTUP_HOME": str(found)})


def _rustup_home() -> Path | None:
    """Finds where rustup has its toolchains, also when the home directory is another than that of the installation.

    `~/.cargo/bin/cargo` belongs to `~/.rustup`, `/usr/local/cargo/bin/cargo` to `/usr/local/rustup`.
    """
    cargo = shutil.which("cargo")
    if cargo is None or "RUSTUP_HOME" in os.environ:
        return None
    around = Path(cargo).parents[2]
    places = (Path.home() / ".rustup", around / ".rustup", around / "rustup")
    return next((place for place in places if (place / "toolchains").is_dir()), None)


def why_missing() -> str:
    """Says why nothing of Rust can be tested here; empty if it can."""
    if shutil.which("cargo") is None:
        return "no Rust toolchain: there is no `cargo` on the PATH"
    done = _ask("rustc", "--version")
    needed = re.search(r'^rust-version = "(\d+)\.(\d+)"', (CRATE / "Cargo.toml").read_text(), re.M)
    found = re.match(r"rustc (\d+)\.(\d+)", done.stdout)
    assert needed is not None
    if found is None:
        return f"no Rust toolchain: `rustc --version` says {(done.stdout + done.stderr).strip()!r}"
    if tuple(map(int, found.groups())) < tuple(map(int, needed.groups())):
        return f"no Rust toolchain: {done.stdout.strip()} is older than {needed[0]} of client/rust/Cargo.toml"
    return ""


def has(component: str) -> bool:
    """Tells whether a component is there that not every installation has, such as `rustfmt`."""
    return shutil.which(component) is not None and _ask(component, "--version").returncode == 0


def _ask(*command: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            command, capture_output=True, text=True, env=environment(), timeout=60, check=False
        )
    except OSError as error:
        return subprocess.CompletedProcess(command, 127, "", str(error))


def run(
    *command: str | Path,
    cwd: Path = CRATE,
    timeout: float = 1500,
    variables: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Runs a command to its end; fails with both its streams."""
    done = subprocess.run(
        command,
        cwd=cwd,
        env={**environment(), **(variables or {})},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done
