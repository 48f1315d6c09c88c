"""Values as JSON, exactly: what is written reads back the same in every respect that state keeps.

JSON as Python reads and writes it has ints of any size, doubles that keep their last bit and dicts in order. An
extension is `{"$flowrpc": type, "value": content}`; a key of a user's dict that looks like that mark gets one `$` more.

Most other readers take numbers for doubles, which hold ints up to 2^53 exactly. For them larger ints are written as
`{"$flowrpc": "int", "value": "9007199254740993"}`; both notations are read.
"""

from __future__ import annotations

import json
import re
from typing import Any

from flowrpc.errors import InvalidValueError
from flowrpc.state.extension import JSON_KEY, Extension, extension_of
from flowrpc.state.values import MAX_BIG_INT_DIGITS, SCALARS, Value, copy_value

SAFE_INT = 2**53 - 1
"""The largest int that every reader keeps (`Number.MAX_SAFE_INTEGER`)."""

_INT = "int"
_DIGITS = re.compile(rf"-?[0-9]{{1,{MAX_BIG_INT_DIGITS}}}")
_CONTENT_KEY = "value"
_MARK = re.compile(r"\$+" + re.escape(JSON_KEY.lstrip("$")))


def to_json(value: Any, *, safe_ints: bool = False) -> Any:
    """Makes of a value what `json.dumps` writes.

    Args:
        value: A value; in place of lists there may be tuples.
        safe_ints: Whether ints that not every reader keeps are written as text.
    """
    if type(value) in SCALARS:
        return _written(value) if safe_ints and type(value) is int else value
    if isinstance(value, Extension):
        content = to_json(value.extension_content(), safe_ints=safe_ints)
        return {JSON_KEY: value.extension_type(), _CONTENT_KEY: content}
    if isinstance(value, list | tuple):
        return [to_json(item, safe_ints=safe_ints) for item in value]
    assert isinstance(value, dict)
    return {
        f"${key}" if _MARK.fullmatch(key) else key: to_json(item, safe_ints=safe_ints)
        for key, item in value.items()
    }


def _written(number: int) -> Any:
    return number if -SAFE_INT <= number <= SAFE_INT else {JSON_KEY: _INT, _CONTENT_KEY: str(number)}


def from_json(plain: Any, place: str) -> Value:
    """Makes a value of what `to_json` made.

    Raises:
        InvalidValueError: It cannot be state. The error's place leads to the part that is wrong.
    """
    return copy_value(_read(plain, place), place)


def parse(text: str, source: str) -> Any:
    """Reads JSON text, in which no key may be there twice.

    Args:
        text: The text.
        source: Where it comes from, for the error.

    Raises:
        InvalidValueError: It is none.
    """
    try:
        return json.loads(text, object_pairs_hook=_without_doubles)
    except (ValueError, RecursionError) as error:
        raise InvalidValueError(source, f"is no JSON that can be read: {error}") from None


def _read(plain: Any, place: str) -> Any:
    if isinstance(plain, list):
        return [_read(item, f"{place}[{index}]") for index, item in enumerate(plain)]
    if not isinstance(plain, dict):
        return plain
    if JSON_KEY in plain:
        return _read_marked(plain, place)
    return {
        key[1:] if _MARK.fullmatch(key) else key: _read(item, f"{place}[{key!r}]")
        for key, item in plain.items()
    }


def _read_marked(plain: dict[str, Any], place: str) -> Extension | int:
    name = plain[JSON_KEY]
    if name == _INT:
        return _read_int(plain, place)
    if plain.keys() != {JSON_KEY, _CONTENT_KEY} or not isinstance(name, str):
        raise InvalidValueError(
            place,
            f'a value of a named type is {{"{JSON_KEY}": TYPE, "{_CONTENT_KEY}": …}}; '
            f"a key of this name is written ${JSON_KEY}",
        )
    content = from_json(plain[_CONTENT_KEY], place)
    try:
        return extension_of(name, content)
    except InvalidValueError as error:
        raise InvalidValueError(place, error.problem) from None


def _read_int(plain: dict[str, Any], place: str) -> int:
    digits = plain.get(_CONTENT_KEY)
    if (
        plain.keys() != {JSON_KEY, _CONTENT_KEY}
        or not isinstance(digits, str)
        or not _DIGITS.fullmatch(digits)
    ):
        raise InvalidValueError(
            place,
            f'a large int is {{"{JSON_KEY}": "{_INT}", "{_CONTENT_KEY}": DIGITS}}, its digits a text of at most '
            f"{MAX_BIG_INT_DIGITS}",
        )
    return int(digits)


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        keys = [key for key, _ in pairs]
        double = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {double!r} is there twice in one object")
    return found
