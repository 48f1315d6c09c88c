"""What is said of annotations that no value can be made into, and what to write instead."""

from __future__ import annotations

import collections
import inspect
import io
import re
import typing
from collections.abc import AsyncIterator, Callable, Iterator, Set
from typing import Any, get_args, get_origin

from flowrpc.state import Extension

_INSTEAD: tuple[tuple[tuple[Any, ...], str], ...] = (
    ((Set,), "write list[...]"),
    ((Callable,), "functions do not travel: take the name of one as str"),
    ((io.IOBase, typing.IO), "open files do not travel: take a Path, or the content as str or bytes"),
    ((Iterator, AsyncIterator), "write list[...]"),
    ((Extension,), "references to files and the like are taken as they are: write Any"),
    ((complex,), "write tuple[float, float]"),
    ((collections.deque,), "write list[...]"),
    ((dict,), "write dict[str, ...]"),
    ((bytearray, memoryview), "write bytes"),
    ((str,), "write str, or an Enum"),
    ((type,), "classes do not travel: take the name of one as str, or an Enum"),
)

_MODULE = re.compile(r"\b(?:[A-Za-z_]\w*\.)+(?=[A-Za-z_])")

NO_MEMBERS = "it has no members to choose from"
_ANY_OTHER = "make it a dataclass, or take a dict"


class Unusable(Exception):
    """Tells that an annotation cannot be used for a parameter of a command."""

    def __init__(self, annotation: Any, instead: str = "") -> None:
        """Takes the annotation and what to write instead, which most annotations tell by themselves."""
        super().__init__(annotation)
        self._annotation = annotation
        self._instead = instead or _advice(annotation)
        self._place = ""

    def inside(self, place: str) -> Unusable:
        """Notes the field (`Order.notify`) that has the annotation, the innermost first; returns itself."""
        self._place = self._place or place
        return self

    def __str__(self) -> str:
        where = f" (in {self._place})" if self._place else ""
        return f"{written(self._annotation)}{where}, which no argument can be made into; {self._instead}"


def written(annotation: Any) -> str:
    """Writes an annotation as users do, without the modules of classes."""
    if isinstance(annotation, str):
        return annotation
    if isinstance(annotation, type) and get_origin(annotation) is None:
        return annotation.__qualname__
    if isinstance(annotation, list):
        return f"[{', '.join(map(written, annotation))}]"
    text = inspect.formatannotation(annotation)
    # What a Literal holds may look like a module.
    return text if "Literal[" in text else _MODULE.sub("", text).replace("NoneType", "None")


def unresolved(error: Exception) -> str:
    """Says what to do about an annotation whose names cannot be found."""
    if isinstance(error, NameError):
        name = getattr(error, "name", None) or "it"
        return f"{name!r} is not known there: import or define it at the top of the module, not under TYPE_CHECKING"
    return f"it cannot be read ({type(error).__name__}: {error})"


def _advice(annotation: Any) -> str:
    kind = get_origin(annotation) or annotation
    if isinstance(kind, type):
        return _advice_on_class(kind, parted=bool(get_args(annotation)))
    if isinstance(annotation, list):
        return f"write list{written(annotation)}"
    return "write the type itself" if isinstance(annotation, typing.TypeVar) else _ANY_OTHER


def _advice_on_class(kind: type, *, parted: bool) -> str:
    from flowrpc.component.component import Component

    if kind.__module__.partition(".")[0] == "numpy":
        return "write list[float]"
    if parted and hasattr(kind, "__dataclass_fields__"):
        return "write a dataclass without type parameters"
    if issubclass(kind, Component):
        return "components do not travel: take the name of one as str"
    found = (instead for kinds, instead in _INSTEAD for base in kinds if _is(kind, base))
    return next(found, _ANY_OTHER)


def _is(kind: type, base: Any) -> bool:
    # Every class with __call__ would be a subclass of Callable.
    return kind is base or (base is not Callable and isinstance(base, type) and issubclass(kind, base))
