"""The disk of this machine does what the model of one, in `tests/power_loss`, takes for granted."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from flowrpc.store.directory import DataDirectory
from flowrpc.store.disk import DISK


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Path, int]]:
    """Returns what was synced: the path, and how many bytes it had then."""
    found = []
    fsync = os.fsync

    def record(descriptor: int) -> None:
        found.append((Path(f"/proc/self/fd/{descriptor}").readlink(), os.fstat(descriptor).st_size))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", record)
    return found


def test_a_file_is_synced_when_all_of_it_is_written(tmp_path: Path, synced: list[tuple[Path, int]]) -> None:
    DISK.write(tmp_path / "file", b"x" * 1000)  # less than a buffer

    assert synced == [(tmp_path / "file", 1000)]


def test_what_is_written_again_is_the_same_and_synced(tmp_path: Path, synced: list[tuple[Path, int]]) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"x" * 9000)
    os.utime(file, (0, 0))

    DISK.write_again(file, 4096)

    assert file.read_bytes() == b"x" * 9000
    assert file.stat().st_mtime > 0, "it was not written"
    assert synced == [(file, 9000)]


def test_names_are_synced_with_their_folder(tmp_path: Path, synced: list[tuple[Path, int]]) -> None:
    DISK.sync_folder(tmp_path)

    assert [path for path, _ in synced] == [tmp_path]


@pytest.mark.parametrize("made", ["there", "there/new", "there/new/newer/data"])
def test_every_new_folder_on_the_way_to_a_data_directory_is_durable(
    tmp_path: Path, synced: list[tuple[Path, int]], made: str
) -> None:
    """Also those that an earlier try made, which was killed before it synced them."""
    (tmp_path / made).mkdir(parents=True)

    DataDirectory(tmp_path / "there/new/newer/data").prepare()

    paths = {path for path, _ in synced}
    assert paths > {tmp_path / "there", tmp_path / "there/new", tmp_path / "there/new/newer"}


def test_a_data_directory_with_a_journal_is_not_made_durable_again(
    tmp_path: Path, synced: list[tuple[Path, int]]
) -> None:
    (tmp_path / "journal.db").touch()

    DataDirectory(tmp_path).prepare()

    assert synced == []
