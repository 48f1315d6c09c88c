"""Inspection: everything that is wrong with a data directory, not only what is met first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from flowrpc.errors import InvalidChangeError, StoreCorruptError, StoreError
from flowrpc.state.records import Run
from flowrpc.state.replica import Replica
from flowrpc.store.chain import first_link, next_link
from flowrpc.store.database import Database
from flowrpc.store.directory import DataDirectory
from flowrpc.store.head import Head, read_head
from flowrpc.store.history import unused_journal
from flowrpc.store.snapshots import Snapshot, Snapshots
from flowrpc.store.tables import AnswerRow, AppliedRow, Identity, RevisionRow, RunRow
from flowrpc.wire.journal import (
    answer_from_bytes,
    revision_from_bytes,
    run_record_from_bytes,
    snapshot_from_bytes,
)

_Row = TypeVar("_Row", RunRow, AppliedRow, AnswerRow)


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """One thing that is wrong."""

    file: str
    """Its place in the data directory."""
    problem: str
    revision: int | None = None
    """The revision that it is about, if it is about one."""


@dataclass(slots=True)
class Inspection:
    """What was found in a data directory."""

    path: Path
    damages: list[Damage]
    journal_id: str = ""
    life: int = 0
    first: int = 0
    last: int = 0
    snapshots: tuple[int, ...] = ()
    """Revisions of the snapshots that verify."""
    good: int = 0
    """The last revision that a new data directory can go on after; 0 if there is none."""


def inspect(data_dir: Path) -> Inspection:
    """Reads all of a data directory that no service uses; it stays as it is.

    Raises:
        StoreLockedError: A service uses it.
        StoreError: It holds no journal, or is of a newer version.
    """
    directory = DataDirectory(data_dir)
    with unused_journal(directory):
        return _Inspector(directory).run()


class _Inspector:
    """Looks at one thing after the other, and goes on after each damage."""

    def __init__(self, directory: DataDirectory) -> None:
        self._directory = directory
        self._found = Inspection(directory.path, [])
        self._head = read_head(directory.head)
        self._snapshots: dict[int, Snapshot] = {}
        self._identity: Identity | None = None
        self._folding = _Folding()
        self._end: tuple[int, bytes] = (0, b"")

    def run(self) -> Inspection:
        try:
            with closing(Database(self._directory.database, read_only=True)) as database:
                self._identify(database)
                self._look_at_snapshots()
                self._look_at_shape(database)
                self._step(lambda: self._look_at_revisions(database))
                self._step(lambda: self._look_at_runs(database))
                self._step(lambda: self._look_at_answers(database))
        except StoreCorruptError as error:
            self._tell_error(error)
            if self._head is not None and not self._snapshots:
                self._found.journal_id, self._found.life = self._head.journal_id, self._head.life
                self._look_at_snapshots()
        self._look_at_head()
        return self._found

    def _identify(self, database: Database) -> None:
        def identify() -> None:
            self._identity = database.identity()
            if self._identity is None and self._head is None:
                raise StoreError(f"{self._found.path} holds no journal yet: its app has not begun")

        self._step(identify)
        if self._identity is not None:
            self._found.journal_id, self._found.life = self._identity.journal_id, self._identity.life
        elif self._head is not None:
            self._found.journal_id, self._found.life = self._head.journal_id, self._head.life

    def _look_at_snapshots(self) -> None:
        snapshots = Snapshots(self._directory.snapshots, self._found.journal_id)
        for revision in reversed(snapshots.revisions()):
            try:
                snapshot = snapshots.read(revision)
                snapshot_from_bytes(snapshot.payload)
            except (StoreError, ValueError) as error:
                self._tell(f"snapshots/{revision:020d}.snapshot", str(error), revision)
            else:
                self._snapshots[revision] = snapshot
        self._found.snapshots = tuple(self._snapshots)
        self._found.good = max(self._snapshots, default=0)

    def _look_at_shape(self, database: Database) -> None:
        def look() -> None:
            for problem in database.misshapen():
                self._tell_database(problem)

        self._step(look)

    def _look_at_revisions(self, database: Database) -> None:
        self._found.first, self._found.last = first, _ = database.revision_bounds()
        number = max(first - 1, 0)
        link = self._link_at(number)
        if link is None and not any(revision >= number for revision in self._snapshots):
            self._tell_database(f"revisions 1 to {number} are neither in it nor in a readable snapshot")
        self._folding.begin(self._snapshots.get(number), at_first=number == 0)
        for row, fits in database.checked_revisions(number):
            self._look_at_gap(number, row.revision)
            if row.revision != number + 1:
                link = self._link_at(row.revision - 1)
            good = self._look_at_revision(row, link, fits=fits)
            number, link = row.revision, row.link
            if good and self._folding.replica is not None:
                self._found.good = max(self._found.good, number)
        self._end = (number, link or b"")
        for revision in sorted(self._snapshots):
            if revision > number:
                self._tell_database(f"it ends at revision {number}, before snapshot {revision}", number)

    def _look_at_gap(self, before: int, number: int) -> None:
        if number != before + 1:
            self._tell_database(f"revisions {before + 1} to {number - 1} are missing", before + 1)
            self._folding.begin(self._snapshots.get(number - 1))

    def _look_at_revision(self, row: RevisionRow, link: bytes | None, *, fits: bool) -> bool:
        """Looks at one revision and tells whether it is as it was written."""
        problems = list(self._problems(row, link, fits=fits))
        for problem in problems:
            self._tell_database(f"revision {row.revision} {problem}", row.revision)
        if problems:
            self._folding.replica = None
        snapshot = self._snapshots.get(row.revision)
        if snapshot is not None:
            self._compare(snapshot, row)
        return not problems

    def _problems(self, row: RevisionRow, link: bytes | None, *, fits: bool) -> Iterator[str]:
        if not fits:
            yield "does not fit its checksum"
            return
        if link is not None and next_link(link, row.record) != row.link:
            yield f"is not the one that followed revision {row.revision - 1}: its link does not fit"
            return
        try:
            self._folding.fold(row)
        except (ValueError, InvalidChangeError) as error:
            yield f"cannot be used ({error})"

    def _compare(self, snapshot: Snapshot, row: RevisionRow) -> None:
        """Compares a snapshot with where the revisions before it lead."""
        name = f"snapshots/{snapshot.path.name}"
        if snapshot.link != row.link:
            self._tell(name, f"is of another history than revision {row.revision}", row.revision)
        reached = self._folding.replica
        self._folding.begin(snapshot)
        begun = self._folding.replica
        if reached is None or begun is None:
            return
        if (reached.components, reached.app) != (begun.components, begun.app):
            self._tell(name, "holds another state than the revisions lead to", row.revision)

    def _look_at_runs(self, database: Database) -> None:
        found: dict[str, Run] = {}

        def read(row: RunRow) -> None:
            found[row.run_id] = run_record_from_bytes(row.record).run

        self._look_at_rows(database.checked_runs(), read)
        self._look_at_rows(database.checked_applied(), lambda _: None)
        if self._folding.replica is None:
            return
        for run_id, run in self._folding.runs.items():
            if run_id in found and found[run_id] != run:
                self._tell_database(f"run {run_id} is not as the revisions have it")
            elif run_id not in found:
                self._tell_database(f"run {run_id} is in the revisions, and not among the runs")

    def _look_at_answers(self, database: Database) -> None:
        def read(row: AnswerRow) -> None:
            answer_from_bytes(row.request_id, row.record)

        self._look_at_rows(database.checked_answers(), read)

    def _look_at_rows(
        self,
        rows: Iterable[tuple[_Row, bool]],
        read: Callable[[_Row], None],
    ) -> None:
        for row, fits in rows:
            if not fits:
                self._tell_database(f"{row.what} does not fit its checksum")
                continue
            if row.revision > self._end[0]:
                self._tell_database(f"{row.what} is of revision {row.revision}, which is not there")
            try:
                read(row)
            except ValueError as error:
                self._tell_database(f"{row.what} cannot be used ({error})")

    def _look_at_head(self) -> None:
        if self._head is None or self._identity is None:
            return
        number, link = self._end
        end = Head(journal_id=self._found.journal_id, life=self._found.life, revision=number, link=link)
        problem = self._head.problem(end)
        if problem:
            self._tell_database(problem)

    def _link_at(self, revision: int) -> bytes | None:
        """The link of a revision that is not in the journal, if it is known."""
        if revision in self._snapshots:
            return self._snapshots[revision].link
        return first_link(self._found.journal_id) if revision == 0 and self._identity is not None else None

    def _step(self, step: Callable[[], None]) -> None:
        try:
            step()
        except StoreCorruptError as error:
            self._tell_error(error)

    def _tell_error(self, error: StoreCorruptError) -> None:
        problem = str(error).partition(" is damaged: ")[2].partition("; `flowctl journal check")[0]
        self._tell_database(problem or str(error))

    def _tell_database(self, problem: str, revision: int | None = None) -> None:
        self._tell(self._directory.database.name, problem, revision)

    def _tell(self, file: str, problem: str, revision: int | None = None) -> None:
        damage = Damage(file=file, problem=problem, revision=revision)
        if damage not in self._found.damages:
            self._found.damages.append(damage)


class _Folding:
    """Folds while what it folds is whole; begins again at the next snapshot."""

    def __init__(self) -> None:
        self.replica: Replica | None = None
        self.runs: dict[str, Run] = {}
        """Runs as the last revision has them that names them."""

    def begin(self, snapshot: Snapshot | None, *, at_first: bool = False) -> None:
        if snapshot is not None:
            components, app = snapshot_from_bytes(snapshot.payload)
            self.replica = Replica(revision=snapshot.revision, components=components, app=app)
        else:
            self.replica = Replica() if at_first else None

    def fold(self, row: RevisionRow) -> None:
        """Reads a revision, and folds it if what is before it is known.

        Raises:
            ValueError: It is none, or another one.
            InvalidChangeError: It does not fit.
        """
        revision = revision_from_bytes(row.record)
        if revision.number != row.revision:
            raise ValueError(f"its record is revision {revision.number}")
        self.runs |= {run.run_id: run for run in revision.runs}
        for run_id in revision.forgotten_runs:
            self.runs.pop(run_id, None)
        if self.replica is not None:
            self.replica.fold(revision)
