"""Which pattern decides about a path: those of deeper folders before those above, later ones before earlier ones."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from flowrpc.bundle.pattern import Pattern, read_file, read_patterns
from flowrpc.errors import BundleError

IGNORE_FILE = ".lightningignore"

_ALWAYS = (
    # version control; `.git` is a file in worktrees and submodules
    *(".git", ".hg/", ".svn/", ".bzr/", ".jj/", "_darcs/", "CVS/"),
    # what Python and its tools make again; caches that are tagged as such are found by their tag
    *("__pycache__/", "*.py[cod]", ".mypy_cache/", ".pytest_cache/", ".ruff_cache/", ".hypothesis/"),
    *(".tox/", ".nox/", ".eggs/", ".ipynb_checkpoints/", ".import_linter_cache/"),
    # state of the app, with its tokens
    ".flowrpc/",
    # what file managers leave behind
    *(".DS_Store", "Thumbs.db"),
)


def always() -> tuple[Pattern, ...]:
    """Returns the patterns that hold for every app and that nothing negates."""
    return read_patterns((os.fsencode(text), "always") for text in _ALWAYS)


def component_patterns(lightningignores: Mapping[str, Sequence[str]]) -> tuple[Pattern, ...]:
    """Reads the `lightningignore` of components, by their names."""
    return read_patterns(
        (os.fsencode(text), f"{name}.lightningignore[{index}]")
        for name, texts in lightningignores.items()
        for index, text in enumerate(texts)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """The patterns that were written in one folder, in order."""

    folder: bytes
    """Where they are relative to, with a slash at the end; empty for the top."""
    patterns: tuple[Pattern, ...]

    def deciding(self, path: bytes, *, folder: bool) -> Pattern | None:
        """Returns the last pattern that matches."""
        below = path[len(self.folder) :]
        return next((p for p in reversed(self.patterns) if p.matches(below, folder=folder)), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """All patterns that are about what is in one folder."""

    levels: tuple[Level, ...]
    """From the top down to the folder."""
    unconditional: Level

    def ignoring(self, path: bytes, *, folder: bool) -> Pattern | None:
        """Returns the pattern that ignores a path; None if it is not ignored."""
        if (pattern := self.unconditional.deciding(path, folder=folder)) is not None:
            return pattern
        for level in reversed(self.levels):
            if (pattern := level.deciding(path, folder=folder)) is not None:
                return None if pattern.negated else pattern
        return None

    def within(self, top: Path, folder: bytes) -> Rules:
        """Returns the rules for what is in a folder below: its own ignore file comes last."""
        file = top / os.fsdecode(folder) / IGNORE_FILE
        name = os.fsdecode(folder) + IGNORE_FILE
        patterns = read_file(_content(file), name) if file.is_file() else ()
        if not patterns:
            return self
        level = Level(folder=folder, patterns=patterns)
        return Rules(levels=(*self.levels, level), unconditional=self.unconditional)


def rules_of(components: Iterable[Pattern]) -> Rules:
    """Begins with the patterns of components: the files of the folders come after them."""
    return Rules(
        levels=(Level(folder=b"", patterns=tuple(components)),),
        unconditional=Level(folder=b"", patterns=always()),
    )


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise BundleError(
            f"{file} cannot be read: {error.strerror}; what it ignores is not known without it"
        ) from error
