from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from flowrpc.bundle import Contents, read_contents, write_archive
from flowrpc.errors import BundleError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "app"
    (folder / "sub").mkdir(parents=True)
    (folder / "app.py").write_text("print('hello')\n")
    (folder / "run.sh").write_text("#!/bin/sh\n")
    (folder / "run.sh").chmod(0o700)
    (folder / "sub" / "big").write_bytes(bytes(range(256)) * 5_000)
    (folder / "sub" / ("long" * 50 + "ä" + os.fsdecode(b"\xff"))).write_text("x")
    (folder / "link").symlink_to("sub/big")
    (folder / "empty").mkdir()
    return folder


def unpacked(archive: Path, place: Path) -> Path:
    with tarfile.open(archive) as tar:
        tar.extractall(place, filter="data")
    return place


def test_what_is_unpacked_is_what_was_packed(folder: Path, tmp_path: Path) -> None:
    contents = read_contents(folder, {})
    archived = write_archive(contents, tmp_path / "x.tar.gz")
    place = unpacked(archived.file, tmp_path / "there")

    assert read_contents(place, {}).entries == contents.entries
    for entry in contents.entries:
        if (folder / entry.path).is_file():
            assert (place / entry.path).read_bytes() == (folder / entry.path).read_bytes()


def test_the_same_input_gives_the_same_bytes_whatever_its_times_modes_and_order(
    folder: Path, tmp_path: Path
) -> None:
    first = write_archive(read_contents(folder, {}), tmp_path / "first.tar.gz")
    copy = unpacked(first.file, tmp_path / "other name" / "deeper")
    for number, path in enumerate(copy.rglob("*")):
        if not path.is_symlink():
            os.utime(path, (number, number * 1.5))
            path.chmod(path.stat().st_mode & 0o700)
    second = write_archive(read_contents(copy, {}), tmp_path / "second.tgz")

    assert second.sha256 == first.sha256
    assert first.file.read_bytes() == second.file.read_bytes()


def test_another_process_gives_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    here = write_archive(read_contents(folder, {}), tmp_path / "here.tar.gz")
    program = (
        "import sys, pathlib; from flowrpc.bundle import *\n"
        "print(write_archive(read_contents(pathlib.Path(sys.argv[1]), {}), pathlib.Path(sys.argv[2])).sha256)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, folder, tmp_path / "there.tar.gz"],
        env=os.environ | {"PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo", "LC_ALL": "C"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == here.sha256


def test_headers_tell_nothing_of_who_made_it_and_when(folder: Path, tmp_path: Path) -> None:
    archived = write_archive(read_contents(folder, {}), tmp_path / "x.tar.gz")
    with tarfile.open(archived.file) as tar:
        members = tar.getmembers()

    assert {(m.uid, m.gid, m.uname, m.gname, m.mtime) for m in members} == {(0, 0, "", "", 315_532_800)}
    assert {m.name: m.mode for m in members if len(m.name) < 10} == {
        "app.py": 0o644,
        "empty": 0o755,
        "link": 0o644,
        "run.sh": 0o755,
        "sub/big": 0o644,
    }
    assert [os.fsencode(m.name) for m in members] == sorted(os.fsencode(m.name) for m in members)
    assert archived.file.read_bytes()[4:8] == bytes(4), "the time in the header of gzip"


def test_tells_size_and_hash_of_the_file(folder: Path, tmp_path: Path) -> None:
    archived = write_archive(read_contents(folder, {}), tmp_path / "x.tar.gz")
    content = (tmp_path / "x.tar.gz").read_bytes()

    assert archived.sha256 == hashlib.sha256(content).hexdigest()
    assert archived.size_bytes == len(content)


def _shorter(file: Path) -> None:
    file.write_bytes(b"x")


def _longer(file: Path) -> None:
    file.write_bytes(file.read_bytes() + b"x")


def _link(file: Path) -> None:
    file.unlink()
    file.symlink_to("/etc/passwd")


def _pipe(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_shorter, "changed while it was read; try again"),
        (_longer, "changed while it was read; try again"),
        (_pipe, "changed while it was read; try again"),
        (_link, "cannot be read: Too many levels of symbolic links"),
        (Path.unlink, "cannot be read: No such file or directory; make it readable, or leave it out"),
    ],
)
def test_a_file_that_changes_meanwhile_is_refused_and_nothing_is_left(
    folder: Path, tmp_path: Path, change: object, message: str
) -> None:
    assert callable(change)
    contents = read_contents(folder, {})
    change(folder / "sub" / "big")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "x.tar.gz").write_text("the one before")
    with pytest.raises(BundleError, match=f"sub/big {message}"):
        write_archive(contents, tmp_path / "out" / "x.tar.gz")

    assert [path.read_text() for path in (tmp_path / "out").iterdir()] == ["the one before"]


def test_a_place_that_is_not_there_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(
        BundleError, match=r"x.tar.gz cannot be written: No such file.*; choose another place by -o"
    ):
        write_archive(read_contents(folder, {}), tmp_path / "nowhere" / "x.tar.gz")


def test_a_full_disk_is_told(folder: Path) -> None:
    contents = read_contents(folder, {})
    with pytest.raises(BundleError, match="cannot be written"):
        write_archive(Contents(folder=folder, entries=contents.entries, ignored=()), Path("/proc/x.tar.gz"))
