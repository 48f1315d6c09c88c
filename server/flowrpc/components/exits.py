"""How scripts end, and what that means for the run."""

from __future__ import annotations

import signal
from collections.abc import Iterable

from flowrpc.errors import ScriptError

MAX_TOLD_CHARACTERS = 500
"""How much of a line an error tells."""


def exit_error(script: str, error: SystemExit) -> ScriptError | None:
    """Tells what a script's `sys.exit` means; None: it ended well."""
    if error.code is None or error.code == 0:
        return None
    if isinstance(error.code, int):
        return ScriptError(f"{script} ended with exit code {error.code & 0xFF}")
    return ScriptError(f"{script} ended with exit code 1: {error.code}")


def process_error(script: str, returncode: int, last_lines: Iterable[str]) -> ScriptError | None:
    """Tells what the end of a script's process means; None: it ended well.

    Args:
        script: Path of the script.
        returncode: As `subprocess` has it: negative for a signal.
        last_lines: What it printed last.
    """
    if returncode == 0:
        return None
    how = f"ended with exit code {returncode}" if returncode > 0 else f"was ended by {_signal(-returncode)}"
    printed = "\n".join(f"  {line[:MAX_TOLD_CHARACTERS]}" for line in last_lines)
    told = f"; its last lines:\n{printed}" if printed else "; it had printed nothing"
    return ScriptError(f"{script} {how}{told}")


def _signal(number: int) -> str:
    try:
        return f"signal {number} ({signal.Signals(number).name})"
    except ValueError:
        return f"signal {number}"
