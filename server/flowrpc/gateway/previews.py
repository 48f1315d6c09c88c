"""Previews of values: their JSON, cut where it gets long, so that a page costs little however large the state is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice

from flowrpc.state import Value
from flowrpc.state.extension import Extension

MAX_CHARACTERS = 160
"""How long a preview is."""


def preview(value: Value, limit: int = MAX_CHARACTERS) -> tuple[str, bool]:
    """Writes a value; tells whether it was cut.

    Only as much of it is looked at as is shown. Ints have all of their digits, for the text is shown as it is.
    """
    pieces: list[str] = []
    room = limit
    for piece in _pieces(value, limit):
        pieces.append(piece[:room])
        room -= len(piece)
        if room < 0:
            return "".join(pieces), True
    return "".join(pieces), False


def _pieces(value: Value, limit: int) -> Iterator[str]:
    if isinstance(value, str):
        # Its JSON is at least as long as it is.
        yield json.dumps(value[: limit + 1], ensure_ascii=False)
    elif isinstance(value, list):
        yield from _listed(value, limit)
    elif isinstance(value, dict):
        yield from _entries(value, limit)
    elif isinstance(value, Extension):
        yield f"<{value.extension_type()}> "
        yield from _pieces(value.extension_content(), limit)
    elif isinstance(value, float):
        yield repr(value)
    else:
        yield json.dumps(value)


def _listed(items: list[Value], limit: int) -> Iterator[str]:
    yield "["
    for number, item in enumerate(islice(items, limit)):
        yield ", " if number else ""
        yield from _pieces(item, limit)
    yield "]"


def _entries(entries: dict[str, Value], limit: int) -> Iterator[str]:
    yield "{"
    for number, (key, item) in enumerate(islice(entries.items(), limit)):
        yield (", " if number else "") + json.dumps(key[: limit + 1], ensure_ascii=False) + ": "
        yield from _pieces(item, limit)
    yield "}"
