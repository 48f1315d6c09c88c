"""Values ⇄ JSON that says the same to every reader.

JSON's numbers have no limits, but most readers take them for doubles, which hold ints up to 2^53 exactly. So larger
ones are written as `{"$flowrpc": "int", "value": "9007199254740993"}`. A dict of the user with the key `$flowrpc` is
written as `{"$flowrpc": "dict", "value": {…}}`, so that the two are never taken for one another.
"""

from __future__ import annotations

import re
from typing import Any

from flowrpc.errors import CallError
from flowrpc.state.values import MAX_BIG_INT_DIGITS

KEY = "$flowrpc"
"""The key of what JSON has no notation for."""
SAFE = 2**53 - 1
"""The largest int that every reader keeps (`Number.MAX_SAFE_INTEGER`)."""

_DIGITS = re.compile(rf"-?[0-9]{{1,{MAX_BIG_INT_DIGITS}}}")


def json_value(value: Any) -> Any:
    """Makes of a value what `json.dumps` may write."""
    if type(value) is int:
        return value if -SAFE <= value <= SAFE else {KEY: "int", "value": str(value)}
    if isinstance(value, list | tuple):
        return [json_value(item) for item in value]
    if isinstance(value, dict):
        plain = {key: json_value(item) for key, item in value.items()}
        return {KEY: "dict", "value": plain} if KEY in plain else plain
    return value


def read_json_value(value: Any, place: str) -> Any:
    """Makes a value of what `json.loads` read.

    Raises:
        CallError: Something in it has the key `$flowrpc` and is nothing that this version knows.
    """
    if isinstance(value, list):
        return [read_json_value(item, f"{place}[{number}]") for number, item in enumerate(value)]
    if not isinstance(value, dict):
        return value
    if KEY in value:
        return _read_marked(value, place)
    return _read_dict(value, place)


def _read_dict(value: dict[str, Any], place: str) -> dict[str, Any]:
    return {key: read_json_value(item, f"{place}.{key}") for key, item in value.items()}


def _read_marked(value: dict[str, Any], place: str) -> Any:
    kind, content = value[KEY], value.get("value")
    if value.keys() == {KEY, "value"}:
        if kind == "int" and isinstance(content, str) and _DIGITS.fullmatch(content):
            return int(content)
        if kind == "dict" and isinstance(content, dict):
            return _read_dict(content, place)
    raise CallError(
        "INVALID_VALUE",
        f'{place}: the key "{KEY}" is reserved; write {{"{KEY}": "int", "value": "DIGITS"}} for a large int, '
        f'or {{"{KEY}": "dict", "value": {{…}}}} for a dict that has the key',
        place=place,
        problem="is nothing that this version knows",
    )
