"""Names of files that come from elsewhere: what is taken, and how a name of anything becomes one of a folder."""

from __future__ import annotations

import hashlib
import os
from urllib.parse import quote

from flowrpc.errors import InvalidValueError

MAX_PATH_BYTES = 1024
"""How long a path is at most, in UTF-8."""
MAX_NAME_BYTES = 255
"""How long one name in a path is at most, in UTF-8; what file systems take."""

_READABLE_BYTES = 100


def check_path(text: str, place: str) -> str:
    """Returns a path of names with `/` between them, that stays below wherever it is put.

    Raises:
        InvalidValueError: It is absolute, leads elsewhere, or no file system could hold it.
    """
    problem = _problem(text)
    if problem:
        raise InvalidValueError(
            place, f"{text[:80]!r} {problem}; write names with / between them: 'a/model.pt'"
        )
    return text


def shared_path(path: str | os.PathLike[str], place: str) -> str:
    """Returns a path of the files that works share, without the `/` at its beginning and end; empty for the root.

    Raises:
        InvalidValueError: It does not begin with `/`, or leads elsewhere.
    """
    text = os.fspath(path)
    if not isinstance(text, str):
        raise InvalidValueError(place, f"{text[:80]!r} is no text")
    if not text.startswith("/"):
        raise InvalidValueError(place, f"{text[:80]!r} does not begin with /, the root of the shared files")
    return "" if text == "/" else check_path(text[1:].removesuffix("/"), place)


def _problem(text: str) -> str:
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        return "is no UTF-8"
    if not 0 < size <= MAX_PATH_BYTES:
        return f"is {'empty' if not size else f'longer than {MAX_PATH_BYTES} bytes'}"
    if text.startswith("/"):
        return "is absolute"
    return next((problem for name in text.split("/") if (problem := _name_problem(name))), "")


def _name_problem(name: str) -> str:
    if name in ("", ".", ".."):
        return f"has {name!r} among its names"
    if "\0" in name:
        return "has a NUL in it"
    return f"has a name longer than {MAX_NAME_BYTES} bytes" if len(name.encode()) > MAX_NAME_BYTES else ""


def folder_name(text: str) -> str:
    """Makes the name of a folder of any text: readable as far as that goes, and another one for each text."""
    plain = quote(text, safe="").replace("~", "%7E")
    if plain and len(plain) <= _READABLE_BYTES and not plain.startswith("."):
        return plain
    return f"{plain[:_READABLE_BYTES].strip('.')}~{hashlib.sha256(text.encode()).hexdigest()[:16]}"
