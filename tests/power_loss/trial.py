"""A trial: a store lives several lives on a recorded disk; at many moments power is cut, and what is left is opened.

A life ends by a power cut, or it is killed: then the next one finds all that was written, synced or not, and power may
go later.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from threading import Thread

from flowrpc.errors import StoreError
from flowrpc.store import Recovered, SQLiteStore

from tests.power_loss.disk_model import DiskModel, Image, Mark, Operation, Sync, SyncFolder
from tests.power_loss.expectation import WINDOW, Facts, differences, next_commit
from tests.power_loss.recorder import Recorder

LIVES = 3
CUTS_PER_LIFE = 17
IMAGES_PER_CUT = 3
_BEGINNING = 40
"""How many operations count as the beginning of a life: it takes some 30 to open a store."""


@dataclass(slots=True)
class Tally:
    """What was tried, and what was found."""

    cuts: int = 0
    images: int = 0
    acknowledged: int = 0
    """How many acknowledged commits were looked for, over all images."""
    violations: list[str] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        """Adds another."""
        self.cuts += other.cuts
        self.images += other.images
        self.acknowledged += other.acknowledged
        self.violations += other.violations


@dataclass(slots=True)
class Told:
    """What somebody outside was told when power went."""

    revision: int = 0
    begun: int = 0
    life: int = 0
    lives_begun: int = 0

    def hear(self, operation: Operation) -> None:
        """Takes a mark in."""
        if isinstance(operation, Mark):
            setattr(self, operation.what, operation.number)


class Trial:
    """Is made of a seed; the same seed tries the same again."""

    def __init__(
        self,
        seed: str,
        *,
        recorder: type[Recorder] = Recorder,
        settings: str = "",
        early: bool = False,
        rough: bool | None = None,
        lives: int = LIVES,
        cuts: int = CUTS_PER_LIFE,
    ) -> None:
        """Takes a seed, and what makes a store break its promise: another disk, settings, answers that come early.

        Args:
            seed: Decides everything.
            recorder: The disk.
            settings: What each connection of the database gets on top of the store's.
            early: Whether commands are answered before the commit.
            rough: Whether every life is killed, and before a snapshot is made, so that the next one owes it; None: in
                one trial of four.
            lives: How many.
            cuts: How many in each.
        """
        self._seed = seed
        self._dice = Random(seed)
        self._recorder = recorder
        self._settings = settings
        self._early = early
        self._lives = lives
        self._cuts = cuts
        self._history: list[Facts] = [Facts()]
        self._journal_id = ""
        self._tally = Tally()
        self._snapshot_revisions = self._dice.randint(2, 9)
        self._rough = self._dice.random() < 0.25 if rough is None else rough

    def run(self) -> Tally:
        """Lives, cuts, opens and compares."""
        image: Image = {}
        disk, told = DiskModel(image), Told()
        with _quiet(), tempfile.TemporaryDirectory(dir=_memory(), prefix="power-loss-") as folder:
            for life in range(self._lives):
                root = Path(folder, f"life {life}")
                operations = self._live(root, image, told)
                image, disk, told = self._end(root, disk, operations, told)
                if self._tally.violations:
                    break
        return self._tally

    def _live(self, root: Path, image: Image, told: Told) -> list[Operation]:
        """Commits for a while, and sometimes ends in order and begins again."""
        _put(image, root)
        recorder = self._recorder(root, image, settings=self._settings + self._checkpoints())
        life = told.lives_begun
        store = SQLiteStore(
            root, snapshot_revisions=self._snapshot_revisions, answer_window=WINDOW, disk=recorder
        )
        for _ in range(self._dice.randint(1, 3)):
            store.close()
            recorder.mark("lives_begun", life + 1)
            recovered = store.open()
            life, revision = recovered.life, recovered.replica.revision
            recorder.mark("life", life)
            recorder.mark("revision", revision)
            if not told.life:
                self._journal_id = recovered.journal_id
            self._commit(store, recorder, revision)
            if self._rough or self._dice.random() < 0.5:
                break  # killed
            recorder.turns.give(float("inf"), _thread(store))
        recorder.end()
        store.close()
        return recorder.operations

    def _commit(self, store: SQLiteStore, recorder: Recorder, revision: int) -> None:
        del self._history[revision + 1 :]
        for _ in range(self._dice.randint(0, 30)):
            facts, commit = next_commit(self._history[-1], self._dice)
            self._history.append(facts)
            recorder.mark("begun", facts.number)
            if self._early:
                recorder.mark("revision", facts.number)
            store.commit(commit)
            recorder.mark("revision", facts.number)
            if not self._rough:
                recorder.turns.give(self._dice.choice((0, 1, 3, 1000)), _thread(store))

    def _checkpoints(self) -> str:
        """Folds the log in often, so that a short life sees it."""
        return f"PRAGMA wal_autocheckpoint = {self._dice.choice((5, 20, 60))};"

    def _end(
        self, root: Path, disk: DiskModel, operations: list[Operation], told: Told
    ) -> tuple[Image, DiskModel, Told]:
        """Cuts at random operations; returns what one of the ends left to live on with, and what was told then."""
        end: tuple[Image, DiskModel, Told] = {}, disk, told
        told = replace(told)
        at = self._places(len(operations))
        before_syncs = [index for index, one in enumerate(operations) if isinstance(one, Sync | SyncFolder)]
        is_killed = bool(before_syncs) and (self._rough or self._dice.random() < 0.4)
        goes_on = self._dice.choice(before_syncs if is_killed else sorted(at))
        for index, operation in enumerate([*operations, None]):
            if index in at or index == goes_on:
                place = f"{root.name}, operation {index}"
                left = self._cut(root, place, disk, told)
                if index == goes_on:
                    failed = operation if isinstance(operation, Sync) and self._dice.random() < 0.5 else None
                    killed = self._kill(root, place, disk, told, failed) if is_killed else None
                    end = *(killed or (left, DiskModel(left))), replace(told)
            if operation is not None:
                told.hear(operation)
                disk.do(operation)
        return end

    def _places(self, operations: int) -> set[int]:
        """Chooses where to cut: a third of the cuts are in the beginning of the life, when it recovers."""
        early = min(self._cuts // 3, operations)
        others = min(self._cuts - early, operations + 1)
        beginning = self._dice.sample(range(min(_BEGINNING, operations)), early)
        return {*beginning, *self._dice.sample(range(operations + 1), others)}

    def _cut(self, root: Path, place: str, disk: DiskModel, told: Told) -> Image:
        """Cuts and checks, several times; returns the last image."""
        self._tally.cuts += 1
        left: Image = {}
        for number in range(IMAGES_PER_CUT):
            image_name = f"{place}, image {number}"
            dice = Random(f"{self._seed}, {image_name}")
            left = disk.cut(dice)
            self._look(root, image_name, left, told, dice)
        return left

    def _kill(
        self, root: Path, place: str, disk: DiskModel, told: Told, failed: Sync | None
    ) -> tuple[Image, DiskModel]:
        """Kills and checks: of a life that was killed, too, the next one takes what it finds for all there was."""
        dice = Random(f"{self._seed}, {place}, killed")
        left, disk = disk.killed(failed, dice)
        self._look(root, f"{place}, killed", left, told, dice)
        return left, disk

    def _look(self, root: Path, image_name: str, image: Image, told: Told, dice: Random) -> None:
        found = self._check(root.with_name("cut"), image, told, dice)
        self._tally.violations += [f"{self._seed}: {image_name}: {problem}" for problem in found]

    def _check(self, root: Path, image: Image, told: Told, dice: Random) -> list[str]:
        """Opens what is left as the next life would, and compares."""
        self._tally.images += 1
        self._tally.acknowledged += told.revision
        _put(image, root, index=dice.choice((None, b"", dice.randbytes(32768))))
        store = SQLiteStore(root, snapshot_revisions=10**9, answer_window=WINDOW)
        try:
            return list(self._problems(store, told, dice))
        except StoreError as error:
            return [f"refused: {error}"]
        finally:
            with suppress(StoreError):
                store.close()

    def _problems(self, store: SQLiteStore, told: Told, dice: Random) -> Iterator[str]:
        recovered = store.open()
        revision = recovered.replica.revision
        if not told.revision <= revision <= max(told.revision, told.begun):
            yield f"it is at revision {revision}, told were {told.revision}, begun {told.begun}"
            return
        yield from self._misfits(recovered, told, self._history[revision])
        yield from self._lost_answers(store, revision)
        if dice.random() < 0.2:
            facts, commit = next_commit(self._history[revision], dice)
            store.commit(commit)
            store.close()
            again = store.open()
            yield from differences(facts, again.replica, again.records)

    def _misfits(self, recovered: Recovered, told: Told, facts: Facts) -> Iterator[str]:
        yield from differences(facts, recovered.replica, recovered.records)
        if not told.life < recovered.life <= told.lives_begun + 1:
            yield f"it is life {recovered.life}, told were {told.life}, begun {told.lives_begun}"
        if told.life and recovered.journal_id != self._journal_id:
            yield "it is another journal"

    def _lost_answers(self, store: SQLiteStore, revision: int) -> Iterator[str]:
        """Tells of answers that are not there in their window, or there without their revision."""
        now = self._history[revision]
        for request_id, (time, answer) in self._history[-1].answers.items():
            found = store.answer(request_id)
            if request_id not in now.answers:
                wrong = found is not None
            else:
                wrong = found != answer and (found is not None or time >= now.time - WINDOW)
            if wrong:
                yield f"the answer to {request_id} is {found}"


def _thread(store: SQLiteStore) -> Thread | None:
    """The thread that makes a snapshot now."""
    return store._compactor._thread if store._compactor else None


@contextmanager
def _quiet() -> Iterator[None]:
    """Keeps the store from telling of the damage that every cut does, for as long as a trial lasts."""
    logger = logging.getLogger("flowrpc.store")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)


def _memory() -> str | None:
    """The folder of files in memory, if there is one: the model does not need a disk to lose power."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None


def _put(image: Image, root: Path, *, index: bytes | None = None) -> None:
    """Makes a data directory that holds an image, in place of what is there."""
    if root.exists():
        for path in sorted(root.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
    root.mkdir(exist_ok=True)
    for name in image:
        if name.endswith("/"):
            (root / name).mkdir(exist_ok=True)
    for name, content in image.items():
        if not name.endswith("/"):
            (root / name).write_bytes(content)
    if index is not None and "journal.db" in image:
        (root / "journal.db-shm").write_bytes(index)
