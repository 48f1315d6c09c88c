"""Wildcards as git reads them, translated into regular expressions.

The rules are those of git's `wildmatch.c` and of `match_pathname` in its `dir.c`, also where its manual is silent:
tests compare them with git itself. Patterns are bytes, as paths are.
"""

from __future__ import annotations

import re
import string
from collections.abc import Callable

_SPECIAL = b"*?[\\"
_NOTHING = b"(?!)"

# git has character classes of its own, for ASCII alone; its space has neither \v nor \f.
_CLASSES: dict[bytes, str] = {
    b"alnum": string.ascii_letters + string.digits,
    b"alpha": string.ascii_letters,
    b"blank": " \t",
    b"cntrl": "".join(map(chr, [*range(32), 127])),
    b"digit": string.digits,
    b"graph": "".join(map(chr, range(33, 127))),
    b"lower": string.ascii_lowercase,
    b"print": "".join(map(chr, range(32, 127))),
    b"punct": string.punctuation,
    b"space": " \t\n\r",
    b"upper": string.ascii_uppercase,
    b"xdigit": string.hexdigits,
}


class _Malformed(Exception):
    """Ends the reading of a pattern that matches nothing: an open bracket, a lone backslash at its end."""


def compiled(pattern: bytes) -> re.Pattern[bytes]:
    """Translates a pattern that is matched with a whole name, or a whole path."""
    try:
        expression = _Translation(pattern).expression()
    except _Malformed:
        expression = _NOTHING
    return re.compile(expression, re.DOTALL)


class _Translation:
    """Reads one pattern from its beginning to its end."""

    def __init__(self, pattern: bytes) -> None:
        self.pattern = pattern
        self.at = 0
        # git compares what stands before the first wildcard by itself, and then takes the rest for a whole pattern.
        # So `a**/b` has a real `**`, although its manual says that it stands between slashes only.
        self.begin = next((i for i, byte in enumerate(pattern) if byte in _SPECIAL), len(pattern))

    def expression(self) -> bytes:
        """Translates all of it."""
        steps: dict[bytes, Callable[[], bytes]] = {
            b"*": self._stars,
            b"?": lambda: b"[^/]",
            b"[": self._bracket,
            b"\\": lambda: re.escape(self._next()),
        }
        parts = []
        while self.at < len(self.pattern):
            char = self._next()
            parts.append(steps[char]() if char in steps else re.escape(char))
        return b"".join(parts)

    def _next(self) -> bytes:
        char = self._peek()
        if not char:
            raise _Malformed
        self.at += 1
        return char

    def _peek(self, offset: int = 0) -> bytes:
        return self.pattern[self.at + offset : self.at + offset + 1]

    def _stars(self) -> bytes:
        first = self.at - 1
        while self._peek() == b"*":
            self.at += 1
        after_slash = first == self.begin or self.pattern[first - 1 : first] == b"/"
        before_slash = self._peek() in (b"", b"/") or self.pattern[self.at : self.at + 2] == b"\\/"
        if self.at - first == 1 or not after_slash or not before_slash:
            return b"[^/]*"
        if self._peek() == b"/":
            self.at += 1
            return b"(?:.*/)?"
        return b".*"

    def _bracket(self) -> bytes:
        negated = self._peek() in (b"!", b"^") and bool(self._next())
        members = self._members()
        chosen = set(range(256)) - members if negated else members
        escaped = b"".join(b"\\x%02x" % byte for byte in sorted(chosen - set(b"/")))
        return b"[" + escaped + b"]" if escaped else _NOTHING

    def _members(self) -> set[int]:
        """Reads what is between brackets; a `]` that comes first is one of them."""
        members: set[int] = set()
        previous = b""
        char = self._next()
        while True:
            if char == b"-" and previous and self._peek() not in (b"", b"]"):
                members.update(range(previous[0], self._character()[0] + 1))
                previous = b""
            elif char == b"[" and self._peek() == b":" and (named := self._class()) is not None:
                members.update(named)
                previous = b""
            else:
                previous = self._next() if char == b"\\" else char
                members.update(previous)
            if (char := self._next()) == b"]":
                return members

    def _character(self) -> bytes:
        char = self._next()
        return self._next() if char == b"\\" else char

    def _class(self) -> bytes | None:
        """Reads a class such as `[:alpha:]`, whose first bracket is read already; None if it is none."""
        end = self.pattern.find(b"]", self.at + 1)
        if end < 0:
            raise _Malformed
        if end == self.at + 1 or self.pattern[end - 1 : end] != b":":
            return None
        name = self.pattern[self.at + 1 : end - 1]
        if name not in _CLASSES:
            raise _Malformed
        self.at = end + 1
        return _CLASSES[name].encode()
