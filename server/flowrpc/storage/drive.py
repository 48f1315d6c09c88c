"""Drive: files that works share by name, in the app's storage."""

from __future__ import annotations

import os
import time
from pathlib import Path as LocalPath
from typing import Any

from flowrpc.errors import InvalidValueError, StorageError
from flowrpc.state.extension import Extension
from flowrpc.state.values import Value
from flowrpc.storage.exchange import Exchange
from flowrpc.storage.names import check_path
from flowrpc.storage.process import flow_depot, work_exchange
from flowrpc.storage.reference import Facts
from flowrpc.storage.shelf import Shelf

SCHEME = "lit://"
_FIRST_PAUSE_SECONDS = 0.02
_LONGEST_PAUSE_SECONDS = 2.0


class Drive(Extension, type_name="drive"):
    """Keeps files under names that all works of the app see. A flow may hold one, and works use it.

    Args:
        id: `lit://` and a name without `/`; drives of one id share their files.
        allow_duplicates: Whether several works may put a file of the same name.
        root_folder: Where files are on this host: below the work's own folder, which is the default. An absolute one is
            for a drive that is no state.

    Raises:
        ValueError: The id is none.
    """

    def __init__(
        self, id: str, allow_duplicates: bool = False, root_folder: str | os.PathLike[str] | None = None
    ) -> None:
        self._id = _checked_id(id)
        self._allow_duplicates = bool(allow_duplicates)
        self._root_folder = os.fspath(root_folder) if root_folder is not None else ""

    @classmethod
    def from_content(cls, content: Value) -> Drive:
        """Builds it of what state holds.

        Raises:
            InvalidValueError: It is none.
        """
        facts = Facts("drive", content, required={"id", "allow_duplicates"}, optional={"root_folder"})
        root = (
            check_path(facts.text("root_folder"), "drive.root_folder")
            if "root_folder" in facts.given
            else None
        )
        try:
            return cls(facts.text("id"), facts.given["allow_duplicates"] is True, root)
        except ValueError as error:
            raise InvalidValueError("drive.id", str(error)) from None

    def extension_content(self) -> Value:
        """Returns what state holds of it.

        Raises:
            InvalidValueError: Its folder is not below that of the work.
        """
        content: dict[str, Value] = {"id": self.id, "allow_duplicates": self._allow_duplicates}
        if self._root_folder:
            content["root_folder"] = check_path(self._root_folder, "drive.root_folder")
        return content

    @property
    def id(self) -> str:
        """`lit://` and its name."""
        return f"{SCHEME}{self._id}"

    @property
    def allow_duplicates(self) -> bool:
        """Whether several works may put a file of the same name."""
        return self._allow_duplicates

    @property
    def root_folder(self) -> LocalPath:
        """Where its files are on this host."""
        exchange = work_exchange()
        base = LocalPath() if exchange is None else exchange.workspace.files
        return base / self._root_folder

    def put(self, path: str | os.PathLike[str]) -> None:
        """Puts a file or folder there, instead of what this work put there before.

        Args:
            path: Its name below `root_folder`.

        Raises:
            RuntimeError: It is called in no work.
            FileExistsError: Another work has put a file of that name, and duplicates are not allowed.
            StorageError: There is no such file, or the storage does not take it.
        """
        exchange, name = self._exchange("put"), self._name(path)
        place = self.root_folder / name
        shelf = self._shelf(exchange)
        if not self._allow_duplicates:
            self._check_alone(shelf, name, exchange.work)
        if not place.exists():
            raise StorageError(f"{self.id}: there is no {place} to put")
        if not LocalPath(os.path.realpath(place)).is_relative_to(os.path.realpath(self.root_folder)):
            raise StorageError(
                f"{self.id}: {place} is a link that leads out of {self.root_folder}; copy the file"
            )
        shelf.put(exchange.work, name, exchange.depot.publish(place))

    def list(self, path: str | os.PathLike[str] = ".", component_name: str | None = None) -> list[str]:
        """Returns the names of what was put there, below a folder and of one work if that is asked for.

        Raises:
            RuntimeError: It is called in no work.
            StorageError: The storage cannot be reached.
        """
        below = "" if os.fspath(path) in ("", ".") else self._name(path)
        shelf = self._shelf(self._exchange("list"))
        names = {name for owner, name in shelf.names() if component_name in (None, owner)}
        return sorted(n for n in names if not below or n == below or n.startswith(f"{below}/"))

    def get(
        self,
        path: str | os.PathLike[str],
        component_name: str | None = None,
        timeout: float | None = None,
        overwrite: bool = False,
    ) -> None:
        """Fetches a file or folder to its name below `root_folder`.

        Args:
            path: Its name.
            component_name: The work that put it; needed if several did.
            timeout: How many seconds to wait until it is there.
            overwrite: Whether to replace a folder that is here; a file is replaced.

        Raises:
            RuntimeError: It is called in no work.
            FileNotFoundError: Nobody has put it, or not in time.
            FileExistsError: There is a folder of that name here.
            StorageError: Several works have put it, or it is missing or damaged.
        """
        exchange, name = self._exchange("get"), self._name(path)
        owner = self._wait(self._shelf(exchange), name, component_name, timeout)
        content = self._shelf(exchange).content(owner, name)
        place = self.root_folder / name
        if place.is_dir() and not overwrite:
            raise FileExistsError(
                f"{self.id}: {place} is a folder that exists; get(overwrite=True) replaces it"
            )
        if not LocalPath(os.path.realpath(place)).is_relative_to(os.path.realpath(self.root_folder)):
            raise StorageError(
                f"{self.id}: {place} leads out of {self.root_folder} by a link; remove the link"
            )
        exchange.fetch_to(place, content)

    def delete(self, path: str | os.PathLike[str]) -> None:
        """Removes a file that this work has put there.

        Raises:
            RuntimeError: It is called in no work.
            FileNotFoundError: This work has not put it there.
        """
        exchange, name = self._exchange("delete"), self._name(path)
        if (exchange.work, name) not in self._shelf(exchange).owners(name):
            raise FileNotFoundError(f"{self.id}: {exchange.work} has put no {name!r} there")
        self._shelf(exchange).remove(exchange.work, name)

    def __repr__(self) -> str:
        """Shows the id."""
        return f"Drive({self.id!r})"

    # Steps

    def _wait(self, shelf: Shelf, name: str, component: str | None, timeout: float | None) -> str:
        """Returns the work that has put a file, as soon as one has."""
        end = time.monotonic() + (timeout or 0.0)
        pause = _FIRST_PAUSE_SECONDS
        while True:
            owners = [owner for owner, _ in shelf.owners(name) if component in (None, owner)]
            if len(owners) > 1:
                raise StorageError(
                    f"{self.id}: {name!r} was put by several works, {', '.join(sorted(owners))}; say which by "
                    "component_name"
                )
            if owners:
                return owners[0]
            left = end - time.monotonic()
            if left <= 0:
                raise FileNotFoundError(self._absent(name, component, timeout))
            time.sleep(min(pause, left))  # the storage tells nobody of what is put there
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

    def _absent(self, name: str, component: str | None, timeout: float | None) -> str:
        who = component or "any work"
        waited = f" within {timeout:g} s" if timeout else ""
        return f"{self.id}: {name!r} was not put there by {who}{waited}; drive.list() tells what is there"

    def _check_alone(self, shelf: Shelf, name: str, work: str) -> None:
        others = [owner for owner, _ in shelf.owners(name) if owner != work]
        if others:
            raise FileExistsError(
                f"{self.id}: {others[0]} has put a {name!r} already; use another name or "
                "Drive(…, allow_duplicates=True)"
            )

    def _exchange(self, verb: str) -> Exchange:
        exchange = work_exchange()
        if exchange is None:
            where = "a flow" if flow_depot() is not None else "no work that an app runs"
            raise RuntimeError(f"{self.id}: drive.{verb}() is called in {where}; works put and get files")
        return exchange

    def _shelf(self, exchange: Exchange) -> Shelf:
        return Shelf(exchange.depot, self._id)

    def _name(self, path: Any) -> str:
        """Returns the name below the folder of what was given."""
        given = LocalPath(os.fspath(path))
        if given.is_absolute() and given.is_relative_to(self.root_folder):
            given = given.relative_to(self.root_folder)
        return check_path(given.as_posix(), f"{self.id}: the path")


def _checked_id(text: str) -> str:
    if text.startswith("s3://"):
        raise ValueError(
            f"{text!r}: a drive is in the app's storage, which --storage names: "
            f"start the app with --storage {text}, and write Drive('{SCHEME}name')"
        )
    name = text.removeprefix(SCHEME)
    if not text.startswith(SCHEME) or "/" in name:
        raise ValueError(
            f"{text!r} is no id of a drive; write {SCHEME} and a name without '/': '{SCHEME}drive'"
        )
    try:
        return check_path(name, "id")
    except InvalidValueError as error:
        raise ValueError(f"{text[:80]!r} is no id of a drive: {error.problem}") from None
