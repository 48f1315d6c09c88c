"""The sweep: removes contents that nothing refers to, when a life of the app begins.

A content is removed if it is older than a week, and no var, argument of a run, recipe, entry of a drive or shared file
refers to it. What is published again is made young first: a work that publishes never relies on a content that a sweep
may take.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from contextlib import suppress

from flowrpc.errors import StorageError
from flowrpc.storage.backend import Entry
from flowrpc.storage.cabinet import FILES
from flowrpc.storage.depot import GRACE_SECONDS, Depot, object_key
from flowrpc.storage.folder import PARTS
from flowrpc.storage.reference import Content, Kind
from flowrpc.storage.shelf import DRIVES, read_entry

logger = logging.getLogger(__name__)

Referred = tuple[str, bool]
"""A digest, and whether it is of a folder."""


def sweep(depot: Depot, referred: Iterable[Referred], *, now: float | None = None) -> int:
    """Removes what nothing refers to; returns how many contents that were.

    Args:
        depot: The app's storage.
        referred: What state refers to, as `contents_in` tells it.
        now: Seconds since the epoch; by default the time it is.

    Raises:
        StorageError: The storage cannot be read: then nothing is removed.
    """
    old_before = (time.time() if now is None else now) - GRACE_SECONDS
    old = {digest for digest, entry in depot.objects() if _is_old(entry, old_before)}
    if old:
        old -= _kept(depot, set(referred))
    removed = sum(depot.backend.remove_old(depot.key(object_key(d)), old_before) for d in sorted(old))
    for entry in list(depot.backend.list(PARTS)):  # what was cut short while it was written, by any app
        if _is_old(entry, old_before):
            depot.backend.remove(entry.key)
    return removed


def sweep_quietly(depot: Depot, referred: Iterable[Referred]) -> None:
    """Removes what nothing refers to, and logs if that does not work: the app goes on without."""
    try:
        removed = sweep(depot, referred)
    except (StorageError, OSError) as error:
        logger.warning("contents that nothing refers to were not removed: %s", error)
    else:
        if removed:
            logger.info("removed %d contents that nothing refers to from %s", removed, depot.url)


def _is_old(entry: Entry, before: float) -> bool:
    return entry.changed_at is not None and entry.changed_at < before


def _kept(depot: Depot, referred: set[Referred]) -> set[str]:
    """Returns the digests to keep: those referred to, also by drives and shared files, and what is in the folders."""
    for entry in [e for kept in (DRIVES, FILES) for e in depot.backend.list(depot.key(kept))]:
        with suppress(FileNotFoundError):  # a work has just removed it
            content = read_entry(depot, entry.key)
            referred.add((content.digest, content.kind is Kind.FOLDER))
    kept = {digest for digest, _ in referred}
    for digest, folder in referred:
        content = Content(digest=digest, size=0, kind=Kind.FOLDER)
        if folder and depot.holds(content):  # one that is gone has lost its files already
            kept.update(file.content.digest for file in depot.listing(content).files)
    return kept
