"""Path: a file of a work, as state. What crosses to others is a reference; they get the file by it."""

from __future__ import annotations

import os
import pathlib
import sys
from typing import Any, NoReturn

from flowrpc.errors import InvalidValueError
from flowrpc.state.extension import Extension
from flowrpc.state.values import Value
from flowrpc.storage.names import check_path
from flowrpc.storage.process import flow_depot, work_exchange
from flowrpc.storage.reference import Content, Reference, read_reference, write_reference

SCHEME = "lit://"
"""A text that begins with this is a path where it is assigned to a var."""

_LocalPath = type(pathlib.Path())


class Path(_LocalPath, Extension, type_name="path"):  # type: ignore[misc, valid-type]
    """Is a file or folder of a work, which other works can get.

    In a work, a relative path is below the work's own folder, and everything that `pathlib.Path` does works on the file
    there. In a flow it is a name, and what was published of it. Two paths are equal if they lead to the same place.

    Args:
        segments: Names, joined by `/`. `lit://a/b` is `a/b`.
    """

    _flowrpc_reference: Reference | None = None
    """What it refers to; None for a path that was made here."""
    _flowrpc_origin: str = ""
    """The work that it is of, if it was made here."""

    def __new__(cls, *segments: str | os.PathLike[str]) -> Path:
        """Builds it, where Python builds paths so."""
        made: Path = super().__new__(cls, *_placed(segments))
        return made

    if sys.version_info >= (3, 12):

        def __init__(self, *segments: str | os.PathLike[str]) -> None:
            super().__init__(*_placed(segments))
            self._flowrpc_origin = _own_name()

        def with_segments(self, *segments: str | os.PathLike[str]) -> Path:
            """Builds what derives from it, which is where it says, and no reference."""
            return _local(type(self), *segments)

    else:

        def __init__(self, *segments: str | os.PathLike[str]) -> None:
            self._flowrpc_origin = _own_name()

    @classmethod
    def from_content(cls, content: Value) -> Path:
        """Builds it of a reference.

        Raises:
            InvalidValueError: It is none.
        """
        return cls.referring(read_reference(content))

    @classmethod
    def referring(cls, reference: Reference, place: pathlib.Path | None = None) -> Path:
        """Builds one that refers to a file.

        Args:
            reference: The file.
            place: Where it is on this host; by default where the work of this process would have it.
        """
        exchange = work_exchange()
        if place is None:
            place = pathlib.Path(reference.path) if exchange is None else exchange.workspace.place(reference)
        made = _local(cls, place)
        made._flowrpc_reference = reference
        return made

    def extension_content(self) -> Value:
        """Returns the reference.

        Raises:
            InvalidValueError: It leads out of the work's folder.
        """
        return write_reference(self.reference)

    @property
    def reference(self) -> Reference:
        """What it refers to.

        Raises:
            InvalidValueError: It leads out of the work's folder.
        """
        if self._flowrpc_reference is None:
            exchange = work_exchange()
            name = str(self) if exchange is None else exchange.workspace.name(self)
            self._flowrpc_reference = Reference(path=check_path(name, "path"), origin=self._flowrpc_origin)
        return self._flowrpc_reference

    @property
    def origin(self) -> str:
        """Full name of the work whose file it is; empty if it is nobody's yet."""
        return self.reference.origin

    @property
    def content(self) -> Content | None:
        """Digest, size and kind of what was published; None before that."""
        return self.reference.content

    @property
    def published(self) -> bool:
        """Whether there is something to get."""
        return self._flowrpc_reference is not None and self._flowrpc_reference.content is not None

    def publish(self) -> Path:
        """Uploads the file or folder as it is now, and returns the path that refers to it.

        Vars of the work that hold this path refer to it, too. Nothing is uploaded that the storage has already.

        Raises:
            RuntimeError: It is called in no work.
            StorageError: There is no such file, or the storage does not take it.
        """
        exchange = work_exchange()
        if exchange is None:
            self._refuse("publish", "works publish the files that they write")
        return exchange.publish_everywhere(self)

    def get(self, overwrite: bool = False) -> Path:
        """Fetches what was published, and returns the path; from then on it is a file of this host.

        Args:
            overwrite: Whether to replace a file that is there and has another content.

        Raises:
            RuntimeError: It is called in no work.
            FileExistsError: There is a file with another content, and not `overwrite`.
            StorageError: Nothing was published, or it is missing or damaged.
        """
        exchange = work_exchange()
        if exchange is None:
            self._refuse("get", "hand it to a work, as an argument of its run")
        return exchange.get(self, overwrite=overwrite)

    def exists(self, *args: Any, **kwargs: Any) -> bool:
        """Tells whether the file is there: in a work on this host, in a flow in the app's storage.

        Raises:
            StorageError: The flow cannot reach the storage.
        """
        depot = flow_depot()
        if depot is not None:
            content = self._flowrpc_reference.content if self._flowrpc_reference is not None else None
            return content is not None and depot.holds(content)
        there: bool = super().exists(*args, **kwargs)
        return there

    def __truediv__(self, key: str | os.PathLike[str]) -> Path:
        """Goes into a folder; not where the folder is not."""
        if flow_depot() is not None and self.published:
            raise RuntimeError(
                f"{self}: a flow cannot look into a folder; hand the work the whole path, "
                f"and let it write path / {key!r}"
            )
        below: Path = super().__truediv__(key)
        return below

    def __reduce__(self) -> tuple[Any, ...]:
        """Keeps the reference in copies."""
        return _rebuild, (str(self), self._flowrpc_reference, self._flowrpc_origin)

    def _refuse(self, verb: str, advice: str) -> NoReturn:
        where = "a flow" if flow_depot() is not None else "no work that an app runs"
        raise RuntimeError(f"{self}: path.{verb}() is called in {where}; {advice}")


def as_path(value: object) -> object:
    """Makes a path of a text that begins with `lit://`; anything else stays as it is."""
    return Path(value) if type(value) is str and value.startswith(SCHEME) else value


def bound(path: Path, origin: str, instead_of: str = "") -> Path:
    """Returns a path that says whose it is, if nothing was published of it and it is nobody's, or of a given work."""
    try:
        reference = path.reference
    except InvalidValueError:
        return path  # it cannot be state, and whoever takes it in says so
    if (
        reference.content is not None
        or reference.origin not in ("", instead_of)
        or reference.origin == origin
    ):
        return path
    return Path.referring(Reference(path=reference.path, origin=origin), pathlib.Path(path))


def _placed(segments: tuple[str | os.PathLike[str], ...]) -> list[str]:
    """Puts a relative path of a work's process below the folder of the work."""
    text = os.path.join(*segments) if segments else "."  # noqa: PTH118 - no path exists yet
    text = os.fspath(text).removeprefix(SCHEME)
    exchange = work_exchange()
    return [text] if exchange is None or text.startswith("/") else [str(exchange.workspace.files), text]


def _own_name() -> str:
    exchange = work_exchange()
    return "" if exchange is None else exchange.work


def _local(cls: type[Path], *segments: str | os.PathLike[str]) -> Path:
    """Builds a path that is where it says."""
    made: Path
    if sys.version_info >= (3, 12):
        made = object.__new__(cls)
        pathlib.PurePath.__init__(made, *segments)
    else:
        made = cls._from_parts(segments)
    return made


def _rebuild(text: str, reference: Reference | None, origin: str) -> Path:
    made = _local(Path, text)
    made._flowrpc_reference, made._flowrpc_origin = reference, origin
    return made
