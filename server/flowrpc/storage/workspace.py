"""The workspace: the folder of one work on one host, kept between its runs.

`files` has what the work writes, `fetched` what it got, by digest, `parts` what is not whole yet.
"""

from __future__ import annotations

import os
import time
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path as LocalPath
from uuid import uuid4

from flowrpc.errors import InvalidValueError, StorageError
from flowrpc.storage.folder import sync
from flowrpc.storage.names import folder_name
from flowrpc.storage.reference import Content, Reference

FETCHED_SECONDS = 24 * 3600.0
"""How long a file that was fetched stays after its last use, if no var refers to it."""


class Workspace:
    """Knows where the files of a work are.

    Args:
        root: The folder of the work; made when it is needed.
        work: Full name of the work.
    """

    def __init__(self, root: LocalPath, work: str) -> None:
        self.files = LocalPath(os.path.realpath(root)) / "files"
        """Where the work's own files are."""
        self._fetched = self.files.parent / "fetched"
        self._parts = self.files.parent / "parts"
        self._work = work

    def prepare(self) -> None:
        """Makes the folder, and removes what an earlier process left unfinished.

        Raises:
            StorageError: It cannot be made.
        """
        import shutil

        try:
            shutil.rmtree(self._parts, ignore_errors=True)
            for folder in (self.files, self._fetched, self._parts):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise StorageError(f"{error.filename or self.files} cannot be made: {error.strerror}") from error

    def place(self, reference: Reference) -> LocalPath:
        """Returns where the file of a reference is, or would be."""
        if reference.content is None or reference.origin == self._work:
            return self.files / reference.path
        return self.fetched(reference, reference.content)

    def fetched(self, reference: Reference, content: Content) -> LocalPath:
        """Returns where a content is put that is fetched, under the name that the file has."""
        return self._fetched / content.digest / reference.path.rpartition("/")[2]

    def name(self, path: LocalPath) -> str:
        """Returns the path below the work's folder.

        Raises:
            InvalidValueError: It is not below it.
        """
        if not path.is_absolute():
            return str(path)
        try:
            return str(LocalPath(path).relative_to(self.files))
        except ValueError:
            raise InvalidValueError(
                str(path),
                f"is not below the folder of the work, {self.files}; copy it to Path('a-name') first",
            ) from None

    def check_inside(self, path: LocalPath) -> None:
        """Refuses a path that links lead out of the work's folder.

        Raises:
            StorageError: They do.
        """
        end = LocalPath(os.path.realpath(path))
        if not end.is_relative_to(self.files):
            raise StorageError(
                f"{path} is a link that leads out of the folder of the work, to {end}; copy the file"
            )

    def part(self) -> LocalPath:
        """Returns a place for something that is not whole yet."""
        self._parts.mkdir(mode=0o700, parents=True, exist_ok=True)
        return self._parts / uuid4().hex

    def settle(self, part: LocalPath, place: LocalPath) -> None:
        """Puts what is whole into its place, instead of what is there."""
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if place.is_dir() or part.is_dir():
            discard(place, self.part())
        part.replace(place)
        sync(place.parent)

    def evict(self, kept: Collection[str]) -> None:
        """Removes fetched files that were not used for a day, but for those of the given digests."""
        import shutil

        with suppress(OSError):  # what cannot be removed now can be later
            for folder in self._fetched.iterdir():
                if folder.name not in kept and time.time() - folder.stat().st_mtime > FETCHED_SECONDS:
                    shutil.rmtree(folder, ignore_errors=True)

    def note_use(self, place: LocalPath) -> None:
        """Notes that a fetched file is used."""
        if place.is_relative_to(self._fetched):
            with suppress(OSError):
                os.utime(self._fetched / place.relative_to(self._fetched).parts[0])


def discard(place: LocalPath, aside: LocalPath) -> None:
    """Removes a file or a folder in one step for whoever looks."""
    import shutil

    try:
        place.rename(aside)
    except FileNotFoundError:
        return
    if aside.is_dir() and not aside.is_symlink():
        shutil.rmtree(aside, ignore_errors=True)
    else:
        aside.unlink(missing_ok=True)


def workspace_root(files_dir: LocalPath, journal_id: str, work: str) -> LocalPath:
    """Returns the folder of a work of an app, below the folder for files of an agent."""
    return files_dir / folder_name(journal_id) / folder_name(work)
