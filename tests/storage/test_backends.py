"""What every storage has to do alike: a folder, fsspec's memory, and FTP over a network."""

from __future__ import annotations

import hashlib
import io
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path as LocalPath
from typing import Any

import pytest
from flowrpc.errors import StorageError
from flowrpc.storage.backend import Backend, backend_of, storage_url

LATER = time.time() + 3600 * 24 * 365


def keys(backend: Backend, prefix: str) -> list[str]:
    return sorted(entry.key for entry in backend.list(prefix))


def put(backend: Backend, key: str, data: bytes, digest: str = "") -> bool:
    return backend.put(io.BytesIO(data), key, digest)


def read(backend: Backend, key: str) -> bytes:
    with backend.open(key) as file:
        return file.read()


def test_what_is_put_is_read_and_found(backend: Backend) -> None:
    data = os.urandom(3_000_000)
    assert put(backend, "a/b/c", data, hashlib.sha256(data).hexdigest())
    assert read(backend, "a/b/c") == data
    entry = backend.find("a/b/c")
    assert entry is not None
    assert (entry.key, entry.size) == ("a/b/c", len(data))
    assert entry.changed_at is None or abs(entry.changed_at - time.time()) < 24 * 3600


def test_putting_again_replaces(backend: Backend) -> None:
    put(backend, "k", b"one")
    put(backend, "k", b"second")
    assert read(backend, "k") == b"second"
    assert keys(backend, "") == ["k"]


def test_an_empty_file_is_one(backend: Backend) -> None:
    put(backend, "empty", b"")
    assert read(backend, "empty") == b""
    entry = backend.find("empty")
    assert entry is not None
    assert entry.size == 0


def test_another_digest_leaves_nothing(backend: Backend) -> None:
    assert not put(backend, "a/k", b"data", "0" * 64)
    assert backend.find("a/k") is None
    assert keys(backend, "") == []


class Breaking(io.BytesIO):
    """A file that cannot be read to its end."""

    def readinto(self, buffer: Any, /) -> int:
        count = super().readinto(buffer)
        if not count:
            raise OSError(5, "Input/output error")
        return count


def test_what_breaks_off_is_never_seen(backend: Backend) -> None:
    with pytest.raises(StorageError, match="Input/output error"):
        backend.put(Breaking(b"x" * 3_000_000), "a/k")
    assert backend.find("a/k") is None
    assert keys(backend, "") == []


def test_nothing_is_found_where_nothing_is(backend: Backend) -> None:
    assert backend.find("no/such") is None
    assert keys(backend, "no") == []
    with pytest.raises(FileNotFoundError):
        backend.open("no/such")
    backend.remove("no/such")
    assert not backend.remove_old("no/such", LATER)


def test_lists_below_a_prefix_only(backend: Backend) -> None:
    for key in ("a/x", "a/b/y", "ab/z"):
        put(backend, key, b"1")
    assert keys(backend, "a") == ["a/b/y", "a/x"]


def test_removes(backend: Backend) -> None:
    put(backend, "a/x", b"1")
    backend.remove("a/x")
    assert backend.find("a/x") is None


def test_removes_what_is_old_and_keeps_what_is_young(backend: Backend) -> None:
    put(backend, "a/x", b"1")
    assert not backend.remove_old("a/x", time.time() - 24 * 3600)
    assert read(backend, "a/x") == b"1"
    assert backend.remove_old("a/x", LATER)
    assert keys(backend, "") == []


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("nosuch://x", "cannot be opened by fsspec: .*nosuch"),
        ("ftp://user:secret@host/x", "leave the password out"),
        ("file://host/x", "three slashes"),
    ],
)
def test_a_url_that_cannot_be_used_is_refused(url: str, problem: str) -> None:
    with pytest.raises(StorageError, match=problem) as caught:
        backend_of(storage_url(url))
    assert "secret" not in str(caught.value)


def test_a_storage_that_does_not_answer_is_an_error() -> None:
    with pytest.raises(StorageError, match=r"ftp://127\.0\.0\.1:1/"):
        backend_of("ftp://127.0.0.1:1/x").find("k")


@pytest.mark.usefixtures("ftp_credentials")
def test_a_connection_that_was_ended_is_made_again(ftp_url: str, tmp_path: LocalPath) -> None:
    backend: Any = backend_of(f"{ftp_url}/{tmp_path.name}")
    put(backend, "k", b"1")
    for act in (lambda: backend.find("k"), lambda: keys(backend, ""), lambda: read(backend, "k")):
        backend._fs.ftp.sock.close()
        assert act()
    backend._fs.ftp.sock.close()
    backend.remove("k")
    assert backend.find("k") is None


def test_a_name_of_a_folder_becomes_a_url(tmp_path: LocalPath, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for text in ("a b%20c#ä", "file://" + str(tmp_path).replace(" ", "%20") + "/a%20b%2520c%23%C3%A4"):
        url = storage_url(text)
        assert url == (tmp_path / "a b%20c#ä").as_uri()
        backend_of(url).put(io.BytesIO(b"1"), "k")
    assert (tmp_path / "a b%20c#ä" / "k").read_bytes() == b"1"
    assert storage_url("memory://x/") == "memory://x"


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path: LocalPath) -> None:
    tmp_path.chmod(0o500)
    with powerless(), pytest.raises(StorageError, match="Permission denied"):
        put(backend_of(tmp_path.as_uri()), "k", b"1")


@contextmanager
def powerless() -> Iterator[None]:
    """Takes away from root what others may not do either."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)


def test_a_folder_below_a_file_is_an_error(tmp_path: LocalPath) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match=r"Not a directory|File exists"):
        put(backend_of((tmp_path / "file").as_uri()), "k", b"1")


def test_a_full_disk_is_an_error_and_leaves_nothing(tmp_path: LocalPath) -> None:
    """Runs where files may not grow beyond a megabyte, which fails as a full disk does: in the middle of a write."""
    import subprocess

    program = """
import resource, signal, sys
from flowrpc.errors import StorageError
from flowrpc.storage.depot import Depot
import pathlib
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
depot = Depot(sys.argv[1], "journal")
try:
    depot.publish(pathlib.Path(sys.argv[2]))
except StorageError as error:
    print(error)
"""
    big = tmp_path / "big"
    big.write_bytes(b"x" * 3_000_000)
    storage = tmp_path / "storage"
    done = subprocess.run(
        [sys.executable, "-c", program, storage.as_uri(), big], capture_output=True, text=True, check=True
    )
    assert "File too large" in done.stdout
    assert [path for path in storage.rglob("*") if path.is_file()] == []
