"""The depot: contents come back as they were, once, or not at all."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path as LocalPath
from typing import IO, Any

import pytest
from flowrpc.errors import StorageError
from flowrpc.storage.depot import MARKER, Depot, digest_of, object_key
from flowrpc.storage.folder import Folder
from flowrpc.storage.reference import Content, Kind
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


def a_file(folder: LocalPath, data: bytes = b"hello", name: str = "file") -> LocalPath:
    place = folder / name
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(data)
    return place


def a_folder(folder: LocalPath, name: str = "folder") -> LocalPath:
    root = folder / name
    for path, data in {"a.txt": b"1", "sub/b.bin": b"\0" * 70_000, "sub/again": b"1", "ä/ö": b""}.items():
        a_file(root, data, path)
    (root / "empty" / "inside").mkdir(parents=True)
    (root / "run.sh").write_text("#!")
    (root / "run.sh").chmod(0o755)
    return root


def tree(root: LocalPath) -> dict[str, Any]:
    return {
        str(path.relative_to(root)): path.read_bytes() if path.is_file() else None for path in root.rglob("*")
    }


def damage(depot: Depot, content: Content, data: bytes) -> None:
    depot.backend.put(io.BytesIO(data), depot.key(object_key(content.digest)))


def test_a_file_comes_back(depot: Depot, tmp_path: LocalPath) -> None:
    data = os.urandom(2_500_000)
    content = depot.publish(a_file(tmp_path, data))
    assert (content.size, content.kind) == (len(data), Kind.FILE)
    assert depot.holds(content)
    depot.fetch(content, tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == data
    assert digest_of(tmp_path / "copy") == content.digest


def test_a_folder_comes_back(depot: Depot, tmp_path: LocalPath) -> None:
    root = a_folder(tmp_path)
    content = depot.publish(root)
    assert (content.size, content.kind) == (70_004, Kind.FOLDER)
    depot.fetch(content, tmp_path / "copy")
    assert tree(tmp_path / "copy") == tree(root)
    assert os.access(tmp_path / "copy" / "run.sh", os.X_OK)
    assert digest_of(tmp_path / "copy") == content.digest


def test_equal_contents_are_kept_once(depot: Depot, tmp_path: LocalPath) -> None:
    first = depot.publish(a_folder(tmp_path, "one"))
    before = dict(depot.objects())
    assert depot.publish(a_folder(tmp_path, "two")) == first
    assert depot.publish(a_file(tmp_path, b"1")).digest in before
    assert {digest: entry.changed_at for digest, entry in depot.objects()} == {
        digest: entry.changed_at for digest, entry in before.items()
    }


def test_every_difference_is_one(tmp_path: LocalPath) -> None:
    def changed(number: int) -> str:
        root = a_folder(tmp_path, f"{number}")
        changes = [
            lambda: None,
            lambda: (root / "a.txt").write_bytes(b"2"),
            lambda: (root / "a.txt").rename(root / "c.txt"),
            lambda: (root / "a.txt").chmod(0o755),
            (root / "empty" / "inside").rmdir,
            (root / "more").mkdir,
        ]
        changes[number]()
        return digest_of(root)

    assert len({changed(number) for number in range(6)}) == 6


@given(st.dictionaries(st.text("abc", min_size=1, max_size=3), st.binary(max_size=20), max_size=5))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_folder_comes_back_whatever_order_it_was_written_in(
    tmp_path: LocalPath, files: dict[str, bytes]
) -> None:
    base = tmp_path / os.urandom(8).hex()
    one, two = base / "one", base / "two"
    for root, names in ((one, list(files)), (two, list(reversed(files)))):
        root.mkdir(parents=True)
        for name in names:
            (root / name).write_bytes(files[name])
    depot = Depot((base / "storage").as_uri(), "j")
    content = depot.publish(one)
    assert depot.publish(two) == content
    depot.fetch(content, base / "copy")
    assert tree(base / "copy") == tree(one)


@pytest.mark.parametrize("data", [b"jello", b"", b"hello and more", b"hell"])
def test_a_damaged_content_is_never_taken(depot: Depot, tmp_path: LocalPath, data: bytes) -> None:
    content = depot.publish(a_file(tmp_path))
    damage(depot, content, data)
    with pytest.raises(StorageError, match="is damaged"):
        depot.fetch(content, tmp_path / "copy")
    with pytest.raises(StorageError, match="is damaged"):
        depot.read(content)


def test_a_content_that_grew_fills_no_disk(folder_depot: Depot, tmp_path: LocalPath) -> None:
    content = folder_depot.publish(a_file(tmp_path))
    damage(folder_depot, content, b"x" * 5_000_000)
    with pytest.raises(StorageError, match="is damaged"):
        folder_depot.fetch(content, tmp_path / "copy")
    assert (tmp_path / "copy").stat().st_size == 0


def test_a_missing_content_is_told(depot: Depot, tmp_path: LocalPath) -> None:
    content = Content(digest="0" * 64, size=3)
    assert not depot.holds(content)
    with pytest.raises(StorageError, match=r"000… is missing; was the app started with another --storage"):
        depot.fetch(content, tmp_path / "copy")


@pytest.mark.parametrize(
    "listing",
    [
        b"no json",
        b"[]",
        {"format": 2, "files": [], "empty": []},
        {"format": 1, "files": [], "empty": ["../x"]},
        {"format": 1, "files": [], "empty": ["/x"]},
        {"format": 1, "files": ["../../etc/passwd"], "empty": []},
        {"format": 1, "files": ["a", "a/b"], "empty": []},
        {"format": 1, "files": ["a", "a"], "empty": []},
        {"format": 1, "files": ["a"], "empty": ["a"]},
        {"format": 1, "files": ["a\0b"], "empty": []},
        {"format": 1, "files": 3, "empty": []},
    ],
)
def test_a_listing_that_leads_elsewhere_is_refused(
    folder_depot: Depot, tmp_path: LocalPath, listing: Any
) -> None:
    part = folder_depot.publish(a_file(tmp_path))
    if isinstance(listing, dict):
        facts = {"digest": part.digest, "size": part.size, "kind": "file", "executable": False}
        if isinstance(listing["files"], list):
            listing = listing | {"files": [facts | {"path": path} for path in listing["files"]]}
        listing = json.dumps(listing).encode()
    content = Content(digest=folder_depot.publish_bytes(listing).digest, size=5, kind=Kind.FOLDER)
    with pytest.raises(StorageError, match="is no folder"):
        folder_depot.fetch(content, tmp_path / "copy")
    assert tree(tmp_path / "copy") == {}


def test_links_inside_become_files_and_others_are_refused(folder_depot: Depot, tmp_path: LocalPath) -> None:
    root = a_folder(tmp_path)
    (root / "link").symlink_to("sub/b.bin")
    content = folder_depot.publish(root)
    folder_depot.fetch(content, tmp_path / "copy")
    assert not (tmp_path / "copy" / "link").is_symlink()
    assert (tmp_path / "copy" / "link").read_bytes() == b"\0" * 70_000
    for target, problem in {
        "/etc/passwd": "leads out of its folder",
        "../outside": "leads out of its folder",
        "sub": "a link to a folder",
        ".": "a link to a folder",
        "nothing": "cannot be read",
    }.items():
        (root / "link").unlink()
        (root / "link").symlink_to(target)
        with pytest.raises(StorageError, match=problem) as caught:
            folder_depot.publish(root)
        assert str(root / "link") in str(caught.value)


def test_what_is_no_file_is_refused(folder_depot: Depot, tmp_path: LocalPath) -> None:
    root = a_folder(tmp_path)
    os.mkfifo(root / "pipe")
    with pytest.raises(StorageError, match="is no regular file"):
        folder_depot.publish(root)


def test_names_that_are_no_text_are_refused(folder_depot: Depot, tmp_path: LocalPath) -> None:
    root = a_folder(tmp_path)
    os.close(os.open(os.fsencode(root) + b"/\xff", os.O_CREAT))
    with pytest.raises(StorageError, match="is no UTF-8"):
        folder_depot.publish(root)


class Scribbling(Folder):
    """A storage during whose work a file changes."""

    def __init__(self, root: LocalPath, victim: LocalPath, times: int) -> None:
        super().__init__(root)
        self.victim = victim
        self.times = times

    def put(self, source: IO[bytes], key: str, digest: str = "") -> bool:
        if self.times:
            self.times -= 1
            with self.victim.open("ab") as file:
                file.write(b"!")
        return super().put(source, key, digest)


@pytest.mark.parametrize("times", [1, 2])
def test_a_file_that_changes_meanwhile_is_published_as_it_is_then(
    folder_depot: Depot, tmp_path: LocalPath, times: int
) -> None:
    place = a_file(tmp_path)
    folder_depot._opened = Scribbling(tmp_path / "storage", place, times)
    content = folder_depot.publish(place)
    assert folder_depot.read(content) == place.read_bytes() == b"hello" + b"!" * times
    assert [digest for digest, _ in folder_depot.objects()] == [content.digest]


def test_a_file_that_changes_all_the_time_is_not_published(folder_depot: Depot, tmp_path: LocalPath) -> None:
    place = a_file(tmp_path)
    folder_depot._opened = Scribbling(tmp_path / "storage", place, 99)
    with pytest.raises(StorageError, match="changes while it is published"):
        folder_depot.publish(place)
    assert list(folder_depot.objects()) == []


def test_only_the_marked_storage_is_the_flows(url: str) -> None:
    depot = Depot(url, "journal")
    with pytest.raises(StorageError, match="start the app with --storage"):
        depot.check()
    Depot(url, "another").mark()
    with pytest.raises(StorageError, match="start the app with --storage"):
        depot.check()
    depot.mark()
    depot.mark()
    depot.check()
    damage_marker = io.BytesIO(b"{")
    depot.backend.put(damage_marker, depot.key(MARKER))
    with pytest.raises(StorageError, match="start the app with --storage"):
        depot.check()


def test_apps_share_a_storage_without_meeting(depot: Depot, tmp_path: LocalPath) -> None:
    content = depot.publish(a_file(tmp_path))
    other = Depot(depot.url, "another")
    other.mark()
    assert not other.holds(content)


def test_what_is_no_file_is_refused_instead_of_read_for_ever(depot: Depot, tmp_path: LocalPath) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(StorageError, match="pipe is no file; only files and folders can be handed over"):
        depot.publish(tmp_path / "pipe")
