"""Names: from Python's to those that protobuf, its JSON and buf's lint take."""

from __future__ import annotations

import re
from collections.abc import Iterable

from flowrpc.errors import ContractError

_WORD = re.compile(r"[A-Z]+[0-9]*(?![a-z])|[A-Z]?[a-z0-9]+")
_PYTHON = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


def words(name: str, place: str) -> list[str]:
    """Splits a Python name into its words: `myHTTPPort_2` is my, http, port, 2.

    Raises:
        ContractError: It has other characters than ASCII letters, digits and `_`, or does not begin with a letter.
    """
    if not _PYTHON.fullmatch(name):
        raise ContractError(
            place,
            f"{name!r} cannot be a name in the contract; use ASCII letters, digits and `_`, a letter first",
        )
    return [word.lower() for word in _WORD.findall(name)]


def is_usable(name: str) -> bool:
    """Tells whether a name can be made one of the contract."""
    return _PYTHON.fullmatch(name) is not None


def snake(name: str, place: str) -> str:
    """Makes a field's name: lower_snake_case."""
    return "_".join(words(name, place))


def camel(name: str, place: str) -> str:
    """Makes a message's or method's name: UpperCamelCase."""
    return "".join(word[0].upper() + word[1:] for word in words(name, place))


def shout(name: str, place: str) -> str:
    """Makes an enum value's name: UPPER_SNAKE_CASE."""
    return snake(name, place).upper()


def enum_prefix(enum: str) -> str:
    """Returns what the names of an enum's values begin with, as protobuf's values share one namespace."""
    return shout(enum, enum) + "_"


def json_name(field: str) -> str:
    """Makes the name that protobuf's JSON gives a field, by its rule: `my_field` is myField."""
    first, *rest = field.split("_")
    return first + "".join(word[:1].upper() + word[1:] for word in rest)


def check_distinct(pairs: Iterable[tuple[str, str]], place: str, kind: str) -> None:
    """Refuses Python names that become one and the same.

    Args:
        pairs: The name in the contract, and the Python name.
        place: Where they are.
        kind: What they are: `field`, `method`.

    Raises:
        ContractError: Two do.
    """
    met: dict[str, str] = {}
    for name, python_name in pairs:
        other = met.setdefault(name, python_name)
        if other != python_name:
            raise ContractError(
                place, f"{other!r} and {python_name!r} would both be the {kind} {name!r}; rename one"
            )
