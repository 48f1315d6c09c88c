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
    folder = path.parent.parent if path.parent.name == "snapshots" else path.parent
    directory = shlex.quote(str(folder))
    after = "REVISION" if good is None else str(good)
    return (
        f"{path} is damaged: {problem}; `flowctl journal check {directory}` lists all that is. Restore the whole data "
        "directory from a backup, go on from a good revision with "
        f"`flowctl journal cut {directory} --after {after} --output NEWDIR`, or begin anew with --fresh"
    )


@contextmanager
def damage_told(path: Path, what: str, *, good: int | None = None) -> Iterator[None]:
    """Turns what decoding and folding raise into a StoreCorruptError.

    The checksum fitted, so it was written like this: by a fault of ours, or by someone else.
    """
    try:
        yield
    except (ValueError, InvalidChangeError) as error:
        raise StoreCorruptError(damaged(path, f"{what} cannot be used ({error})", good=good)) from error
