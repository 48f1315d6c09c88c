"""The cabinet: files that all works of an app share by path. An entry for each path says which content is there.

There are no entries for folders: a folder is there as long as a file is below it, as in a bucket.
"""

from __future__ import annotations

import io
import json
from collections.abc import Collection, Iterator
from urllib.parse import unquote

from flowrpc.storage.depot import Depot
from flowrpc.storage.reference import Content, write_content
from flowrpc.storage.shelf import quoted, read_entry

FILES = "files"
_SUFFIX = "=json"
"""No quoted name has a `=` in it: so the entry of a file has never the name of a folder."""


class Cabinet:
    """Keeps the entries. Paths are names with `/` between them; the empty one is the root.

    Args:
        depot: The app's storage.
    """

    def __init__(self, depot: Depot) -> None:
        self._depot = depot

    def put(self, path: str, content: Content) -> None:
        """Puts a file there, or another content into it, in one step."""
        data = json.dumps(write_content(content)).encode()
        self._depot.backend.put(io.BytesIO(data), self._depot.key(entry_key(path)))

    def content(self, path: str) -> Content:
        """Returns the content of a file.

        Raises:
            FileNotFoundError: It is gone.
            StorageError: The entry cannot be read.
        """
        return read_entry(self._depot, self._depot.key(entry_key(path)))

    def has_file(self, path: str) -> bool:
        """Tells whether a file is there."""
        return path != "" and self._depot.backend.find(self._depot.key(entry_key(path))) is not None

    def has_folder(self, path: str) -> bool:
        """Tells whether a folder is there; the root always is."""
        return path == "" or next(self.below(path), None) is not None

    def below(self, path: str) -> Iterator[str]:
        """Yields the paths of all files below a folder, at any depth."""
        root = self._depot.key(FILES) + "/"
        for entry in self._depot.backend.list(self._depot.key(folder_key(path))):
            if entry.key.endswith(_SUFFIX):
                yield path_of(entry.key.removeprefix(root))

    def remove(self, path: str) -> None:
        """Removes a file; the content stays until a sweep."""
        self._depot.backend.remove(self._depot.key(entry_key(path)))

    def check_room(self, path: str, files: Collection[str]) -> None:
        """Sees to it that files can be put there: the same path is never a file and a folder.

        Two works that put both at once are not seen; then both are found, each under its own key.

        Args:
            path: What is put: a file, or the folder that all the files are below.
            files: The paths of the files.

        Raises:
            NotADirectoryError: A folder of theirs is a file there.
            IsADirectoryError: One of them is a folder there.
        """
        found = set(self.below(path))
        for folder in sorted({above for file in files for above in folders_above(file)}):
            if folder in found or (not folder.startswith(f"{path}/") and self.has_file(folder)):
                raise NotADirectoryError(f"/{folder} is a file, so nothing is put below it; rm it first")
        folders = {above for file in found for above in folders_above(file)}
        for file in sorted(folders.intersection(files)):
            raise IsADirectoryError(f"/{file} is a folder; name the file in it, or rm it first")


def folders_above(path: str) -> list[str]:
    """Returns the folders that a path is in, without the root."""
    names = path.split("/")
    return ["/".join(names[:count]) for count in range(1, len(names))]


def folder_key(path: str) -> str:
    """Returns what the keys of all entries below a folder begin with.

    Raises:
        StorageError: A name is too long.
    """
    return "/".join([FILES, *(quoted(name) for name in path.split("/") if name)])


def entry_key(path: str) -> str:
    """Returns the key of a file's entry.

    Raises:
        StorageError: A name is too long.
    """
    return f"{folder_key(path)}{_SUFFIX}"


def path_of(key: str) -> str:
    """Returns the path of a file that has an entry under a key, given without the root."""
    return "/".join(map(unquote, key.removesuffix(_SUFFIX).split("/")))
