"""A store's disk that writes down every operation, its database's included, and does it for real as well."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import apsw
from flowrpc.store.disk import Disk, Note

from tests.power_loss.disk_model import Image, Mark, Name, Operation, Sync, SyncFolder, Truncate, Write

_numbers = count(1)


class Recorder(Disk):
    """Is the disk of a store under test, in a folder that holds an image."""

    CHUNK_BYTES = 4096
    """How a file that is written at once goes to the disk: in parts."""

    def __init__(self, root: Path, image: Image, *, settings: str = "") -> None:
        """Takes the folder, what it holds, and settings that each connection gets on top of the store's."""
        self.operations: list[Operation] = []
        self.turns = Turns()
        self._root = root
        self._settings = settings
        self._files = {path: number for number, path in enumerate(image)}
        self._new = count(len(image))
        self._recording = True
        self._vfs = RecordingVFS(f"recording-{next(_numbers)}", self)

    def mark(self, what: str, number: int) -> None:
        """Writes down that something was begun, or that somebody was told of it."""
        self._record(Mark(what, number))

    def end(self) -> None:
        """Writes nothing down any more."""
        self._recording = False
        self.turns.end()

    # What the store asks for

    def connect(self, path: Path, *, read_only: bool) -> sqlite3.Connection:
        flags = (
            apsw.SQLITE_OPEN_READONLY if read_only else apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
        )
        connection = apsw.Connection(str(path), flags, self._vfs.vfs_name)
        return Connection(connection, self._settings)  # type: ignore[return-value]  # what the store uses

    def make_folder(self, path: Path) -> None:
        there = path.exists()
        super().make_folder(path)
        if not there:
            self._give_name(self.relative(path) + "/")

    def create(self, path: Path) -> int:
        there = path.exists()
        descriptor = super().create(path)
        if not there:
            self._give_name(self.relative(path))
        return descriptor

    def map_note(self, path: Path, size: int) -> Note:
        note = super().map_note(path, size)
        number = self._files[self.relative(path)]
        self._record(Write(number, 0, path.read_bytes()))
        return RecordedNote(note, number, self)

    def write(self, path: Path, content: bytes) -> None:
        super().write(path, content)
        self._give_name(self.relative(path))
        self._written(path, content)

    def write_again(self, path: Path, size: int = -1) -> None:
        with path.open("rb") as file:
            content = file.read(size)
        super().write_again(path, size)
        self._written(path, content)

    def rename(self, path: Path, target: Path) -> None:
        super().rename(path, target)
        number = self._files.pop(self.relative(path))
        self._files[self.relative(target)] = number
        folder = self.relative(path.parent)
        self._record(Name(folder, {path.name: None, target.name: number}))

    def remove(self, path: Path) -> None:
        super().remove(path)
        self.removed(path)

    def sync_folder(self, folder: Path) -> None:
        if folder.is_relative_to(self._root):
            self._record(SyncFolder(self.relative(folder)))

    # What the database's files tell

    def relative(self, path: Path) -> str:
        relative = str(path.relative_to(self._root))
        return "" if relative == "." else relative

    def opened(self, path: Path, *, there: bool) -> int:
        if not there:
            self._give_name(self.relative(path))
        return self._files[self.relative(path)]

    def removed(self, path: Path) -> None:
        self._files.pop(self.relative(path), None)
        self._record(Name(self.relative(path.parent), {path.name: None}))

    def did(self, operation: Operation) -> None:
        self._record(operation)

    def _written(self, path: Path, content: bytes) -> None:
        number = self._files[self.relative(path)]
        for begin in range(0, len(content), self.CHUNK_BYTES):
            self._record(Write(number, begin, content[begin : begin + self.CHUNK_BYTES]))
        self._record(Sync(number))

    def _give_name(self, relative: str) -> None:
        self._files[relative] = number = next(self._new)
        folder, _, name = relative.rstrip("/").rpartition("/")
        self._record(Name(folder, {name + "/" * relative.endswith("/"): number}))

    def _record(self, operation: Operation) -> None:
        if threading.current_thread() is not threading.main_thread():
            self.turns.wait()
        if self._recording:
            self.operations.append(operation)


class RecordedNote(Note):
    """Tells a recorder of what is written to it."""

    def __init__(self, note: Note, number: int, recorder: Recorder) -> None:
        super().__init__(note._memory)
        self._number = number
        self._recorder = recorder

    def write(self, content: bytes) -> None:
        super().write(content)
        self._recorder.did(Write(self._number, 0, content))


