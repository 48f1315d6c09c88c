"""Code that comes in an archive from a drive."""

from __future__ import annotations

import tarfile
from pathlib import Path
from typing import Protocol

from flowrpc.errors import ScriptError


class CodeDrive(Protocol):
    """Is where the archive is: a `Drive` of the app's storage."""

    @property
    def root_folder(self) -> Path:
        """Where its files are on this host."""

    def get(self, path: str) -> None:
        """Fetches a file to its name below `root_folder`."""


def fetch_code(drive: CodeDrive, name: str, folder: Path) -> None:
    """Fetches an archive and unpacks it into a folder; nothing in it gets out of there.

    Raises:
        ScriptError: It is no archive, or a member of it leads out of the folder.
        Exception: Whatever the drive raises.
    """
    drive.get(name)
    archive = drive.root_folder / name
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with tarfile.open(archive) as tar:
            tar.extractall(folder, filter="data")
    except tarfile.TarError as error:
        raise ScriptError(f"the code {name!r} cannot be unpacked into {folder}: {error}") from error
