"""Setting failpoints: the functions of the table are wrapped, in this process only."""

from __future__ import annotations

import functools
import importlib
import inspect
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flowrpc.failpoints.actions import act
from flowrpc.failpoints.plan import Plan, Trigger
from flowrpc.failpoints.points import POINTS, Moment, Point, Process


def weave(process: Process, plan: Plan, marks: Path | None) -> None:
    """Wraps the functions of the failpoints that a plan names and a process has.

    Args:
        process: The kind of this process.
        plan: What is to happen where.
        marks: The folder in which a failpoint that acted leaves a mark; None: it may act again in another process.
    """
    for point, trigger in plan.of(one for one in POINTS if one.process is process):
        _set(point, _Fuse(point.name, trigger, marks))


class _Fuse:
    """Counts how often a failpoint is reached, and acts when it is time."""

    def __init__(self, name: str, trigger: Trigger, marks: Path | None) -> None:
        self._name = name
        self._trigger = trigger
        self._marks = marks
        self._count = 0
        self._counting = threading.Lock()

    def reach(self) -> None:
        with self._counting:
            self._count += 1
            acts = self._trigger.acts_at(self._count) and self._is_first()
        if acts:
            act(self._trigger.action, self._trigger.argument, self._name)

    def _is_first(self) -> bool:
        """Leaves a mark; False if there is one: the failpoint acted before, perhaps in another process."""
        if self._marks is None:
            return True
        try:
            (self._marks / self._name).touch(exist_ok=False)
        except FileExistsError:
            return False
        return True


def _set(point: Point, fuse: _Fuse) -> None:
    module, _, qualified = point.target.partition(":")
    *owners, name = qualified.split(".")
    owner: Any = functools.reduce(getattr, owners, importlib.import_module(module))
    setattr(owner, name, _wrapped(vars(owner)[name], point.moment, fuse.reach))


def _wrapped(function: Callable[..., Any], moment: Moment, reach: Callable[[], None]) -> Callable[..., Any]:
    before, after = (reach, _nothing) if moment is Moment.BEFORE else (_nothing, reach)

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        before()
        result = function(*args, **kwargs)
        after()
        return result

    @functools.wraps(function)
    async def call_async(*args: Any, **kwargs: Any) -> Any:
        before()
        result = await function(*args, **kwargs)
        after()
        return result

    return call_async if inspect.iscoroutinefunction(function) else call


def _nothing() -> None:
    """Is done at the other moment."""
