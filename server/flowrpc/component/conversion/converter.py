"""Converters, and what they say of a value that does not fit."""

from __future__ import annotations

import difflib
import reprlib
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from flowrpc.state import Value

PLAIN = frozenset({type(None), bool, int, float, str, list, dict})
"""The types of plain values."""


_BRIEF = reprlib.Repr()
_BRIEF.maxlevel, _BRIEF.maxlist, _BRIEF.maxdict, _BRIEF.maxstring, _BRIEF.maxlong = 4, 8, 8, 60, 60


class Misfit(Exception):
    """Tells that a value does not fit; the place inside the argument is put together on the way out."""

    def __init__(self, problem: str, detail: Misfit | None = None) -> None:
        """Takes the problem, as it goes on after the place, and what else is to be said of a place inside."""
        super().__init__(problem)
        self._problem = problem
        self._detail = detail
        self._way = ""

    def inside(self, step: str) -> None:
        """Notes that the value sits at this step (`.items` or `[3]`) of another one; the innermost comes first."""
        self._way = step + self._way

    def text(self, name: str, way: str = "") -> str:
        """Says what is wrong with the argument of that name: `order.items[2].price must be float, not 'x'`."""
        way += self._way
        text = f"{name}{way} {self._problem}" if way else f"{name!r} {self._problem}"
        return text if self._detail is None else f"{text}: {self._detail.text(name, way)}"


class Converter(NamedTuple):
    """Makes Python objects of plain values."""

    name: str
    """The annotation in short, for messages: `list[int] | None`."""
    exact: frozenset[type]
    """The types whose values are taken as they are."""
    takes: frozenset[type]
    """The types whose values may be converted."""
    convert: Callable[[Any], Any]
    """Converts a value of one of the types in `takes`; refuses any other. Raises Misfit."""

    def take(self, value: Value) -> Any:
        """Converts a value.

        Raises:
            Misfit: It does not fit.
        """
        return value if type(value) in self.exact else self.convert(value)

    def take_at(self, step: str, value: Value) -> Any:
        """Converts a part of a value, which sits at this step of it.

        Raises:
            Misfit: It does not fit.
        """
        try:
            return self.take(value)
        except Misfit as misfit:
            misfit.inside(step)
            raise


def exactly(name: str, kind: type) -> Converter:
    """Makes the converter of a type whose values are taken as they are."""

    def refuse(value: Value) -> Any:
        raise must_be(name, value)

    return Converter(name, frozenset({kind}), frozenset(), refuse)


def converting(name: str, kinds: Iterable[type], convert: Callable[[Any], Any], says: str = "") -> Converter:
    """Makes a converter that converts values of some types and refuses all others.

    Args:
        name: The annotation in short.
        kinds: The types.
        convert: Gets values of these types only.
        says: What the value must be, for the message; the name by default.
    """
    takes = frozenset(kinds)

    def checked(value: Value) -> Any:
        if type(value) not in takes:
            raise must_be(says or name, value)
        return convert(value)

    return Converter(name, frozenset(), takes, checked)


def must_be(what: str, value: Value, detail: Misfit | None = None) -> Misfit:
    """Makes the most common misfit."""
    return Misfit(f"must be {what}, not {shown(value)}", detail)


def shown(value: Value) -> str:
    """Shows a value in a message, the beginning of it if it is long."""
    # Printing all of a large value only to cut it would let a client spend our time.
    text = repr(value[:60]) if isinstance(value, str) else _BRIEF.repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """Names the one that was probably meant, if there is one: `; did you mean 'name'?`."""
    close = difflib.get_close_matches(name[:100], known, n=1) if isinstance(name, str) else []
    return f"; did you mean {close[0]!r}?" if close else ""


ANY = Converter("Any", PLAIN, frozenset(), lambda value: value)
NONE = exactly("None", type(None))
BOOL = exactly("bool", bool)
INT = exactly("int", int)
STR = exactly("str", str)
LIST = exactly("list", list)
DICT = exactly("dict", dict)


def _float(value: Value) -> float:
    if type(value) is not int:
        raise must_be("float", value)
    try:
        return float(value)
    except OverflowError:
        raise Misfit("must be float, and this int is too large for one") from None


FLOAT = Converter("float", frozenset({float}), frozenset({int}), _float)
