"""What a value of state is: JSON-like, exact, plain and of bounded size."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable
from typing import Any, TypeAlias, TypeGuard

from flowrpc.errors import InvalidValueError
from flowrpc.state.advice import key_problem, type_problem
from flowrpc.state.canonical import canonical_bytes
from flowrpc.state.extension import Extension

Scalar: TypeAlias = bool | int | float | str | None
"""A value without parts."""

Value: TypeAlias = "Scalar | Extension | list[Value] | dict[str, Value]"
"""What state, arguments and results are made of."""

MAX_DEPTH = 30
"""How deep containers nest: a list in a list is two deep. Parsers of protobuf stop at 100 messages, a dict takes 3."""

MAX_VALUE_BYTES = 2 * 1024 * 1024
"""How large one value is at most, counted roughly as it would be encoded."""

MAX_BIG_INT_DIGITS = 4000
"""How long an int is at most. Python turns up to 4,300 digits into text without being asked twice."""

SCALARS = frozenset({type(None), bool, int, float, str})
"""The types of scalars, for `type(value) in SCALARS`."""

_BIG_INT_BOUND = 10**MAX_BIG_INT_DIGITS
_EMPTY_CALL = hashlib.sha256(canonical_bytes([[], {}])).hexdigest()


def is_plain_scalar(value: object) -> TypeGuard[Scalar]:
    """Tells whether a value is surely fine as it is, in the time that an assignment can spare.

    True for None, a bool, an int of 64 bits, a finite float and an ASCII text of up to 1,024 characters.
    False says nothing: `copy_value` decides.
    """
    kind = type(value)
    if kind is int:
        return -0x8000_0000_0000_0000 <= value <= 0x7FFF_FFFF_FFFF_FFFF  # type: ignore[operator]
    if kind is str:
        return len(value) <= 1024 and value.isascii()  # type: ignore[arg-type, attr-defined]
    if kind is float:
        return -math.inf < value < math.inf  # type: ignore[operator]
    return value is None or kind is bool


def copy_value(value: object, place: str, *, depth: int = 0, grown: bool = False) -> Value:
    """Checks a value and copies it into plain lists, dicts and scalars.

    Tuples become lists, tracked containers and other subclasses the plain type they derive from.

    Args:
        value: What a user gave.
        place: Where it goes, for the error: `root.config`.
        depth: How many containers it will sit in.
        grown: Whether it is state already, so that it may have grown larger than what a user may give at once.

    Raises:
        InvalidValueError: It cannot be state. The error's place leads to the part that is wrong.
    """
    if is_plain_scalar(value):
        return value
    try:
        return _Copy(grown=grown).of(value, depth)
    except Refused as refused:
        raise refused.error(place) from None


def copy_items(items: Iterable[object], *, first: int, depth: int) -> list[Value]:
    """Checks and copies the items that a list takes in at index `first`.

    Args:
        items: What a user gave.
        first: Index of the first item, for the error.
        depth: How many containers the items will sit in.

    Raises:
        Refused: One of them cannot be state.
    """
    return _Copy().of_list(items, depth - 1, first)


def copy_entries(entries: dict[Any, object], *, depth: int) -> dict[str, Value]:
    """Checks and copies the entries that a dict takes in.

    Args:
        entries: What a user gave.
        depth: How many containers the values will sit in.

    Raises:
        Refused: A key or a value cannot be state.
    """
    return _Copy().of_dict(entries, depth - 1)


class Refused(Exception):
    """Carries a problem out of nested containers, whose place in them is put together on the way."""

    def __init__(self, problem: str) -> None:
        """Takes what is wrong and what to write instead."""
        super().__init__(problem)
        self.problem = problem
        self._way: list[tuple[object, object]] = []

    def inside(self, container: object, step: object) -> None:
        """Notes that the problem is at this step of the container; the innermost comes first."""
        self._way.append((container, step))

    def error(self, place: str) -> InvalidValueError:
        """Makes the error that users see."""
        way = self._way[::-1]
        seen: dict[int, int] = {}
        for position, (container, _) in enumerate(way):
            if id(container) in seen:
                return InvalidValueError(_extend(place, way[:position]), "contains itself; write a copy")
            seen[id(container)] = position
        return InvalidValueError(_extend(place, way), self.problem)


def _extend(place: str, way: list[tuple[object, object]]) -> str:
    return place + "".join(f"[{step!r}]" for _, step in way)


class _Copy:
    """Copies one value and counts how large it is."""

    __slots__ = ("_limit", "_size")

    def __init__(self, *, grown: bool = False) -> None:
        self._size = 0
        self._limit = math.inf if grown else MAX_VALUE_BYTES

    def of(self, value: object, depth: int) -> Value:
        if is_plain_scalar(value):
            self._count(8 + len(value) if type(value) is str else 8)
            return value
        if isinstance(value, str):
            return self._text(str.__str__(value))
        if isinstance(value, int):
            return self._int(int.__int__(value))
        if isinstance(value, float):
            return self._float(float.__float__(value))
        return self._of_parts(value, depth)

    def _of_parts(self, value: object, depth: int) -> Value:
        if isinstance(value, list | tuple):
            return self.of_list(value, depth, 0)
        if isinstance(value, dict):
            return self.of_dict(value, depth)
        if isinstance(value, Extension):
            return self._extension(value, depth)
        raise Refused(type_problem(value))

    def of_list(self, items: Iterable[object], depth: int, first: int) -> list[Value]:
        self._enter(depth)
        copy: list[Value] = []
        try:
            for item in items:
                copy.append(self.of(item, depth + 1))
        except Refused as refused:
            refused.inside(items, first + len(copy))
            raise
        return copy

    def of_dict(self, entries: dict[Any, object], depth: int) -> dict[str, Value]:
        self._enter(depth)
        copy: dict[str, Value] = {}
        key: object = None
        try:
            for key, value in entries.items():
                copy[self._key(key)] = self.of(value, depth + 1)
        except Refused as refused:
            refused.inside(entries, key)
            raise
        return copy

    def _extension(self, extension: Extension, depth: int) -> Extension:
        """Checks what it is made of; it never changes, so it need not be copied."""
        self._enter(depth)
        try:
            self.of(_content_of(extension), depth + 1)
        except Refused as refused:
            refused.inside(extension, extension.extension_type())
            raise
        return extension

    def _enter(self, depth: int) -> None:
        if depth >= MAX_DEPTH:
            raise Refused(f"containers nest deeper than {MAX_DEPTH}; write a flatter value")
        self._count(8)

    def _key(self, key: object) -> str:
        if not isinstance(key, str):
            raise Refused(key_problem(key))
        return self._text(str.__str__(key))

    def _text(self, text: str) -> str:
        if text.isascii():
            self._count(8 + len(text))
            return text
        self._count(len(text))  # so that what is far too long is not encoded first
        try:
            self._count(8 + len(text.encode()) - len(text))
        except UnicodeEncodeError as error:
            problem = f"the text has a lone surrogate at index {error.start}, which UTF-8 cannot carry"
            raise Refused(f"{problem}; write text.encode('utf-8', 'replace').decode()") from None
        return text

    def _int(self, number: int) -> int:
        # Compared, never printed: printing takes quadratic time.
        if not -_BIG_INT_BOUND < number < _BIG_INT_BOUND:
            raise Refused(f"the int has more than {MAX_BIG_INT_DIGITS} digits; write a float or hex(value)")
        self._count(8 + number.bit_length() * 3 // 10)  # its digits
        return number

    def _float(self, number: float) -> float:
        if not math.isfinite(number):
            raise Refused(f"{number} is no number that JSON can hold; use None or a string")
        self._count(8)
        return number

    def _count(self, size: int) -> None:
        self._size += size
        if self._size > self._limit:
            raise Refused(
                f"the value is larger than {MAX_VALUE_BYTES} bytes; split it, or keep it in a file or an "
                "attribute whose name begins with `_`"
            )


def _content_of(extension: Extension) -> Value:
    try:
        return extension.extension_content()
    except InvalidValueError as error:
        raise Refused(error.problem) from error


def same(a: object, b: object) -> bool:
    """Tells whether two values are the same in every respect that state keeps.

    Unlike `==` it tells 1, 1.0 and True apart, 0.0 from -0.0, and two orders of a dict's keys. A tracked
    container is the same as a plain one with the same content.
    """
    if a is b:
        return True
    if type(a) in SCALARS:
        return type(a) is type(b) and a == b and (type(a) is not float or _same_sign(a, b))
    if isinstance(a, Extension):
        return isinstance(b, Extension) and _same_extension(a, b)
    if isinstance(a, list):
        return isinstance(b, list) and len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return isinstance(b, dict) and list(a) == list(b) and all(map(same, a.values(), b.values()))
    return False


def _same_extension(a: Extension, b: Extension) -> bool:
    return a.extension_type() == b.extension_type() and same(a.extension_content(), b.extension_content())


def _same_sign(a: Any, b: Any) -> bool:
    return math.copysign(1.0, a) == math.copysign(1.0, b)


def canonical_key(args: list[Value], kwargs: dict[str, Value]) -> str:
    """Makes the call key of these arguments: a SHA-256 in hex that no process or version changes.

    1, 1.0, True and "1" differ, and a positional argument differs from the same one by name. The order of
    keywords and of dict keys does not matter.
    """
    if not args and not kwargs:
        return _EMPTY_CALL
    return hashlib.sha256(canonical_bytes([args, kwargs])).hexdigest()
