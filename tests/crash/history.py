"""Histories: what each actor did and saw, as JSON lines, and how the checkers read them.

Times are seconds of the monotonic clock, which all processes of a host share.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flowrpc.state.records import ComponentRecord


class Recorder:
    """Appends lines to a file; what is written is there even if this process ends badly."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("a", buffering=1024 * 1024)

    def add(self, kind: str, **facts: Any) -> float:
        """Writes a line; returns its time."""
        at = time.monotonic()
        self._file.write(json.dumps({"kind": kind, "at": at, **facts}) + "\n")
        return at

    def flush(self) -> None:
        self._file.flush()

    def close(self) -> None:
        self._file.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer to one try of an operation."""

    at: float
    result: Any = None
    failure: str = ""
    """What user code raised."""
    revision: int = 0
    replayed: bool = False


@dataclass(slots=True, kw_only=True)
class Operation:
    """One thing that a client wanted done once, however often it had to ask."""

    op: str
    """Its unique token, which it leaves in the state."""
    what: str
    arguments: dict[str, Any]
    request_id: str
    invoked: float
    answers: list[Answer] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    """Reasons for which a try was refused."""
    unknowns: int = 0
    """How many tries ended without an answer."""

    @property
    def acknowledged(self) -> bool:
        """Whether the client was told that it happened."""
        return any(not answer.failure for answer in self.answers)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """A state that somebody was shown."""

    actor: str
    invoked: float
    at: float
    component: str
    revision: int
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """One thing that a watcher was sent, or concluded."""

    actor: str
    at: float
    component: str
    what: str
    """`begin`, `snapshot`, `revision`, `fold` or `repeated`.

    A `fold` is the digest of the watcher's replica. A `repeated` revision was refused, as by the client.
    """
    revision: int
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledged:
    """How far an agent was told that an attempt is durable."""

    run_id: str
    attempt: int
    seq: int
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """One serving of the data directory, from start to its end."""

    number: int
    started: float
    ended: float
    legal: tuple[int, ...]
    """Exit codes that what was done to it allows."""
    code: int | None
    """Its exit code; None: it never came back."""
    told: str
    """The end of what it wrote to its standard error."""
    recovered: int
    """The last durable revision that was found after its end."""
    applied: dict[str, tuple[int, int]]
    """By run: attempt and sequence number that were found applied after its end."""
    orphans: tuple[str, ...] = ()
    """Processes that outlived it for too long."""
    seconds_orphaned: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Full:
    """A time without room on the disk, through which the service lived."""

    at: float
    what: str
    """The fault."""
    life: int
    became: bool
    """Whether it became read-only where it had to."""
    read: bool
    """Whether its state could be read."""
    back: bool
    """Whether it was read-only no more when there was room."""


@dataclass(slots=True, kw_only=True)
class Histories:
    """Everything that was recorded, apart from the journal."""

    operations: dict[str, Operation] = field(default_factory=dict)
    sights: list[Sight] = field(default_factory=list)
    watched: list[Watched] = field(default_factory=list)
    acknowledged: list[Acknowledged] = field(default_factory=list)
    lives: list[Life] = field(default_factory=list)
    sent: dict[tuple[str, int], int] = field(default_factory=dict)
    """By run and attempt: the last sequence number that its agent kept."""
    counts: dict[str, tuple[int, int]] = field(default_factory=dict)
    """By process and resource: how many there were in rest at the begin and at the end."""
    full: list[Full] = field(default_factory=list)
    duplicated: list[float] = field(default_factory=list)
    """When the link of the clients that are called proxied was told to double bytes."""
    left: list[str] = field(default_factory=list)
    """Processes that were left at the very end."""


def read(folder: Path) -> Histories:
    """Reads all histories of a folder."""
    found = Histories()
    for path in sorted(folder.glob("*.jsonl")):
        for line in _lines(path):
            _TAKERS[line.pop("kind")](found, line)
    return found


def state_digest(components: Iterable[ComponentRecord]) -> str:
    """Returns what two equal states have in common."""
    facts = [(record.name, record.type, record.vars) for record in components]
    text = json.dumps(sorted(facts, key=lambda fact: fact[0]), sort_keys=True, default=repr)
    return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()


def bytes_digest(data: bytes) -> str:
    """Returns a short digest of bytes."""
    return hashlib.blake2b(data, digest_size=12).hexdigest()


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    for line in path.read_bytes().split(b"\n"):
        if line.endswith(b"}"):  # whoever was killed may have left half a line
            yield json.loads(line)


def _invoke(found: Histories, line: Mapping[str, Any]) -> None:
    found.operations.setdefault(
        line["op"],
        Operation(
            op=line["op"],
            what=line["what"],
            arguments=line["arguments"],
            request_id=line["request_id"],
            invoked=line["at"],
        ),
    )


def _ok(found: Histories, line: dict[str, Any]) -> None:
    found.operations[line.pop("op")].answers.append(Answer(**line))


def _refused(found: Histories, line: Mapping[str, Any]) -> None:
    found.operations[line["op"]].refusals.append(line["reason"])


def _unknown(found: Histories, line: Mapping[str, Any]) -> None:
    found.operations[line["op"]].unknowns += 1


def _kept(found: Histories, line: Mapping[str, Any]) -> None:
    key = line["run_id"], line["attempt"]
    found.sent[key] = max(found.sent.get(key, 0), line["seq"])


def _life(found: Histories, line: dict[str, Any]) -> None:
    line.pop("at")
    line["legal"] = tuple(line["legal"])
    line["orphans"] = tuple(line["orphans"])
    line["applied"] = {run: (attempt, seq) for run, (attempt, seq) in line["applied"].items()}
    found.lives.append(Life(**line))


def _fault(found: Histories, line: Mapping[str, Any]) -> None:
    if "client-link-duplicate" in line["names"]:
        found.duplicated.append(line["at"])


_TAKERS: dict[str, Any] = {
    "invoke": _invoke,
    "ok": _ok,
    "refused": _refused,
    "unknown": _unknown,
    "sight": lambda found, line: found.sights.append(Sight(**line)),
    "watched": lambda found, line: found.watched.append(Watched(**line)),
    "ack": lambda found, line: found.acknowledged.append(Acknowledged(**line)),
    "kept": _kept,
    "life": _life,
    "count": lambda found, line: found.counts.update({line["name"]: (line["before"], line["after"])}),
    "left": lambda found, line: found.left.append(line["process"]),
    "full": lambda found, line: found.full.append(Full(**line)),
    "fault": _fault,
}
