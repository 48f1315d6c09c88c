"""Storage that fsspec reaches: s3, gs, ftp, memory and many more. Credentials come from the environment."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from functools import wraps
from typing import IO, Any, TypeVar
from uuid import uuid4

from flowrpc.errors import StorageError
from flowrpc.storage.backend import Entry, copy, split_url
from flowrpc.storage.folder import PARTS

BLOCK_BYTES = 8 * 1024 * 1024
"""How much is sent or asked for at a time."""

Result = TypeVar("Result")


def _told(method: Callable[..., Result]) -> Callable[..., Result]:
    """Tells errors of a file system, which may raise whatever its library does, as the storage's."""

    @wraps(method)
    def call(self: Any, *args: Any, **kwargs: Any) -> Result:
        try:
            return method(self, *args, **kwargs)
        except Exception as error:  # each implementation has exceptions of its own
            raise StorageError(f"storage {self.url}: {type(error).__name__}: {error}") from error

    return call


def _again(method: Callable[..., Result]) -> Callable[..., Result]:
    """Asks again over a new connection: servers end those that were idle for some minutes."""

    @wraps(method)
    def call(self: Any, *args: Any, **kwargs: Any) -> Result:
        try:
            return method(self, *args, **kwargs)
        except FileNotFoundError:
            raise
        except Exception:  # noqa: BLE001 - each implementation has exceptions of its own
            self._reconnect()
            return method(self, *args, **kwargs)

    return call


class Remote:
    """Keeps files in a file system of fsspec.

    Such a file system may show a file while it is written: so every file is written under another name, and moved.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._fs, self._root = _connect(url)

    def _reconnect(self) -> None:
        self._fs, self._root = _connect(self.url, skip_instance_cache=True)

    @_told
    def put(self, source: IO[bytes], key: str, digest: str = "") -> bool:
        """Puts what is read under a key; False if it has not the digest."""
        part = self._at(f"{PARTS}/{uuid4().hex}")
        self._make(part)
        try:
            with self._fs.open(part, "wb", block_size=BLOCK_BYTES) as written:
                found = copy(source, written)
            if digest and found != digest:
                return False
            self._move(part, self._at(key))
        finally:
            self._discard(part)
        return True

    def open(self, key: str) -> IO[bytes]:
        """Opens what is under a key."""
        if self.find(key) is None:
            raise FileNotFoundError(f"storage {self.url} has no {key}")
        return self._open(key)

    @_told
    def _open(self, key: str) -> IO[bytes]:
        opened: IO[bytes] = self._fs.open(self._at(key), "rb", block_size=BLOCK_BYTES)
        return opened

    @_told
    @_again
    def find(self, key: str) -> Entry | None:
        """Tells what is under a key."""
        self._fs.invalidate_cache()
        try:
            facts = self._fs.info(self._at(key))
        except FileNotFoundError:
            return None
        return _entry(key, facts) if facts.get("type") == "file" else None

    def list(self, prefix: str) -> Iterator[Entry]:
        """Yields everything below a prefix."""
        root = self._fs._strip_protocol(self._root).rstrip("/")
        for path, facts in sorted(self._find_below(prefix).items()):
            yield _entry(self._fs._strip_protocol(path).removeprefix(root).lstrip("/"), facts)

    @_told
    @_again
    def _find_below(self, prefix: str) -> dict[str, Any]:
        self._fs.invalidate_cache()
        try:
            found: dict[str, Any] = self._fs.find(self._at(prefix), detail=True)
        except FileNotFoundError:
            return {}
        return found

    @_told
    @_again
    def remove(self, key: str) -> None:
        """Removes a file."""
        try:
            self._fs.rm_file(self._at(key))
        except Exception:  # some have no error of their own for what is not there
            if self.find(key) is not None:
                raise

    def remove_old(self, key: str, before: float) -> bool:
        """Removes a file unless it is younger, as far as can be told: between look and removal lies one request."""
        entry = self.find(key)
        if entry is None or entry.changed_at is None or entry.changed_at >= before:
            return False
        self.remove(key)
        return True

    def _at(self, key: str) -> str:
        return f"{self._root.rstrip('/')}/{key}"

    def _make(self, path: str) -> None:
        """Makes the folder of a file where there are folders."""
        folder = path.rpartition("/")[0]
        try:
            self._fs.makedirs(folder, exist_ok=True)
        except Exception:  # noqa: BLE001 - another process has made it, or a part of the way to it, since it was looked for
            self._fs.invalidate_cache()
            self._fs.makedirs(folder, exist_ok=True)

    def _move(self, path: str, to: str) -> None:
        self._make(to)
        try:
            self._fs.mv(path, to)
        except FileNotFoundError:
            raise
        except Exception:  # some replace no file: it is made room for then
            if not self._fs.exists(to):
                raise
            self._fs.rm_file(to)
            self._fs.mv(path, to)
        self._fs.invalidate_cache()

    def _discard(self, path: str) -> None:
        with suppress(Exception):  # what is left is swept later
            self._fs.invalidate_cache()
            if self._fs.exists(path):
                self._fs.rm_file(path)


def _connect(url: str, **options: bool) -> tuple[Any, str]:
    try:
        from fsspec.core import url_to_fs

        fs, root = url_to_fs(url, **options)
    except Exception as error:  # an unknown protocol, a library that is not there, one that connects at once
        scheme = split_url(url).scheme
        raise StorageError(
            f"--storage {url} cannot be opened by fsspec: {error}; is what it needs for {scheme}:// installed here, "
            "and are the credentials in the environment?"
        ) from error
    return fs, root


def _entry(key: str, facts: dict[str, Any]) -> Entry:
    return Entry(key=key, size=int(facts.get("size") or 0), changed_at=_changed_at(facts))


def _changed_at(facts: dict[str, Any]) -> float | None:
    """Reads the time of the last change, which every implementation calls something else."""
    for name in ("LastModified", "last_modified", "mtime", "modified", "modify", "updated", "created"):
        value = facts.get(name)
        if isinstance(value, int | float):
            return float(value)
        if isinstance(value, datetime):
            return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
        if isinstance(value, str):
            with suppress(ValueError):
                return _parsed(value)
    return None


def _parsed(text: str) -> float:
    """Reads a time: of ISO, or 20260102030405 as FTP has it."""
    digits = text.partition(".")[0]
    if digits.isdecimal() and len(digits) == 14:
        return datetime.strptime(digits, "%Y%m%d%H%M%S").replace(tzinfo=UTC).timestamp()
    time = datetime.fromisoformat(text)
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()
