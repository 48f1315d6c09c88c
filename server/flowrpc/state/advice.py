"""What to write instead of a value that cannot be state."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Set

_STR = "write str(value)"
_LIST = "write list(value)"
_BYTES = "write value.decode() for text, value.hex() for bytes"

# By name, so that no program imports decimal or uuid for a message that it never sees.
_BY_TYPE = {
    "builtins.bytes": _BYTES,
    "builtins.bytearray": _BYTES,
    "builtins.range": _LIST,
    "builtins.complex": "write [value.real, value.imag]",
    "datetime.date": "write value.isoformat()",
    "datetime.time": "write value.isoformat()",
    "datetime.timedelta": "write value.total_seconds()",
    "decimal.Decimal": _STR,
    "enum.Enum": "write value.value",
    "fractions.Fraction": _STR,
    "pathlib.PurePath": _STR,
    "uuid.UUID": _STR,
}

_BY_SHAPE = (
    (Set, "write sorted(value)"),
    (Mapping, "write dict(value)"),
    (Iterator, _LIST),
    (Callable, "call it, or keep it in an attribute whose name begins with `_`"),
)

_ANY_OTHER = (
    "write None, a bool, int, float, str, list or dict, or keep it in an attribute whose name begins with `_`"
)


def type_problem(value: object) -> str:
    """Says that values of this type are refused, and what to write instead."""
    return f"{type_name(value)} is not a type that state can hold; {_advice(value)}"


def key_problem(key: object) -> str:
    """Says why this object cannot be a dict key, and what to write instead."""
    if isinstance(key, bool | int | float):
        return f"{type_name(key)} keys turn into text in JSON; write str(key)"
    return f"keys must be str, not {type_name(key)}; write a text for each key"


def type_name(value: object) -> str:
    """Names the type as its users write it: `bytes`, `numpy.int64`."""
    kind = type(value)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _advice(value: object) -> str:
    for kind in type(value).__mro__:
        package = kind.__module__.partition(".")[0]
        if package == "numpy":
            return "write value.tolist()"  # of scalars and arrays alike
        if (advice := _BY_TYPE.get(f"{package}.{kind.__qualname__}")) is not None:
            return advice
    return next((advice for shape, advice in _BY_SHAPE if isinstance(value, shape)), _ANY_OTHER)  # type: ignore[arg-type]
