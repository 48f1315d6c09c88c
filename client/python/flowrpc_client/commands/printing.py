"""How `flowctl` prints: tables, JSON and colours.

Pipes get plain text. What an app says may hold control characters; a terminal never gets to obey them.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import click
from flowrpc.state.exact_json import to_json

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")

_STAGE_COLOURS = {
    "running": "cyan",
    "succeeded": "green",
    "failed": "red",
    "ERROR": "red",
    "CRITICAL": "red",
    "WARNING": "yellow",
}


READER_LEFT = 141
"""As a shell reports a program that SIGPIPE ended: 128 and the number of the signal."""


def write_line(text: str = "", *, flush: bool = False) -> None:
    """Writes a line as it is; ends in silence if the reader, `head` maybe, has left."""
    try:
        sys.stdout.write(text + "\n")
        if flush:
            sys.stdout.flush()
    except BrokenPipeError:
        raise click.exceptions.Exit(leave_quietly()) from None


def leave_quietly() -> int:
    """Drops what is still to be written, which would raise again when the interpreter ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return READER_LEFT


def write_json(plain: Any, *, lines: bool = False) -> None:
    """Writes JSON: indented, or as one of many lines, each of which its reader gets at once."""
    write_line(json_text(plain, indent=None if lines else 2), flush=lines)


def json_text(plain: Any, *, indent: int | None = None) -> str:
    """Makes JSON text; integers and doubles are exact, letters that the output does not have are escaped."""
    readable = sys.stdout.encoding.lower().replace("-", "") == "utf8"
    return json.dumps(to_json(plain), indent=indent, ensure_ascii=not readable)


def write_table(titles: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Writes aligned columns; the last one is not padded, and on a terminal it is cut where the line ends."""
    cells = [[one_line(str(cell)) for cell in row] for row in rows]
    widths = [max(len(row[column]) for row in [titles, *cells]) for column in range(len(titles))]
    width = terminal_width()
    if width is not None:
        room = max(width - sum(widths[:-1]) - 2 * (len(widths) - 1), len(titles[-1]))
        cells = [[*row[:-1], one_line(row[-1], room)] for row in cells]
    write_line(styled(_padded(titles, widths), bold=True))
    for row in cells:
        write_line("  ".join(map(_coloured, row, widths)).rstrip())


def terminal_width() -> int | None:
    """Returns how many columns the terminal has; None if the output is no terminal."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def one_line(text: str, limit: int | None = None) -> str:
    """Makes text one line without control characters; what is longer than the limit ends in `…`."""
    text = shown(text).replace("\n", "\\n").replace("\t", "\\t")
    return text if limit is None or len(text) <= limit else text[: limit - 1] + "…"


def shown(text: str) -> str:
    """Writes control characters, line ends and tabs aside, as escapes."""
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def styled(text: str, colour: str | None = None, *, bold: bool = False) -> str:
    """Colours text if it goes to a terminal that wants colours (https://no-color.org)."""
    return click.style(text, fg=colour, bold=bold or None) if _colourful() else text


def stage_styled(text: str) -> str:
    """Colours the name of a stage, a status or a level."""
    return styled(text, _STAGE_COLOURS.get(text.strip()))


def _colourful() -> bool:
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _padded(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def _coloured(cell: str, width: int) -> str:
    return stage_styled(cell) + " " * (width - len(cell))
