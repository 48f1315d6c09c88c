"""Items of commands that stream: what the annotation of a generator says of what it yields."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Generator, Iterable, Iterator
from types import NoneType
from typing import Any, get_args, get_origin

from flowrpc.component.conversion.parameters import annotated_result
from flowrpc.component.conversion.refusals import written
from flowrpc.errors import ComponentError

_KINDS: tuple[Any, ...] = (Iterator, Generator, Iterable)


def is_stream(method: Callable[..., Any]) -> bool:
    """Tells whether a method yields, so that a call makes a generator."""
    return inspect.isgeneratorfunction(inspect.unwrap(method))


def item_annotation(method: Callable[..., Any]) -> Any:
    """Returns the annotation of what a generator yields, resolved; Any if there is none.

    Raises:
        ComponentError: It is none of a generator, or returns what no client gets. The message goes on after the name
            of the command.
    """
    annotation = annotated_result(method)
    if annotation is Any:
        return Any
    kind = get_origin(annotation) or annotation
    if kind not in _KINDS:
        raise ComponentError(f"yields, but is annotated `-> {written(annotation)}`; write `-> Iterator[...]`")
    item, _, result = (
        (*get_args(annotation), Any, None, None)[:3] if get_args(annotation) else (Any, None, None)
    )
    if kind is Generator and result not in (None, NoneType, Any):
        raise ComponentError(
            f"returns {written(result)} when it has yielded all, which no client would get; yield that, too"
        )
    return item


def shown_item_annotation(method: Callable[..., Any]) -> str:
    """Writes the annotation of what a generator yields, for people; empty if there is none, or it cannot be resolved.

    Raises:
        ComponentError: As `item_annotation`, but for names that cannot be found: nobody needs them to call it.
    """
    annotation = inspect.signature(method).return_annotation
    if annotation is inspect.Signature.empty:
        return ""
    try:
        annotated_result(method)
    except ComponentError:
        return ""
    item = item_annotation(method)
    return "" if item is Any else written(item)
