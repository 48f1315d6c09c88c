"""Damage in words: what is wrong, where, and the ways out."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flowrpc.errors import InvalidChangeError, StoreCorruptError


def damaged(path: Path, problem: str, *, good: int | None = None) -> str:
    """Words the message of a StoreCorruptError.

    Args:
        path: The damaged file in a data directory.
        problem: What is wrong with it.
        good: The last revision that is surely good, if that is known.
    """
    directory = _directory_of(path)
    after = "REVISION" if good is None else str(good)
    return (
        f"{path} is damaged: {problem}; `flowctl journal check {directory}` lists all that is. Restore the whole data "
        "directory from a backup, go on from a good revision with "
        f"`flowctl journal cut {directory} --after {after} --output NEWDIR`, or begin anew with "
        f"`flowctl run APP.py --data-dir {directory} --fresh`"
    )


def damaged_history(path: Path, problem: str) -> str:
    """Words it for who reads old revisions: an app may not need these, and go on after later ones."""
    return (
        f"{path} is damaged: {problem}; `flowctl journal check {_directory_of(path)}` lists all that is and tells "
        "after which revision to go on, `flowctl journal show --from` a later one begins with the snapshot before it"
    )


def _directory_of(path: Path) -> str:
    folder = path.parent.parent if path.parent.name == "snapshots" else path.parent
    return shlex.quote(str(folder))


@contextmanager
def damage_told(path: Path, what: str, *, good: int | None = None) -> Iterator[None]:
    """Turns what decoding and folding raise into a StoreCorruptError.

    The checksum fitted, so it was written like this: by a fault of ours, or by someone else.
    """
    try:
        yield
    except (ValueError, InvalidChangeError) as error:
        raise StoreCorruptError(damaged(path, f"{what} cannot be used ({error})", good=good)) from error
