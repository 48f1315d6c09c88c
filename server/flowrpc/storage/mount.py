"""Mount: says which bucket is to be seen as a folder where a work is executed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import NoReturn

from flowrpc.errors import InvalidValueError
from flowrpc.state.extension import Extension
from flowrpc.state.values import Value
from flowrpc.storage.reference import Facts

PROTOCOL = "s3://"
"""How the source of a mount begins; no other is known."""

_DEFAULT_FOLDER = "/data"


@dataclass(frozen=True, eq=False)
class Mount(Extension, type_name="mount"):
    """Says which bucket, or which folder in it, a work wants to see as a folder: `CloudCompute(mounts=Mount(…))`.

    No placement mounts anything yet: an app with a work that asks for it is refused when it starts.

    Raises:
        ValueError: The source is no folder of a bucket, or the path is not absolute.
    """

    source: str
    """`s3://`, the bucket and maybe a folder in it, with a `/` at the end: `s3://bucket/folder/`."""
    mount_path: str = ""
    """The absolute path that the work finds it at; by default `/data/` and the last name of the source."""

    def __post_init__(self) -> None:
        """Checks what was given, and finds the path if none was."""
        _check_source(self.source)
        if self.mount_path == "":
            path = f"{_DEFAULT_FOLDER}/{PurePosixPath(self.source).name}"
            object.__setattr__(self, "mount_path", path)
        _check_mount_path(self.mount_path)

    @classmethod
    def from_content(cls, content: Value) -> Mount:
        """Builds it of what `extension_content` returned.

        Raises:
            InvalidValueError: It cannot be built of this.
        """
        facts = Facts("mount", content, required={"source", "mount_path"})
        try:
            return cls(facts.text("source"), facts.text("mount_path"))
        except ValueError as error:
            raise InvalidValueError("mount", str(error)) from None

    def extension_content(self) -> Value:
        """Returns what state holds of it."""
        return {"source": self.source, "mount_path": self.mount_path}

    @property
    def protocol(self) -> str:
        """How the source is reached."""
        return PROTOCOL


def _check_source(source: object) -> None:
    if not isinstance(source, str) or not source.startswith(PROTOCOL):
        _refuse("source", source, f"a mount is of a bucket: write '{PROTOCOL}bucket/'")
    bucket, *folders = source.removeprefix(PROTOCOL).split("/")
    if not folders or folders[-1]:
        _refuse("source", source, f"a folder is mounted, never a file: write {source + '/'!r}")
    if not bucket or not all(_is_name(name) for name in (bucket, *folders[:-1])):
        _refuse("source", source, f"write the bucket and the folders in it: '{PROTOCOL}bucket/folder/'")


def _check_mount_path(path: object) -> None:
    if not isinstance(path, str) or not path.startswith("/"):
        _refuse("mount_path", path, "the path is absolute: write '/data/name'")
    if not all(_is_name(name) for name in path.removeprefix("/").removesuffix("/").split("/")):
        _refuse("mount_path", path, "the path is of a folder, without '..': write '/data/name'")


def _is_name(text: str) -> bool:
    return text not in ("", ".", "..") and "\0" not in text


def _refuse(option: str, value: object, problem: str) -> NoReturn:
    raise ValueError(f"Mount({option}={value!r}): {problem}")
