"""What kind of work an app of one work has: one that serves, or a job."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from functools import lru_cache
from types import CodeType, FunctionType

from flowrpc.component.work import LightningWork


def is_job(work: LightningWork) -> bool:
    """Tells whether a work neither serves nor says itself when it is ready.

    A work serves if it was given a port, has asked for one, or has code that does: between the begin of its run and the
    moment when the port is there, it must not be taken for a job.
    """
    own = type(work).ready is not LightningWork.ready
    return not (own or work._port or work._fixed_port or _asks_for_port(type(work)))


def has_begun(work: LightningWork) -> bool:
    """Tells whether the newest run of a work is or was executed."""
    return any(status.stage in ("running", "succeeded", "failed") for status in work.statuses)


@lru_cache(maxsize=64)
def _asks_for_port(cls: type[LightningWork]) -> bool:
    own = (base for base in cls.__mro__ if base not in LightningWork.__mro__)
    functions = (inspect.unwrap(value) for base in own for value in vars(base).values() if callable(value))
    codes = (function.__code__ for function in functions if isinstance(function, FunctionType))
    return any("port" in _names(code) for code in codes)


def _names(code: CodeType) -> Iterator[str]:
    """Yields the names of the attributes and globals that code uses, also in functions inside of it."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)
