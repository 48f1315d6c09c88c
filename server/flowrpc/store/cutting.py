"""Cutting a journal: a new data directory that goes on after a good revision; the old one stays as it is."""

from __future__ import annotations

import os
import shutil
import uuid
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from flowrpc.errors import StoreCorruptError, StoreError
from flowrpc.state.records import Revision
from flowrpc.store.chain import first_link, next_link
from flowrpc.store.damage import damaged
from flowrpc.store.database import Database
from flowrpc.store.directory import FILES, DataDirectory
from flowrpc.store.disk import DISK
from flowrpc.store.head import Head, HeadWriter
from flowrpc.store.history import Base, History, history
from flowrpc.store.returning import Returning
from flowrpc.store.snapshots import Snapshots
from flowrpc.store.tables import Batch, Identity
from flowrpc.wire.journal import revision_bytes, run_record_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """What a cut wrote."""

    revision: int
    """Where the new journal ends: the chosen revision, or one more, which puts runs back."""
    waiting_runs: tuple[str, ...]
    """Runs that went on after the revision and wait again."""
    dropped_runs: tuple[str, ...]
    """Runs that were asked for after it, or cannot be read."""


def cut(data_dir: Path, after: int, output: Path) -> Cut:
    """Writes a data directory whose journal ends after a revision.

    The journal is a new one, so that nobody takes its next revisions for those of the old one. Answers to requests
    of later revisions are left out, for what they answered did not happen.

    Raises:
        StoreLockedError: A service uses the old directory.
        StoreCorruptError: It is damaged up to that revision.
        StoreError: It does not hold the revision, or the new directory cannot be written.
    """
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise StoreError(f"{output} is there already: name a directory that is not")
    with history(data_dir) as old:
        if not max(old.first - 1, 0) <= after <= old.last or after < 1:
            raise StoreError(f"{data_dir} holds revisions {max(old.first, 1)} to {old.last}, not {after}")
        base, revisions = _verified(old, after)
        part = output.with_name(f".{output.name}.{uuid.uuid4().hex[:8]}")
        try:
            done = _write(old, base, revisions, DataDirectory(part))
            _copy_files(data_dir, part)
            part.rename(output)
            DISK.sync_folder(output.parent)
        except OSError as error:
            raise StoreError(f"{output} cannot be written: {error.strerror}") from error
        finally:
            shutil.rmtree(part, ignore_errors=True)
    return done


def _verified(old: History, after: int) -> tuple[Base, list[Revision]]:
    """Returns the newest base from which everything up to a revision verifies."""
    problem: StoreCorruptError | None = None
    for base in reversed(old.bases()):
        if base.revision > after:
            continue
        try:
            return base, list(old.after(base, after))
        except StoreCorruptError as error:
            problem = problem or error
    if problem is None:
        place = old.database.path
        raise StoreCorruptError(damaged(place, f"no readable snapshot is at revision {after} or before"))
    raise problem


def _write(old: History, base: Base, revisions: list[Revision], new: DataDirectory) -> Cut:
    new.prepare()
    new.prepare_files()
    identity = Identity(journal_id=uuid.uuid4().hex, life=old.identity.life)
    link = base.link if base.revision else first_link(identity.journal_id)
    with closing(Database(new.database)) as database:
        database.create(identity)
        if base.snapshot is not None:
            Snapshots(new.snapshots, identity.journal_id).write(base.revision, link, base.snapshot.payload)
        replica = base.replica()
        for revision in revisions:
            replica.fold(revision)
        returned = Returning(replica, revisions[-1].time if revisions else None).take(old.database)
        if returned.revision is not None:
            revisions = [*revisions, returned.revision]
        if not revisions:  # a journal ends with a revision, not with a snapshot
            revisions = [Revision(number=base.revision + 1, time=datetime.now(UTC))]
        batches = _batches(revisions, link)
        last = batches[-1]
        last.runs = [(one.run.run_id, one.ordinal, run_record_bytes(one)) for one in returned.records]
        last.answers = _answers(old, replica.revision)
        for batch in batches:
            database.commit(batch)
    head = Head(journal_id=identity.journal_id, life=identity.life, revision=last.number, link=last.link)
    HeadWriter(new.head, head).close()
    return Cut(revision=last.number, waiting_runs=returned.waiting, dropped_runs=returned.dropped)


def _batches(revisions: list[Revision], link: bytes) -> list[Batch]:
    batches = []
    for revision in revisions:
        record = revision_bytes(revision)
        link = next_link(link, record)
        batches.append(Batch(number=revision.number, record=record, link=link))
    return batches


def _answers(old: History, until: int) -> list[tuple[str, int, bytes]]:
    """Returns the answers of revisions up to one; one that is damaged is left out."""
    kept = []
    for row, fits in old.database.checked_answers():
        if fits and row.revision <= until:
            kept.append((row.request_id, row.time, row.record))
    return kept


def _copy_files(data_dir: Path, new: Path) -> None:
    """Copies the files of works, which go with their journal."""
    for name in FILES:
        if (data_dir / name).is_dir():
            shutil.copytree(data_dir / name, new / name, symlinks=True, copy_function=_copy_durably)
            for folder, _, _ in os.walk(new / name):
                DISK.sync_folder(Path(folder))


def _copy_durably(source: str, target: str) -> None:
    shutil.copy2(source, target)
    with Path(target).open("rb") as file:
        os.fsync(file.fileno())
