"""Conversion between what travels and what Python code works with.

Arguments go from plain values to the objects that annotations ask for, results the other way. Converters are made once
for a function and used for every call of it.
"""

from __future__ import annotations

from flowrpc.component.conversion.annotations import converter_of
from flowrpc.component.conversion.converter import Converter, Misfit
from flowrpc.component.conversion.items import is_stream, item_annotation, shown_item_annotation
from flowrpc.component.conversion.parameters import ArgumentRefused, Parameters
from flowrpc.component.conversion.refusals import Unusable
from flowrpc.component.conversion.results import plain

__all__ = [
    "ArgumentRefused",
    "Converter",
    "Misfit",
    "Parameters",
    "Unusable",
    "converter_of",
    "is_stream",
    "item_annotation",
    "plain",
    "shown_item_annotation",
]
