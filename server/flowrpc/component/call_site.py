"""Call sites: what tells one call in user code from another, and stays when the file is edited around it."""

from __future__ import annotations

import dis
from functools import lru_cache
from types import CodeType, FrameType

_METHOD_LOADS = frozenset({"LOAD_METHOD", "LOAD_ATTR"})


def call_site(frame: FrameType, *methods: str) -> str:
    """Names the call that a frame is in: the function's qualified name and which of its calls it is.

    Counted are the places in the function that name one of the methods, so that other edits of the function change
    nothing.
    """
    return f"{frame.f_code.co_qualname}#{_ordinal(frame.f_code, frame.f_lasti, methods)}"


@lru_cache(maxsize=1024)
def _ordinal(code: CodeType, position: int, methods: tuple[str, ...]) -> int:
    """Counts the methods' names up to the call's instruction, which comes after the name that it calls."""
    return sum(
        instruction.opname in _METHOD_LOADS and instruction.argval in methods
        for instruction in dis.get_instructions(code)
        if instruction.offset < position
    )
