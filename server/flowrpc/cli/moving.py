"""What moves a state: out of a running app or a data directory, and into another data directory."""

from __future__ import annotations

import os
import secrets
import shlex
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import click
from flowrpc_client.client import FlowClient
from flowrpc_client.commands.settings import Settings
from flowrpc_client.errors import NotReachableError

from flowrpc.component.app import LightningApp, may_be_same_app
from flowrpc.component.app_file import load_app
from flowrpc.component.building import Restored
from flowrpc.component.component import type_name
from flowrpc.errors import FlowrpcError, StartError, StoreError
from flowrpc.flow_service.core import Core
from flowrpc.flow_service.instant import Instant
from flowrpc.protocol.answers import StateSnapshot
from flowrpc.protocol.run_directory import entry_in
from flowrpc.state.export import StateExport, read_export
from flowrpc.state.records import AppStage, AppStatus, ComponentRecord, Delta, Revision
from flowrpc.store import Commit, MemoryStore, SQLiteStore, Store, read
from flowrpc.store import fresh as begin_anew


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What an import did."""

    components: int
    without_place: tuple[str, ...]
    """Vars and components that the code has no place for."""
    start: str
    """The command that starts the app from it."""


def is_served(data_dir: Path) -> bool:
    """Tells whether an app runs on a data directory."""
    return entry_in(data_dir) is not None


def export_running(settings: Settings) -> StateExport:
    """Exports the state of a running app at one revision.

    Raises:
        NotReachableError: It cannot be reached, or none runs.
    """
    try:
        client = settings.connect()
    except NotReachableError as error:
        if settings.data_dir or settings.app or settings.address:
            raise
        raise NotReachableError(f"{error}; of an app that does not run, name the --data-dir") from None
    with client:
        parts = list(_snapshot_parts(client))
    return _export(parts[-1].revision, (record for part in parts for record in part.components))


def export_directory(data_dir: Path) -> StateExport:
    """Exports the last durable state of a data directory that no app runs on; the directory stays as it is.

    Raises:
        StoreError: There is no state, or it cannot be read.
    """
    replica = read(data_dir)
    if replica is None:
        raise StoreError(f"{data_dir} holds no state; name the data directory of an app that ran")
    return _export(replica.revision, replica.components.values())


def import_state(text: str, source: str, app_file: Path, data_dir: Path, *, fresh: bool) -> Imported:
    """Writes an exported state into a data directory, if the app can start from it.

    Raises:
        FlowrpcError: The export, the app or the directory does not fit; nothing was written.
    """
    exported = read_export(text, source)
    app = load_app(app_file)
    _check_same_app(exported, app, source)
    if not fresh:
        _check_empty(data_dir)
    restored = _try(exported, app, source)
    if fresh:
        begin_anew(data_dir)
    _write(SQLiteStore(data_dir), exported)
    return Imported(
        components=len(exported.components),
        without_place=_without_place(restored),
        start=_start_command(app_file, data_dir),
    )


def write_private(path: Path, text: str) -> None:
    """Replaces a file in one step by one that only its owner reads; a pipe or a device is written to.

    Raises:
        ClickException: It cannot be written.
    """
    try:
        if path.exists() and not path.is_file():
            path.write_text(text, encoding="utf-8")
        else:
            _replace(path.resolve(), text)
    except OSError as error:
        raise click.ClickException(f"{path} cannot be written: {error.strerror}") from None


def _replace(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(descriptor)
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def _snapshot_parts(client: FlowClient) -> Iterator[StateSnapshot]:
    """Yields the state as a watch begins: in parts, so that its size is not bounded by a message's."""
    with client.watch() as updates:
        for update in updates:
            if not isinstance(update, StateSnapshot):
                break
            yield update
            if update.last:
                return
    raise NotReachableError(
        "the app ended before it had sent its state; name its --data-dir when it has ended"
    )


def _export(revision: int, components: Iterable[ComponentRecord]) -> StateExport:
    return StateExport(
        components=tuple(components),
        revision=revision,
        exported_at=datetime.now(UTC).replace(microsecond=0),
        flowrpc_version=version("flowrpc"),
    )


def _check_same_app(exported: StateExport, app: LightningApp, source: str) -> None:
    found = type_name(type(app.root))
    if not may_be_same_app(exported.root_type, found):
        raise StartError(
            f"{source} holds the state of another app ({exported.root_type}, not {found}); "
            "if it is the same one, rename the module or the class in a step of its own"
        )


def _check_empty(data_dir: Path) -> None:
    held = read(data_dir)
    if held is not None:
        raise StartError(
            f"{data_dir} holds state already, at revision {held.revision}; "
            "give another --data-dir, or replace it with --fresh"
        )


def _try(exported: StateExport, app: LightningApp, source: str) -> Restored:
    """Recovers the app from the state in memory, as its next start will from the disk.

    Raises:
        StartError: It cannot be recovered.
    """
    store = MemoryStore()
    _write(store, exported)
    try:
        return Core(app.root, store.open(), Instant(time.monotonic(), datetime.now(UTC))).restored
    except FlowrpcError as error:
        raise StartError(f"the app cannot start from {source}: {error}") from error
    except (
        Exception
    ) as error:  # what user code raises, or vars of the framework that somebody changed by hand
        raise StartError(f"the app cannot start from {source}: {type(error).__name__}: {error}") from error


def _write(store: Store, exported: StateExport) -> None:
    """Makes the state the first revision of a new journal.

    Raises:
        StoreError: The store cannot be used, or is not new.
    """
    recovered = store.open()
    try:
        if recovered.replica.revision:
            raise StoreError("the data directory got state meanwhile; try again")
        store.commit(Commit(revision=_first_revision(exported)))
    finally:
        store.close()


def _first_revision(exported: StateExport) -> Revision:
    message = f"imported what revision {exported.revision} of {exported.root_type} was"
    return Revision(
        number=1,
        time=datetime.now(UTC),
        deltas=tuple(Delta(component=record.name, attached=record) for record in exported.components),
        app=AppStatus(stage=AppStage.STOPPED, message=message),
    )


def _without_place(restored: Restored) -> tuple[str, ...]:
    dropped = [f"{name}.{var}" for name, values in restored.dropped.items() for var in values]
    return (*dropped, *(record.name for record in restored.missing))


def _start_command(app_file: Path, data_dir: Path) -> str:
    command = f"flowctl run {shlex.quote(str(app_file))}"
    if data_dir == app_file.resolve().parent / ".flowrpc":
        return command
    return f"{command} --data-dir {shlex.quote(str(data_dir))}"
