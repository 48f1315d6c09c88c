"""References: what state holds of a file, which is never its bytes."""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flowrpc.errors import InvalidValueError
from flowrpc.state.values import Value
from flowrpc.storage.names import check_path

MAX_ORIGIN_CHARACTERS = 1024
"""How long the name of a component is at most, where a reference has one."""

_DIGEST = re.compile(r"[0-9a-f]{64}")
_MAX_SIZE = 2**63 - 1


class Kind(enum.Enum):
    """What was published."""

    FILE = "file"
    FOLDER = "folder"


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """Says which bytes, wherever they are kept."""

    digest: str
    """SHA-256 in hex: of a file's bytes, of a folder's listing."""
    size: int
    """Bytes of the file, or of all files in the folder."""
    kind: Kind = Kind.FILE


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """Says which file: its path below the folder of a work, and what it held when it was published."""

    path: str
    origin: str = ""
    """Full name of the work that has, or had, the file; empty if no work has it yet."""
    content: Content | None = None
    """None until it is published."""


def write_reference(reference: Reference) -> dict[str, Value]:
    """Writes a reference as a value."""
    value: dict[str, Value] = {"path": reference.path}
    if reference.origin:
        value["origin"] = reference.origin
    return value | (write_content(reference.content) if reference.content is not None else {})


def write_content(content: Content) -> dict[str, Value]:
    """Writes what was published as a value."""
    return {"digest": content.digest, "size": content.size, "kind": content.kind.value}


def read_reference(value: Value) -> Reference:
    """Reads what `write_reference` wrote, or somebody else made up.

    Raises:
        InvalidValueError: It is no reference.
    """
    facts = Facts("path", value, required={"path"}, optional={"origin", "digest", "size", "kind"})
    published = any(key in facts.given for key in ("digest", "size", "kind"))
    return Reference(
        path=check_path(facts.text("path"), "path"),
        origin=facts.text("origin", longest=MAX_ORIGIN_CHARACTERS) if "origin" in facts.given else "",
        content=_read_content(facts) if published else None,
    )


def read_content(place: str, value: Value) -> Content:
    """Reads what `write_content` wrote.

    Raises:
        InvalidValueError: It is none.
    """
    return _read_content(Facts(place, value, required={"digest", "size", "kind"}))


def _read_content(facts: Facts) -> Content:
    digest, size, kind = facts.text("digest"), facts.given.get("size"), facts.text("kind")
    if _DIGEST.fullmatch(digest) is None:
        raise InvalidValueError(f"{facts.place}.digest", "is no SHA-256 in 64 hex digits")
    if type(size) is not int or not 0 <= size <= _MAX_SIZE:
        raise InvalidValueError(f"{facts.place}.size", "is no number of bytes")
    if kind not in [known.value for known in Kind]:
        raise InvalidValueError(f"{facts.place}.kind", f"{kind[:40]!r} is neither 'file' nor 'folder'")
    return Content(digest=digest, size=size, kind=Kind(kind))


class Facts:
    """Reads the entries of a dict that came from elsewhere.

    Raises:
        InvalidValueError: It is no dict, an entry is missing, or one is unknown.
    """

    def __init__(
        self, place: str, value: Any, *, required: set[str], optional: frozenset[str] | set[str] = frozenset()
    ) -> None:
        if not isinstance(value, dict):
            raise InvalidValueError(place, "is no dict")
        self.place = place
        self.given: Mapping[str, Any] = value
        missing, unknown = required - value.keys(), value.keys() - required - optional
        if missing:
            raise InvalidValueError(place, f"has no {min(missing)!r}")
        if unknown:
            raise InvalidValueError(place, f"has {min(unknown)[:40]!r}, which this version does not know")

    def text(self, key: str, *, longest: int = 4096) -> str:
        """Returns an entry that is a text.

        Raises:
            InvalidValueError: It is none, or too long.
        """
        value = self.given.get(key)
        if not isinstance(value, str) or len(value) > longest:
            raise InvalidValueError(f"{self.place}.{key}", f"is no text of at most {longest} characters")
        return value
