"""Every byte of a data directory may flip: the store opens with what it held, or refuses; nothing wrong is served.

`python -m tests.store.test_flips` flips each byte of each file once; the tests take a sample of each kind of file.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from flowrpc.errors import StoreCorruptError
from flowrpc.store import SQLiteStore

from tests.power_loss.expectation import WINDOW, Facts, next_commit

FILES = ["journal.db", "log/journal.db-wal", "log/journal.db", "head", "snapshots"]
"""What is flipped: `log/` is what a kill leaves, whose last revisions are in the log of the database alone."""


def fill(folder: Path) -> Facts:
    """Makes what is flipped, stopped in order in `stopped` and killed in `log`."""
    dice, facts = Random(5), Facts()
    store = SQLiteStore(folder / "stopped", snapshot_revisions=4, answer_window=WINDOW)
    store.open()
    for number in range(1, 15):
        facts, commit = next_commit(facts, dice)
        store.commit(commit)
        store.wait_for_snapshot()
        if number == 9:
            store.close()
            store.open()
    shutil.copytree(folder / "stopped", folder / "log")
    store.close()
    return facts


def paths(folder: Path, file: str) -> list[Path]:
    if file.startswith("log/"):
        return [folder / file]
    place = folder / "stopped" / file
    return sorted(place.iterdir()) if place.is_dir() else [place]


def recovered(data_dir: Path, facts: Facts) -> Any:
    """All that a store says when it is opened."""
    store = SQLiteStore(data_dir, answer_window=WINDOW)
    try:
        found = store.open()
        replica = found.replica
        answers = [store.answer(request_id) for request_id in facts.answers]
        state = (replica.revision, replica.components, replica.runs, replica.app)
        return found.journal_id, found.life, found.seen, state, found.records, answers
    finally:
        store.close()


def wrongs(source: Path, path: Path, facts: Facts, places: list[int], dice: Random) -> Iterator[str]:
    """Flips bytes one at a time and yields what is served that is wrong."""
    scratch = source.with_name(f"{source.name}-flipped")
    shutil.copytree(source, scratch, dirs_exist_ok=True)
    expected = recovered(scratch, facts)
    content = path.read_bytes()
    for place in places:
        shutil.rmtree(scratch)
        shutil.copytree(source, scratch)
        flipped = bytearray(content)
        flipped[place] ^= 1 << dice.randrange(8)
        (scratch / path.relative_to(source)).write_bytes(flipped)
        try:
            found = recovered(scratch, facts)
        except StoreCorruptError:
            continue
        except Exception as error:  # noqa: BLE001 - it is told
            yield f"{path.name} byte {place}: {content[place]:#x} to {flipped[place]:#x}: {error!r}"
            continue
        if found != expected:
            wrong = [(a, b) for a, b in zip(found, expected, strict=True) if a != b]
            yield f"{path.name} byte {place}: {content[place]:#x} to {flipped[place]:#x}: served {wrong!r:.300}"
    shutil.rmtree(scratch)


@pytest.fixture(scope="module")
def filled() -> Iterator[tuple[Path, Facts]]:
    with tempfile.TemporaryDirectory(dir=_memory()) as folder:
        yield Path(folder), fill(Path(folder))


@pytest.mark.slow
@pytest.mark.parametrize("file", FILES)
def test_a_flipped_byte_is_refused_or_changes_nothing(filled: tuple[Path, Facts], file: str) -> None:
    folder, facts = filled
    dice = Random(f"2026 {file}")
    for path in paths(folder, file):
        size = path.stat().st_size
        places = dice.sample(range(size), min(size, 150))
        source = folder / path.relative_to(folder).parts[0]

        assert list(wrongs(source, path, facts, places, dice)) == []


@pytest.mark.slow
def test_the_header_of_the_database_is_refused_or_changes_nothing(filled: tuple[Path, Facts]) -> None:
    folder, facts = filled
    source = folder / "stopped"

    assert list(wrongs(source, source / "journal.db", facts, list(range(100)), Random(1))) == []


def _memory() -> str | None:
    return "/dev/shm" if Path("/dev/shm").is_dir() else None


def main() -> int:
    count = 0
    with tempfile.TemporaryDirectory(dir=_memory()) as name:
        folder = Path(name)
        facts = fill(folder)
        for file in FILES:
            for path in paths(folder, file):
                source = folder / path.relative_to(folder).parts[0]
                found = list(wrongs(source, path, facts, list(range(path.stat().st_size)), Random(file)))
                print(f"{file}: {path.stat().st_size} bytes, {len(found)} wrong", *found, sep="\n    ")  # noqa: T201
                count += len(found)
    return min(count, 1)


if __name__ == "__main__":
    sys.exit(main())
