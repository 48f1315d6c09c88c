"""The file of trusted client parts: JSON lines, the later ones count; appended to, so that it is never half written."""

from __future__ import annotations

import fcntl
import json
import os
import stat
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from flowrpc_client.errors import NotTrustedError

Key = tuple[str, str]
"""An app by name, and a command of it."""

_WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH


class Part(NamedTuple):
    """A client part: a class, and the digest of the module that defines it."""

    class_name: str
    sha256: str


Trusted = dict[Key, dict[Part, str]]
"""What is trusted, with the time since when, in the order of time."""


def trust_file() -> Path:
    """Returns where the file is: in `flowrpc` below `$XDG_CONFIG_HOME`, which is `~/.config` by default."""
    chosen = Path(os.environ.get("XDG_CONFIG_HOME") or "")
    # The specification of XDG says to ignore relative paths.
    folder = chosen if chosen.is_absolute() else Path(os.path.expanduser("~"), ".config")  # noqa: PTH111  # never raises
    return folder / "flowrpc" / "trusted_client_parts.jsonl"


def trusted() -> Trusted:
    """Reads what the user trusts.

    Raises:
        NotTrustedError: The file cannot be read, or others can write it.
    """
    found: Trusted = {}
    for number, line in enumerate(_lines(trust_file()), start=1):
        if line.strip():
            try:
                _fold(found, json.loads(line))
            except (ValueError, KeyError, TypeError):
                raise _unusable(f"line {number} is none of ours; remove it") from None
    return found


def remember(key: Key, part: Part) -> None:
    """Adds a client part to what the user trusts.

    Raises:
        NotTrustedError: The file cannot be used.
    """
    _append(key, {"class_name": part.class_name, "sha256": part.sha256})


def forget(key: Key) -> None:
    """Takes all client parts of a command out of what the user trusts.

    Raises:
        NotTrustedError: The file cannot be used.
    """
    _append(key, {"forgotten": True})


def _fold(found: Trusted, facts: dict[str, Any]) -> None:
    key = (str(facts["app"]), str(facts["command"]))
    if facts.get("forgotten"):
        found.pop(key, None)
    else:
        part = Part(class_name=str(facts["class_name"]), sha256=str(facts["sha256"]))
        found.setdefault(key, {}).pop(part, None)
        found[key][part] = str(facts["at"])


def _lines(path: Path) -> list[str]:
    try:
        with path.open(encoding="utf-8") as file:
            _check_private(file.fileno())
            fcntl.flock(file, fcntl.LOCK_SH)  # else half of a line may be seen that is being written
            return file.readlines()
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        raise _unusable(f"it cannot be read ({error})") from None


def _append(key: Key, facts: dict[str, Any]) -> None:
    trusted()  # what cannot be read is not written to, either
    path = trust_file()
    app, command = key
    at = datetime.now(UTC).isoformat(timespec="seconds")
    line = json.dumps({"app": app, "command": command, **facts, "at": at})
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(
            os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600), "r+b", buffering=0
        ) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            # Somebody's editor may have left the last line without its end.
            begin = "\n" if file.read()[-1:] not in (b"", b"\n") else ""
            file.write(f"{begin}{line}\n".encode())
    except OSError as error:
        raise _unusable(f"it cannot be written ({error.strerror})") from None


def _check_private(descriptor: int) -> None:
    facts = os.fstat(descriptor)
    if facts.st_uid != os.geteuid():
        raise _unusable("it belongs to another user; remove it")
    if facts.st_mode & _WRITABLE_BY_OTHERS:
        raise _unusable(f"others can write it; run `chmod 600 {trust_file()}` after a look at it")


def _unusable(problem: str) -> NotTrustedError:
    return NotTrustedError("", f"{trust_file()}, which holds the client parts that you trust: {problem}")
