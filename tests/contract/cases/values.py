"""Values of every kind, and messages that are none."""

from __future__ import annotations

from typing import Any

from flowrpc.state.extension import Extension
from flowrpc.state.values import MAX_BIG_INT_DIGITS, MAX_DEPTH, Value
from flowrpc.v1 import value_pb2 as pb

from tests.contract.cases.notation import base64_of, written_value

_INT64_MAX = 2**63 - 1


def _nested(depth: int) -> Value:
    value: Value = []
    for _ in range(depth - 1):
        value = [value]
    return value


VALUES: dict[str, Value] = {
    "null": None,
    "false": False,
    "true": True,
    "zero": 0,
    "minus one": -1,
    "the largest int that a double counts to": 2**53 - 1,
    "the first int that a double has not": 2**53 + 1,
    "its negative": -(2**53) - 1,
    "the largest int of 64 bits": _INT64_MAX,
    "the smallest int of 64 bits": -_INT64_MAX - 1,
    "the first int above 64 bits": _INT64_MAX + 1,
    "the first int below 64 bits": -_INT64_MAX - 2,
    "an int above unsigned 64 bits": 2**64 + 1,
    "an int of a hundred digits": -(10**99) - 7,
    "the longest int": 10**MAX_BIG_INT_DIGITS - 1,
    "a double without a fraction, which is no int": 1.0,
    "zero as a double": 0.0,
    "negative zero": -0.0,
    "a tenth": 0.1,
    "the smallest double above zero": 5e-324,
    "the largest double": 1.7976931348623157e308,
    "two to the 53rd as a double": 9007199254740992.0,
    "empty text": "",
    "text of one letter": "a",
    "text with escapes": 'a "quoted"\\ line\n\ttab\r\x00 end',
    "text that only looks like an int": "9007199254740993",
    "umlauts, composed": "\u00e4\u00f6\u00fc",
    "umlauts, with combining marks, which are another text": "a\u0308o\u0308u\u0308",
    "emoji, outside the basic plane": "\U0001f600 \U0001f469\u200d\U0001f680",
    "right to left, and line separators": "\u05e9\u05dc\u05d5\u05dd\u2028\u2029\ufeff",
    "text and a key that begin with a byte order mark": {"\ufeffkey": "\ufefftext"},
    "empty list": [],
    "empty map": {},
    "list of every kind": [None, True, -1, 2**70, 0.5, "x", [], {}, Extension("point", [1, 2])],
    "lists in lists": [[], [[]], [[1], [2, [3]]]],
    "map in its order, not the alphabet's": {"b": 1, "a": 2, "": 3},
    "map with keys that look like numbers": {"10": "ten", "9": "nine", "1": "one"},
    "map with keys that languages treat apart": {"__proto__": 1, "constructor": 2, "toString": 3},
    "map with keys beyond ASCII": {"\U0001f600": 1, "\uffff": 2, "\u00e9": 3, "e\u0301": 4},
    "map with a key like the mark of extensions": {"$flowrpc": "point", "$$flowrpc": 1},
    "maps in lists in maps": {
        "rows": [{"id": 1, "tags": ["a", "b"]}, {"id": 2, "tags": []}],
        "more": {"k": None},
    },
    "extension of an unknown type": Extension("point_3d", {"x": 1, "y": -0.0, "z": 2**63}),
    "extension in an extension": Extension("outer", Extension("inner", None)),
    "as deep as it goes": _nested(MAX_DEPTH),
}


def _value(**kind: Any) -> pb.Value:
    return pb.Value(**kind)


def _map(*keys: str) -> pb.Value:
    return _value(
        map_value=pb.MapValue(entries=[pb.MapEntry(key=key, value=_value(int_value=1)) for key in keys])
    )


def _deep(depth: int) -> pb.Value:
    message = _value(list_value=pb.ListValue())
    for _ in range(depth - 1):
        message = _value(list_value=pb.ListValue(values=[message]))
    return message


REFUSED: dict[str, pb.Value] = {
    "no kind": _value(),
    "no kind in a list": _value(list_value=pb.ListValue(values=[_value()])),
    "a map entry without a value": _value(map_value=pb.MapValue(entries=[pb.MapEntry(key="a")])),
    "a key twice": _map("a", "b", "a"),
    "an extension without content": _value(extension_value=pb.ExtensionValue(type_name="point")),
    "an extension without a type": _value(extension_value=pb.ExtensionValue(content=_value(int_value=1))),
    "an extension of an impossible type": _value(
        extension_value=pb.ExtensionValue(type_name="Point", content=_value(int_value=1))
    ),
    "not a number": _value(double_value=float("nan")),
    "infinity": _value(double_value=float("inf")),
    "negative infinity in a map": _value(
        map_value=pb.MapValue(entries=[pb.MapEntry(key="a", value=_value(double_value=float("-inf")))])
    ),
    "a big int that is empty": _value(big_int_value=""),
    "a big int that fits 64 bits": _value(big_int_value=str(_INT64_MAX)),
    "a negative big int that fits 64 bits": _value(big_int_value=str(-_INT64_MAX - 1)),
    "a big int with a leading zero": _value(big_int_value=f"0{2**64}"),
    "a big int with a plus": _value(big_int_value=f"+{2**64}"),
    "a big int with a space": _value(big_int_value=f" {2**64}"),
    "a big int with a line end": _value(big_int_value=f"{2**64}\n"),
    "a big int in hexadecimal": _value(big_int_value="0x10000000000000000"),
    "a big int in other digits": _value(big_int_value="\u0661" * 30),
    "a big int that is too long": _value(big_int_value="1" + "0" * MAX_BIG_INT_DIGITS),
    "a list that is too deep": _deep(MAX_DEPTH + 1),
}


def plain() -> dict[str, Any]:
    """Makes what `values.json` holds."""
    refused = [{"name": name, "message": base64_of(message)} for name, message in REFUSED.items()]
    refused.append(
        {"name": "text that is no UTF-8", "message": "MgL/QQ=="}
    )  # string_value of two bytes: FF 41
    return {
        "cases": [{"name": name, **written_value(value)} for name, value in VALUES.items()],
        "refused": refused,
    }