class Turns:
    """Lets the thread that makes snapshots take its steps between those of the store, in an order that repeats."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._allowed = 0.0
        self._waits = False

    def wait(self) -> None:
        """Waits for a turn; the thread of snapshots calls it before each operation."""
        with self._condition:
            self._waits = True
            self._condition.notify_all()
            assert self._condition.wait_for(lambda: self._allowed > 0, timeout=30)
            self._allowed -= 1
            self._waits = False

    def give(self, turns: float, thread: threading.Thread | None) -> None:
        """Gives a thread some turns and waits until it has taken them, or has ended."""
        if thread is None:
            return
        with self._condition:
            self._allowed += turns
            self._condition.notify_all()
            while thread.is_alive() and not (self._waits and self._allowed < 1):
                self._condition.wait(0.001)  # its end tells nobody
            self._allowed = 0

    def end(self) -> None:
        """Lets go whoever waits."""
        with self._condition:
            self._allowed = float("inf")
            self._condition.notify_all()


class RecordingVFS(apsw.VFS):
    """Is the operating system as SQLite sees it, which tells a recorder of all that changes a disk."""

    def __init__(self, name: str, recorder: Recorder) -> None:
        self.vfs_name = name
        self._recorder = recorder
        super().__init__(name, "unix")

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:
        path = Path(name.filename() if isinstance(name, apsw.URIFilename) else name)
        there = path.exists()
        made = RecordingFile(name, flags, self._recorder, path)
        made.number = self._recorder.opened(path, there=there)
        return made

    def xDelete(self, filename: str, syncdir: bool) -> None:
        super().xDelete(filename, syncdir)
        path = Path(filename)
        self._recorder.removed(path)
        if syncdir:
            self._recorder.sync_folder(path.parent)


class RecordingFile(apsw.VFSFile):
    """Is a file of SQLite's."""

    number = -1

    def __init__(self, name: Any, flags: list[int], recorder: Recorder, path: Path) -> None:
        self._recorder = recorder
        # As the unix VFS does it: the first sync of a journal or log makes its name durable, too, also of one
        # that is there, since who made it may have been killed before that.
        logs = apsw.SQLITE_OPEN_WAL | apsw.SQLITE_OPEN_MAIN_JOURNAL
        creates = flags[0] & apsw.SQLITE_OPEN_CREATE
        self._folder = path.parent if flags[0] & logs and creates else None
        super().__init__("unix", name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:
        super().xWrite(data, offset)
        self._recorder.did(Write(self.number, offset, bytes(data)))

    def xTruncate(self, newsize: int) -> None:
        super().xTruncate(newsize)
        self._recorder.did(Truncate(self.number, newsize))

    def xSync(self, flags: int) -> None:
        super().xSync(flags)
        self._recorder.did(Sync(self.number))
        if self._folder is not None:
            self._recorder.sync_folder(self._folder)
            self._folder = None


class Connection:
    """Looks like a `sqlite3.Connection` as far as the store uses one."""

    def __init__(self, connection: apsw.Connection, settings: str) -> None:
        self._connection = connection
        self._settings = settings

    @property
    def in_transaction(self) -> bool:
        return self._connection.in_transaction

    def execute(self, sql: str, arguments: Iterable[Any] = ()) -> Rows:
        with _errors_of_sqlite3():
            return Rows(list(self._connection.execute(sql, tuple(arguments))))

    def executemany(self, sql: str, many: Iterable[Any]) -> None:
        with _errors_of_sqlite3():
            self._connection.executemany(sql, many)

    def executescript(self, sql: str) -> None:
        with _errors_of_sqlite3():
            for _ in self._connection.execute(sql + self._settings):
                pass

    def close(self) -> None:
        with _errors_of_sqlite3():
            self._connection.close()


class Rows:
    """Is what a statement returned."""

    def __init__(self, rows: list[Any]) -> None:
        self._rows = rows

    def fetchall(self) -> list[Any]:
        return self._rows

    def fetchone(self) -> Any:
        return self._rows[0] if self._rows else None


@contextmanager
def _errors_of_sqlite3() -> Iterator[None]:
    try:
        yield
    except apsw.Error as error:
        translated = sqlite3.OperationalError(str(error))
        translated.sqlite_errorcode = getattr(error, "extendedresult", sqlite3.SQLITE_ERROR)
        raise translated from error
