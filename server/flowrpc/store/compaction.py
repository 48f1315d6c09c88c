"""Compaction: a new snapshot in the background, so that the journal before the last two can go."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path

from flowrpc.errors import StoreError
from flowrpc.store.database import Database
from flowrpc.store.disk import DISK, Disk
from flowrpc.store.replay import Replay
from flowrpc.store.snapshots import Snapshots
from flowrpc.store.tables import Identity
from flowrpc.wire.journal import snapshot_bytes

_logger = logging.getLogger(__name__)

_SLICE_S = 0.0005
"""How long a compaction goes on before it gives way to other threads.

Each time it does so beside a busy thread it waits for the interpreter's switch interval, 5 ms. Giving way at
every revision would let it read some 200 of them a second there, fewer than a service may make.
"""


class Compactor:
    """Makes snapshots, each in a thread that begins with it and ends with it.

    It reads what is durable over a connection of its own and never touches what the engine holds. A snapshot
    that fails is logged; the app goes on, its journal grows until the next one succeeds.
    """

    def __init__(
        self, database_path: Path, snapshots: Snapshots, identity: Identity, disk: Disk = DISK
    ) -> None:
        """Names what is compacted; nothing runs yet."""
        self._database_path = database_path
        self._identity = identity
        self._disk = disk
        self._snapshots = snapshots
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()
        self.spare_revision = 0
        """Revisions up to this one are in both kept snapshots: their journal rows can go."""

    @property
    def running(self) -> bool:
        """Whether a snapshot is being made."""
        return self._thread is not None and self._thread.is_alive()

    def start(self) -> None:
        """Begins a snapshot of what is durable now, unless one is being made."""
        if not self.running:
            self._thread = threading.Thread(target=self._run, name="flowrpc-compaction", daemon=False)
            self._thread.start()

    def keep(self, replay: Replay) -> bool:
        """Makes a snapshot of what was recovered, before anything else is done with it.

        A service that is killed again and again before a compaction ends would otherwise never make one, and each
        of its starts would take longer than the one before. What was recovered must be synced: a journal that a
        power cut shortens may not end before its snapshot.

        Returns:
            Whether it was made; why not is logged.
        """
        return self._tried(lambda: self._write(replay))

    def wait(self) -> None:
        """Waits until no snapshot is being made."""
        if self._thread is not None:
            self._thread.join()

    def close(self) -> None:
        """Gives up the snapshot that is being made, and waits for its thread."""
        self._stopping.set()
        self.wait()

    def _run(self) -> None:
        self._tried(self._compact)

    def _tried(self, make: Callable[[], None]) -> bool:
        """Whatever it fails of, the app lives, and the next threshold tries again."""
        try:
            make()
        except StoreError as error:
            _logger.error("cannot make a snapshot, the journal grows until one succeeds: %s", error)
            return False
        except Exception:
            _logger.exception(
                "cannot make a snapshot of %s; the journal grows until one succeeds", self._database_path
            )
            return False
        return True

    def _compact(self) -> None:
        database = Database(self._database_path, read_only=True, disk=self._disk)
        try:
            replay = Replay(database, self._snapshots, self._identity)
            if self._folded(replay, through=database.revision_bounds()[1]):
                self._write(replay)
        finally:
            database.close()

    def _folded(self, replay: Replay, through: int) -> bool:
        """Folds up to a revision and tells whether there is something new to keep.

        It has an end of its own because the journal may grow as fast as it is read.
        """
        began = time.monotonic()
        for _ in replay.steps():
            if replay.replica.revision >= through or self._stopping.is_set():
                break
            if time.monotonic() - began >= _SLICE_S:
                time.sleep(0)  # the engine must not wait for the interpreter until a switch is forced
                began = time.monotonic()
        return replay.replica.revision > replay.base_revision and not self._stopping.is_set()

    def _write(self, replay: Replay) -> None:
        revision, base = replay.replica.revision, replay.base_revision
        payload = snapshot_bytes(replay.replica.components.values(), replay.replica.app)
        self._snapshots.write(revision, replay.link, payload)
        # The one it began at was verified just now; a newer one that did not verify goes before it.
        self._snapshots.keep(revision, base)
        self.spare_revision = base
        _logger.debug("made a snapshot of %d bytes", len(payload), extra={"revision": revision})
