"""The folder of a client: files that were made there are replaced by the next ones, all others are left alone."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path, PurePosixPath

from flowrpc.clients.package import Package
from flowrpc.errors import ContractError

RECORD = ".flowrpc-client.json"
"""The file that names the files that were made, so that the next run knows them."""


def write(package: Package, out: Path, language: str) -> list[Path]:
    """Writes a client into a folder; returns the files that were written.

    Everything is written to a folder beside the files first: a full disk leaves the old client as it is.

    Raises:
        ContractError: A file of somebody else is in the way, or it cannot be written.
    """
    try:
        before = _read(out, language)
        _check_free(package, out, before)
        return _replace(package, out, language, before)
    except OSError as error:
        raise ContractError(str(error.filename or out), f"cannot be written: {error.strerror}") from error


def _read(out: Path, language: str) -> set[str]:
    """Reads what was made in a folder before."""
    try:
        record = json.loads((out / RECORD).read_text(encoding="utf-8"))
        found, files = record["language"], [str(name) for name in record["files"]]
    except FileNotFoundError:
        return set()
    except (ValueError, KeyError, TypeError) as error:
        raise ContractError(
            str(out / RECORD), f"is no record of a client ({error!r}); choose another --out"
        ) from error
    if found != language:
        raise ContractError(str(out), f"has the client for {found}; choose another --out for {language}")
    return {name for name in files if _inside(name)}


def _inside(name: str) -> bool:
    """Tells whether a name stays in its folder: nothing else is ever removed, whatever a record says."""
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts and bool(path.parts)


def _check_free(package: Package, out: Path, before: set[str]) -> None:
    foreign = [name for name in package.code if name not in before and os.path.lexists(out / name)]
    if foreign:
        raise ContractError(
            str(out / foreign[0]), "is there and was not made by flowctl; move it, or choose another --out"
        )


def _replace(package: Package, out: Path, language: str, before: set[str]) -> list[Path]:
    new = {name: content for name, content in package.seeds.items() if not os.path.lexists(out / name)}
    new |= package.code
    out.mkdir(parents=True, exist_ok=True)  # in it, as what is moved has to stay on one file system
    with tempfile.TemporaryDirectory(prefix=".flowrpc-client-", dir=out) as staged:
        stage = Path(staged)
        _write_all(stage / "files", new)
        # Who is interrupted between these moves leaves a record of all that may be there.
        _move_record(stage, out, language, before | set(package.code))
        for name in new:
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            (stage / "files" / name).replace(out / name)
        for name in before - set(package.code):
            _remove(out, name)
        _move_record(stage, out, language, package.code)
    return [out / name for name in new]


def _write_all(folder: Path, contents: dict[str, bytes]) -> None:
    for name, content in contents.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def _move_record(stage: Path, out: Path, language: str, files: Iterable[str]) -> None:
    text = json.dumps({"language": language, "files": sorted(files)}, indent=2)
    (stage / RECORD).write_text(text + "\n", encoding="utf-8")
    (stage / RECORD).replace(out / RECORD)


def _remove(out: Path, name: str) -> None:
    """Removes a file that is made no more, and folders that are empty without it."""
    (out / name).unlink(missing_ok=True)
    with suppress(OSError):  # others have something in it
        for folder in PurePosixPath(name).parents:
            if folder.parts:
                (out / folder).rmdir()
