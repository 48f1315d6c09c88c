"""From values to shapes: what a var without an annotation holds after `__init__`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flowrpc.contract.shape import ANY, Leaf, ListOf, MapOf, Scalar, Shape

_SCALARS: dict[type, Shape] = {
    bool: Leaf(Scalar.BOOL),
    int: Leaf(Scalar.INT64),
    float: Leaf(Scalar.DOUBLE),
    str: Leaf(Scalar.STRING),
}


def shape_of_values(values: Iterable[Any]) -> Shape:
    """Makes the shape of what a var holds in several components of one class: anything if they differ.

    Of a list or a dict only that is taken: what it holds now says little of what it will hold.
    """
    shapes = {_shape(value) for value in values}
    return shapes.pop() if len(shapes) == 1 else ANY


def _shape(value: Any) -> Shape:
    if isinstance(value, list):
        return ListOf(ANY)
    if isinstance(value, dict):
        return MapOf(ANY)
    return _SCALARS.get(type(value), ANY)
