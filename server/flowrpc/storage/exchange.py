"""The exchange: hands the files of one work over to others, in the work's own process."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path as LocalPath
from typing import Any

from flowrpc.errors import InvalidValueError, StorageError
from flowrpc.state.extension import Extension
from flowrpc.state.values import Value
from flowrpc.storage.depot import Depot, digest_of
from flowrpc.storage.path import Path
from flowrpc.storage.reference import Content, Kind, Reference
from flowrpc.storage.stamp import Stamp, stamp_of
from flowrpc.storage.workspace import Workspace, discard


class Exchange:
    """Publishes what a work writes and fetches what it is given.

    Args:
        work: Full name of the work.
        workspace: Its files on this host.
        depot: The app's storage; None if the flow has told of none.
    """

    def __init__(self, *, work: str, workspace: Workspace, depot: Depot | None) -> None:
        self.work = work
        self.workspace = workspace
        self.running = False
        """Whether `run` is executed, so that contents may be stored."""
        self.vars: Callable[[], Iterable[tuple[str, Any]]] = dict[str, Any]().items
        """Gives the vars of the work; said by whoever hosts it."""
        self.set_var: Callable[[str, Value], None] = lambda name, value: None
        """Sets one of them, recorded."""
        self._depot = depot
        self._checked = False
        self._prepared = False
        self._known: dict[str, tuple[Stamp, str]] = {}

    @property
    def depot(self) -> Depot:
        """The app's storage, once it is sure that it is the one that the flow means.

        Raises:
            StorageError: It is not, or cannot be reached.
        """
        if self._depot is None:
            raise StorageError(f"{self.work}: the flow has told of no storage; it is of an older version")
        if not self._checked:
            self._depot.check()
            self._checked = True
        return self._depot

    # Around a run

    @contextmanager
    def during_run(self) -> Iterator[None]:
        """Lets contents be stored.

        Raises:
            StorageError: The folder of the work cannot be made.
        """
        if not self._prepared:
            self.workspace.prepare()
            self._prepared = True
        self.running = True
        try:
            yield
        finally:
            self.running = False

    def fetch(
        self, args: Sequence[Value], kwargs: Mapping[str, Value]
    ) -> tuple[tuple[Value, ...], dict[str, Value]]:
        """Fetches what the arguments of a run refer to, and returns arguments that are files of this host.

        Raises:
            StorageError: Something was never published, is missing or damaged.
        """
        in_use = [*args, *kwargs.values(), *(value for _, value in self.vars())]
        self.workspace.evict({digest for value in in_use for digest, _ in contents_in(value)})
        return (
            tuple([replaced(value, self._fetched) for value in args]),
            {name: replaced(value, self._fetched) for name, value in kwargs.items()},
        )

    def publish_changed(self) -> None:
        """Publishes the files of all vars that are there and not what was published last; a run has succeeded."""
        for name, value in list(self.vars()):
            self._renew(name, value, self._refreshed)

    def taken_in(self, value: Value) -> Value:
        """Publishes the files that a value refers to, which is about to become a var."""
        return replaced(value, self._refreshed)

    # One path

    def publish_everywhere(self, path: Path) -> Path:
        """Publishes a file, and lets every var that holds the path refer to it."""
        published = self._publish(path)
        place = LocalPath(path)

        def renewed(other: Extension) -> Extension:
            own = isinstance(other, Path) and other.origin in ("", self.work) and LocalPath(other) == place
            return published if own else other

        if self.running:
            for name, value in list(self.vars()):
                self._renew(name, value, renewed)
        return published

    def get(self, path: Path, *, overwrite: bool) -> Path:
        """Fetches a content to where the path is."""
        content = self._published_content(path.reference)
        place = LocalPath(path)
        if not self._has(place, content):
            if os.path.lexists(place) and not overwrite:
                raise FileExistsError(
                    f"{place} exists and is not what {path.origin or 'the flow'} published; "
                    "get(overwrite=True) replaces it"
                )
            self._fetch_to(place, content)
        self.workspace.note_use(place)
        return path

    def fetch_to(self, place: LocalPath, content: Content) -> None:
        """Fetches a content to a place of this host, instead of what is there."""
        self._fetch_to(place, content)

    # Steps

    def _fetched(self, extension: Extension) -> Extension:
        """Fetches what an argument refers to: never to where the work writes itself."""
        if not isinstance(extension, Path):
            return extension
        reference = extension.reference
        if reference.content is None and reference.origin in ("", self.work):
            return Path.referring(reference)  # a name for a file that this work is to write
        content = self._published_content(reference)
        argument = Path.referring(reference, self.workspace.fetched(reference, content))
        return self.get(argument, overwrite=True)

    def _published_content(self, reference: Reference) -> Content:
        if reference.content is None:
            owner = reference.origin or self.work
            raise StorageError(
                f"{self.work} needs {reference.path!r} of {owner}, which has not published it: {owner} writes the file "
                "and sets the path as a var of its own in run, or calls path.publish()"
            )
        return reference.content

    def _refreshed(self, extension: Extension) -> Extension:
        """Publishes an own file if it is there and has changed."""
        if not isinstance(extension, Path) or not self._is_own(extension):
            return extension
        content = extension.reference.content
        if content is not None and self._has(LocalPath(extension), content):
            return extension
        return self._publish(extension)

    def _is_own(self, path: Path) -> bool:
        try:
            reference = path.reference
        except InvalidValueError:
            return False  # it cannot be state, and whoever takes it in says so
        place = LocalPath(path)
        return (
            reference.origin in ("", self.work)
            and place == self.workspace.files / reference.path
            and place.exists()
        )

    def _publish(self, path: Path) -> Path:
        reference, place = path.reference, LocalPath(path)
        if reference.origin not in ("", self.work) or place != self.workspace.files / reference.path:
            raise StorageError(
                f"{self.work} cannot publish {place}, which it got from {reference.origin or 'the flow'}; "
                "copy it to a path of its own"
            )
        if not place.exists():
            raise StorageError(
                f"{self.work} cannot publish {reference.path!r}: there is no {place}; write it first"
            )
        self.workspace.check_inside(place)
        stamp = stamp_of(place)
        content = self.depot.publish(place)
        self._known[str(place)] = stamp, content.digest
        return Path.referring(Reference(path=reference.path, origin=self.work, content=content), place)

    def _has(self, place: LocalPath, content: Content) -> bool:
        """Tells whether a place holds a content, reading no more than needed."""
        try:
            stamp = stamp_of(place)
        except (FileNotFoundError, NotADirectoryError):
            return False
        known, digest = self._known.get(str(place), (None, ""))
        if known is None or not known.reliable or known.facts != stamp.facts:
            digest = _digest_or_nothing(place)
            self._known[str(place)] = stamp, digest
        return digest == content.digest

    def _fetch_to(self, place: LocalPath, content: Content) -> None:
        part = self.workspace.part()
        try:
            self.depot.fetch(content, part)
            self.workspace.settle(part, place)
        except OSError as error:
            raise StorageError(f"{place} cannot be written: {error.strerror or error}") from error
        finally:
            with suppress(OSError):  # what is left is removed when the next process of the work begins
                discard(part, self.workspace.part())
        self._known.pop(str(place), None)

    def _renew(self, name: str, value: Any, renewed: Callable[[Extension], Extension]) -> None:
        """Replaces paths in a var: one in a container by a change of that place alone."""
        if isinstance(value, Extension):
            other = renewed(value)
            if other is not value:
                self.set_var(name, other)
        elif isinstance(value, list | dict):
            _renew_inside(value, renewed)


def _renew_inside(container: Any, renewed: Callable[[Extension], Extension]) -> None:
    steps = list(container) if isinstance(container, dict) else range(len(container))
    for step in steps:
        value = container[step]
        if isinstance(value, Extension):
            other = renewed(value)
            if other is not value:
                container[step] = other
        elif isinstance(value, list | dict):
            _renew_inside(value, renewed)


def _digest_or_nothing(place: LocalPath) -> str:
    try:
        return digest_of(place)
    except (OSError, StorageError):  # what cannot be read is not what was published
        return ""


def replaced(value: Value, by: Callable[[Extension], Extension]) -> Value:
    """Returns a value with its extensions replaced; the same object if none was."""
    if isinstance(value, Extension):
        return by(value)
    if isinstance(value, list):
        items = [replaced(item, by) for item in value]
        return items if any(new is not old for new, old in zip(items, value, strict=True)) else value
    if isinstance(value, dict):
        entries = {key: replaced(item, by) for key, item in value.items()}
        return entries if any(entries[key] is not value[key] for key in value) else value
    return value


def contents_in(value: Any) -> Iterator[tuple[str, bool]]:
    """Yields the digest of all that a value refers to, and whether it is of a folder."""
    if isinstance(value, Extension):
        yield from contents_in(value.extension_content())
    elif isinstance(value, list):
        for item in value:
            yield from contents_in(item)
    elif isinstance(value, dict):
        digest = value.get("digest")
        if isinstance(digest, str):
            yield digest, value.get("kind") == Kind.FOLDER.value
        for item in value.values():
            yield from contents_in(item)
