"""A line of an ignore file."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass

from flowrpc.bundle.wildcards import compiled


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """Ignores what it matches or, negated, keeps what an earlier one ignored; the rules are those of `.gitignore`."""

    text: str
    """The line as it was written."""
    source: str
    """Where it was written: `data/.lightningignore:3`, `root.train.lightningignore[0]`, `always`."""
    negated: bool
    folders_only: bool
    names_only: bool
    """Whether it is compared with the name alone, at any depth, because no slash anchors it."""
    expression: re.Pattern[bytes]

    def matches(self, path: bytes, *, folder: bool) -> bool:
        """Tells whether it is about this very path, which is relative to where the pattern was written.

        What is inside an ignored folder is ignored with it, and matched by nothing.
        """
        if self.folders_only and not folder:
            return False
        subject = path.rpartition(b"/")[2] if self.names_only else path
        return self.expression.fullmatch(subject) is not None


def read_pattern(line: bytes, source: str) -> Pattern | None:
    """Reads a line; None if it is empty or a comment."""
    if line.startswith(b"#"):
        return None
    written = _without_trailing_spaces(line)
    rest = written.removeprefix(b"!")
    folders_only = rest.endswith(b"/")
    body = rest.removesuffix(b"/")
    if not body:
        return None
    return Pattern(
        text=os.fsdecode(written),
        source=source,
        negated=written != rest,
        folders_only=folders_only,
        names_only=b"/" not in body,
        expression=compiled(body.removeprefix(b"/")),
    )


def read_patterns(lines: Iterable[tuple[bytes, str]]) -> tuple[Pattern, ...]:
    """Reads lines with their sources, in order."""
    patterns = (read_pattern(line, source) for line, source in lines)
    return tuple(pattern for pattern in patterns if pattern is not None)


def read_file(content: bytes, name: str) -> tuple[Pattern, ...]:
    """Reads an ignore file; `name` is what its lines are cited by."""
    lines = content.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    return read_patterns(
        (line.removesuffix(b"\r"), f"{name}:{number}") for number, line in enumerate(lines, start=1)
    )


def line_for(path: str) -> str:
    """Writes the line that ignores one path, and nothing else, in the ignore file at the top."""
    escaped = re.sub(r"([\\*?\[])", r"\\\1", path)
    spaces = len(escaped) - len(escaped.rstrip(" "))
    return "/" + escaped.rstrip(" ") + "\\ " * spaces


def _without_trailing_spaces(line: bytes) -> bytes:
    """Drops spaces at the end, but for one that a backslash keeps."""
    kept = re.match(rb"(?:\\.|[^\\ ]| +(?=[^ ])|\\\Z)*", line, re.DOTALL)
    assert kept is not None, "it matches the empty text too"
    return kept[0]
