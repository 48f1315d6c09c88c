"""How the demo looks: prompts, clipped output and progress, on a terminal and in a pipe."""

from __future__ import annotations

import shutil
import sys

WIDTH = min(100, shutil.get_terminal_size().columns)
BAR = 30

_live = sys.stdout.isatty()
_last_tenth = -1


def say(text: str = "") -> None:
    """Tells the reader what happens."""
    print(f"\033[1m{text}\033[0m" if _live and text else text, flush=True)


def prompt(*words: str) -> None:
    """Shows a command as a user would type it."""
    print(f"\n\033[36m$\033[0m {' '.join(words)}" if _live else f"\n$ {' '.join(words)}", flush=True)


def show(output: str) -> None:
    """Shows what a command printed; the ends of long lines are left out."""
    for line in output.splitlines():
        print(line if len(line) <= WIDTH else line[: WIDTH - 1] + "…", flush=True)


def progress(done: int, total: int, unit: str) -> None:
    """Draws a bar that moves; a pipe gets a line for every tenth instead."""
    global _last_tenth  # noqa: PLW0603  # there is one terminal
    part = done / max(1, total)
    if not _live and int(part * 10) == _last_tenth:
        return
    _last_tenth = int(part * 10)
    filled = int(part * BAR)
    line = f"  [{'#' * filled}{'.' * (BAR - filled)}] {done:5} of {total} {unit}"
    print(f"\r{line}" if _live else line, end="" if _live and done < total else "\n", flush=True)
