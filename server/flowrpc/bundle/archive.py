"""Writing a bundle: a tar file that depends on nothing but its contents."""

from __future__ import annotations

import gzip
import hashlib
import os
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from flowrpc.bundle.contents import Contents, Entry, Kind, unreadable
from flowrpc.errors import BundleError

MTIME_SECONDS = 315_532_800
"""When everything in a bundle was changed last: 1980-01-01, the first day that zip files, and so wheels, can tell."""

_TYPES = {Kind.FILE: tarfile.REGTYPE, Kind.LINK: tarfile.SYMTYPE, Kind.FOLDER: tarfile.DIRTYPE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Archived:
    """A bundle that was written."""

    file: Path
    size_bytes: int
    sha256: str
    """In hexadecimal digits."""


def write_archive(contents: Contents, file: Path) -> Archived:
    """Writes a bundle, whole or not at all; one that is there is replaced.

    Raises:
        BundleError: The file cannot be written, or what goes into it cannot be read or changes meanwhile.
    """
    part = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        with part.open("w+b") as output:
            _write(contents, output)
            size_bytes = output.tell()
            output.seek(0)
            sha256 = hashlib.file_digest(output, "sha256").hexdigest()
        part.replace(file)
    except OSError as error:
        raise BundleError(
            f"{file} cannot be written: {error.strerror}; choose another place by -o"
        ) from error
    finally:
        part.unlink(missing_ok=True)
    return Archived(file=file, size_bytes=size_bytes, sha256=sha256)


def _write(contents: Contents, output: BinaryIO) -> None:
    # No file name and no time in the header of gzip: either would make equal bundles differ.
    with (
        gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=output, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT, encoding="utf-8") as tar,
    ):
        for entry in contents.entries:
            if entry.kind is Kind.FILE:
                _add_file(tar, entry, contents.folder / entry.path)
            else:
                tar.addfile(_header(entry))


def _add_file(tar: tarfile.TarFile, entry: Entry, path: Path) -> None:
    source = _Source(path)
    try:
        tar.addfile(_header(entry), source)
        source.check_end()
    finally:
        source.close()


def _header(entry: Entry) -> tarfile.TarInfo:
    header = tarfile.TarInfo(entry.path)
    header.type = _TYPES[entry.kind]
    header.size = entry.size_bytes
    header.linkname = entry.target
    header.mode = 0o755 if entry.executable or entry.kind is Kind.FOLDER else 0o644
    header.mtime = MTIME_SECONDS
    return header


class _Source:
    """A file that is read once, and has to be as long as it was when it was listed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            # A link or a pipe may have taken the file's place: neither is followed, or waited for.
            self._file = open(  # noqa: SIM115  # Path.open takes no opener; `close` closes it
                path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NOFOLLOW | os.O_NONBLOCK)
            )
        except OSError as error:
            raise unreadable(path, error) from error

    def read(self, size: int = -1, /) -> bytes:
        """Reads as much as was asked for."""
        try:
            content = self._file.read(size)
        except OSError as error:
            raise unreadable(self._path, error) from error
        if len(content) < size:
            raise self._changed()
        return content

    def check_end(self) -> None:
        """Refuses a file that has grown."""
        if self._file.read(1):
            raise self._changed()

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def _changed(self) -> BundleError:
        return BundleError(
            f"{self._path} changed while it was read; try again when nothing writes to it, or leave it out by a "
            "line in .lightningignore"
        )
