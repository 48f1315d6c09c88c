"""FileSystem: one tree of files that all works of an app share, in the app's storage."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path as LocalPath
from uuid import uuid4

from flowrpc.errors import StorageError
from flowrpc.storage.cabinet import Cabinet
from flowrpc.storage.depot import Depot
from flowrpc.storage.folder import sync
from flowrpc.storage.listing import walk
from flowrpc.storage.names import check_path, shared_path
from flowrpc.storage.process import flow_depot, work_exchange
from flowrpc.storage.reference import Content

AnyPath = str | os.PathLike[str]


class FileSystem:
    """Copies files between this host and a tree that all works of the app see; its root is `/`.

    It can be made anywhere, and used where a work runs. It is no state: keep it in a `_private` attribute, or make one
    where it is needed; all of them show the same files.

    A file is seen when it is whole, and who puts it last wins. A folder is there as long as a file is below it. Bytes
    and names are kept; modes and times are not.
    """

    def put(self, src_path: AnyPath, dst_path: AnyPath) -> None:
        """Copies a file or a folder of this host there, instead of the files of the same paths.

        Args:
            src_path: What to copy, as `open` takes it.
            dst_path: Its path there: `/a/model.pt`. Just `/` keeps the name that it has.

        Raises:
            RuntimeError: It is called in no work.
            InvalidValueError: The path does not begin with `/`, or leads elsewhere.
            FileNotFoundError: There is no such file on this host.
            IsADirectoryError: A file is put where a folder is.
            NotADirectoryError: A file is in the way of a folder.
            StorageError: It cannot be read, or the storage does not take it.
        """
        depot, path = _depot("put"), shared_path(dst_path, "FileSystem.put: dst_path")
        place = LocalPath(src_path)
        if not path:
            path = check_path(_name_of(place), "FileSystem.put: src_path")
        files = _files_of(place, path)
        cabinet = Cabinet(depot)
        cabinet.check_room(path, files)
        contents = {name: depot.publish(source) for name, source in files.items()}
        for name, content in contents.items():  # when all of them are there, so that the folder is soon whole
            cabinet.put(name, content)

    def get(self, src_path: AnyPath, dst_path: AnyPath, overwrite: bool = True) -> None:
        """Copies a file or a folder from there to this host. What is in the folder here besides stays.

        Args:
            src_path: Its path there: `/a/model.pt`; `/` is everything.
            dst_path: Where it is to be on this host, as `open` takes it; folders on the way are made.
            overwrite: Whether to replace files that are here.

        Raises:
            RuntimeError: It is called in no work.
            InvalidValueError: The path does not begin with `/`, or leads elsewhere.
            FileNotFoundError: There is no such file there.
            FileExistsError: Something is here, and is not to be replaced.
            IsADirectoryError: There is a folder here where a file is to be.
            StorageError: It is missing or damaged, or cannot be written here.
        """
        depot, path = _depot("get"), shared_path(src_path, "FileSystem.get: src_path")
        cabinet, place = Cabinet(depot), LocalPath(dst_path)
        is_file = cabinet.has_file(path)
        names = [path] if is_file else list(cabinet.below(path))
        if path and not names:
            raise _absent("get", path)
        if not overwrite and os.path.lexists(place):
            raise FileExistsError(f"{place} exists; FileSystem.get(…, overwrite=True) replaces the files")
        if is_file:
            _fetch(depot, cabinet.content(path), place)
            return
        _make(place)
        for name in names:
            with suppress(FileNotFoundError):  # another work has removed it since
                content = cabinet.content(name)
                target = place / (name.removeprefix(f"{path}/") if path else name)
                _check_below(target, place)
                _fetch(depot, content, target)

    def listdir(self, path: AnyPath) -> list[str]:
        """Returns the paths of the files and folders in a folder, sorted and without the `/` at the beginning.

        Raises:
            RuntimeError: It is called in no work.
            InvalidValueError: The path does not begin with `/`, or leads elsewhere.
            FileNotFoundError: There is no such folder. A file lists itself.
            StorageError: The storage cannot be reached.
        """
        below = shared_path(path, "FileSystem.listdir: path")
        depth = below.count("/") + 2 if below else 1
        names = _found("listdir", below)
        return sorted({"/".join(name.split("/")[:depth]) for name in names})

    def walk(self, path: AnyPath) -> list[str]:
        """Returns the paths of all files below a folder, sorted and without the `/` at the beginning.

        Raises:
            RuntimeError: It is called in no work.
            InvalidValueError: The path does not begin with `/`, or leads elsewhere.
            FileNotFoundError: There is no such folder. A file lists itself.
            StorageError: The storage cannot be reached.
        """
        return sorted(_found("walk", shared_path(path, "FileSystem.walk: path")))

    def rm(self, path: AnyPath) -> None:
        """Removes a file, or a folder and all that is in it.

        Raises:
            RuntimeError: It is called in no work.
            InvalidValueError: The path does not begin with `/`, or leads elsewhere.
            FileNotFoundError: There is no such file.
            ValueError: It is the root.
            StorageError: The storage cannot be reached.
        """
        depot, name = _depot("rm"), shared_path(path, "FileSystem.rm: path")
        if not name:
            raise ValueError("FileSystem.rm('/') would remove all files; name what to remove: listdir('/')")
        for found in _found("rm", name):
            Cabinet(depot).remove(found)

    def exists(self, path: AnyPath) -> bool:
        """Tells whether a file or a folder is there. Raises as `listdir` does, but FileNotFoundError."""
        cabinet, name = Cabinet(_depot("exists")), shared_path(path, "FileSystem.exists: path")
        return cabinet.has_file(name) or cabinet.has_folder(name)

    def isfile(self, path: AnyPath) -> bool:
        """Tells whether a file is there. Raises as `exists` does."""
        return Cabinet(_depot("isfile")).has_file(shared_path(path, "FileSystem.isfile: path"))

    def isdir(self, path: AnyPath) -> bool:
        """Tells whether a folder is there; the root always is. Raises as `exists` does."""
        return Cabinet(_depot("isdir")).has_folder(shared_path(path, "FileSystem.isdir: path"))

    def __repr__(self) -> str:
        """Shows it as it is written."""
        return "FileSystem()"


def _depot(verb: str) -> Depot:
    exchange = work_exchange()
    if exchange is None:
        where = "a flow" if flow_depot() is not None else "no work that an app runs"
        raise RuntimeError(
            f"FileSystem.{verb}() is called in {where}; works use the shared files, in run or in a hook"
        )
    return exchange.depot


def _found(verb: str, path: str) -> list[str]:
    """Returns the file of a path, or the files below it."""
    cabinet = Cabinet(_depot(verb))
    names = ([path] if cabinet.has_file(path) else []) or list(cabinet.below(path))
    if path and not names:
        raise _absent(verb, path)
    return names


def _absent(verb: str, path: str) -> FileNotFoundError:
    return FileNotFoundError(
        f"FileSystem.{verb}: nobody has put a '/{path}' there; walk('/') tells what is there"
    )


def _name_of(place: LocalPath) -> str:
    """Returns the name that is written, that of a link as well; of `.` and `..` the one they have."""
    return place.resolve().name if place.name in ("", "..") else place.name


def _files_of(place: LocalPath, path: str) -> Mapping[str, LocalPath]:
    """Returns the files of this host that a file or a folder is, by the paths that they are to have."""
    if place.is_file():
        return {path: place}
    if not place.exists():
        raise FileNotFoundError(f"FileSystem.put: there is no {place.absolute()} to put")
    if not place.is_dir():
        raise StorageError(f"FileSystem.put: {place} is neither a file nor a folder")
    files = {
        shared_path(f"/{path}/{found.path}", "FileSystem.put: dst_path"): found.place
        for found in walk(place)
        if not found.folder
    }
    if not files:
        raise StorageError(
            f"FileSystem.put: {place} has no files in it, and a folder is kept by what is in it; put a file there"
        )
    return files


def _check_below(target: LocalPath, folder: LocalPath) -> None:
    if not LocalPath(os.path.realpath(target.parent)).is_relative_to(os.path.realpath(folder)):
        raise StorageError(
            f"FileSystem.get: {target} leads out of {folder} by a link; remove the link, or get to another folder"
        )


def _make(folder: LocalPath) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"{folder} cannot be made: {error.strerror or error}") from error


def _fetch(depot: Depot, content: Content, place: LocalPath) -> None:
    """Writes a file beside its place, on the same file system, and moves it there when it is whole."""
    if place.is_dir():
        raise IsADirectoryError(f"FileSystem.get: {place} is a folder on this host; name the file in it")
    _make(place.parent)
    part = place.parent / f".{uuid4().hex}.part"
    try:
        depot.fetch(content, part)
        part.replace(place)
        sync(place.parent)
    except OSError as error:
        raise StorageError(f"{place} cannot be written: {error.strerror or error}") from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
