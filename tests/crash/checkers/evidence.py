"""What the checkers look at."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from tests.crash.history import Histories, read
from tests.crash.journal import Archive
from tests.crash.story import Story, tell

_STATES = ("snapshot", "fold")
"""What watchers tell with the digest of a state."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """A promise that was broken."""

    checker: str
    """`C1` to `C13`."""
    message: str

    def __str__(self) -> str:
        return f"{self.checker}: {self.message}"


@dataclass(kw_only=True)
class Evidence:
    """Histories, the journal, and the last state that was served and stored."""

    histories: Histories
    archive: Archive
    final: dict[str, Any]

    @classmethod
    def load(cls, folder: Path) -> Evidence:
        """Reads what a campaign left."""
        final = folder / "final.json"
        return cls(
            histories=read(folder / "histories"),
            archive=Archive.load(folder / "journal.pickle"),
            final=json.loads(final.read_text()) if final.exists() else {},
        )

    @cached_property
    def story(self) -> Story:
        """What the journal tells."""
        found = self.histories
        wanted = {(sight.component, sight.revision) for sight in found.sights}
        wanted |= {(seen.component, seen.revision) for seen in found.watched if seen.what in _STATES}
        if "served" in self.final:
            wanted.add(("root", self.final["served"]["revision"]))
        return tell(self.archive, found.operations, wanted)
