"""Loops that survive a restart: `for item in self.iterate(items)` in a flow.

A loop moves in memory; where it is gets recorded at the end of the pass or command, like everything that a pass does.
So a pass that a blocking call unwinds records the item it was at, and a loop that a pass goes through from begin to end
records nothing but that.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from flowrpc.component.framework_vars import framework_dict
from flowrpc.errors import ComponentError
from flowrpc.state.flow_calls import ITERATIONS

if TYPE_CHECKING:
    from flowrpc.component.component import Component
    from flowrpc.component.flow import LightningFlow

MAX_LOOPS = 10_000
"""So many loops a flow may keep; inner loops of items that are done are not kept."""


class Position(NamedTuple):
    """Where a loop is."""

    counter: int
    """The index of the item in progress; how many there were, if it has finished."""
    has_finished: bool


class Loops:
    """The loops of a flow in the transition that runs now."""

    def __init__(self) -> None:
        self.moved: dict[str, Position | None] = {}
        """Positions that are not recorded yet; None is to be forgotten."""
        self.open: list[OpenLoop] = []
        """Loops whose body runs, the innermost last."""


class OpenLoop:
    """A loop whose body runs."""

    __slots__ = ("index", "inner", "key")

    def __init__(self, key: str) -> None:
        self.key = key
        self.index = 0
        self.inner: dict[tuple[LightningFlow, str], None] = {}
        """Loops that began while the item was in progress."""


def begin_loop(flow: LightningFlow, items: Iterable[Any], site: str, *, run_once: bool) -> Iterator[Any]:
    """Begins a loop, or goes on with it.

    Raises:
        TypeError: There is nothing to iterate over.
    """
    try:
        iterator = iter(items)
    except TypeError:
        raise TypeError(f"{flow.name}.iterate: needs an iterable, found {items!r}") from None
    around = _loops_around(flow)
    key = "/".join([*(f"{loop.key}[{loop.index}]" for loop in around[-1:]), site])
    for loop in around:
        loop.inner[(flow, key)] = None
    return _items(flow, iterator, key, run_once=run_once)


def _items(flow: LightningFlow, items: Iterator[Any], key: str, *, run_once: bool) -> Iterator[Any]:
    position = _position(flow, key)
    if position.has_finished and run_once:
        return
    begin = 0 if position.has_finished else position.counter
    loop, loops = OpenLoop(key), loops_of(flow)
    loops.open.append(loop)
    try:
        _move(flow, key, Position(begin, has_finished=False))
        for index, item in enumerate(items):
            if index < begin:
                continue
            loop.index = index
            calls = flow._context.calls_passed() if flow._context is not None else 0
            yield item
            if loop not in loops.open:
                raise ComponentError(
                    f"{flow.name}.iterate: the loop goes on after its pass has ended; begin it in each pass anew"
                )
            _forget_inner(loop)
            if flow._context is not None:
                flow._context.consume_calls(calls)
            begin = index + 1
            _move(flow, key, Position(begin, has_finished=False))
        _move(flow, key, Position(begin, has_finished=True))
    finally:
        if loop in loops.open:
            loops.open.remove(loop)


def loops_of(flow: Component) -> Loops:
    """Returns the loops of a flow."""
    loops: Loops | None = flow.__dict__.get("_loops")
    if loops is None:
        loops = flow.__dict__["_loops"] = Loops()
    return loops


def record(flow: LightningFlow) -> None:
    """Records where the loops of a flow are, at the end of a transition."""
    loops = loops_of(flow)
    loops.open.clear()
    for key, position in loops.moved.items():
        kept: Any = flow.__dict__.get(ITERATIONS, {})
        if position is None:
            if key in kept:
                del kept[key]
        elif kept.get(key) != position._asdict():
            framework_dict(flow, ITERATIONS)[key] = position._asdict()
    loops.moved.clear()


def discard(flow: LightningFlow) -> None:
    """Forgets how the loops of a flow moved in a transition that is undone."""
    loops = loops_of(flow)
    loops.open.clear()
    loops.moved.clear()


def _loops_around(flow: LightningFlow) -> list[OpenLoop]:
    """Returns the loops whose bodies the flow runs in, its own and those of the flows it is in; the innermost last."""
    lineage: list[Component] = [flow]
    while (parent := lineage[-1]._parent) is not None:
        lineage.append(parent)
    return [loop for component in reversed(lineage) for loop in _open(component)]


def _open(component: Component) -> list[OpenLoop]:
    loops: Loops | None = component.__dict__.get("_loops")
    return loops.open if loops is not None else []


def _position(flow: LightningFlow, key: str) -> Position:
    moved = loops_of(flow).moved
    if key in moved:
        return moved[key] or Position(0, has_finished=False)
    kept: Any = flow.__dict__.get(ITERATIONS, {}).get(key)
    return Position(**kept) if kept is not None else Position(0, has_finished=False)


def _move(flow: LightningFlow, key: str, position: Position | None) -> None:
    loops = loops_of(flow)
    loops.moved[key] = position
    if flow._context is not None:
        flow._context.iterated(flow)
    else:
        _record_at_once(flow, loops)
    _check_room(flow)


def _record_at_once(flow: LightningFlow, loops: Loops) -> None:
    """Records a move of a flow that is in no app, and so in no transition that ends."""
    still_open = list(loops.open)
    record(flow)
    loops.open[:] = still_open


def _forget_inner(loop: OpenLoop) -> None:
    """Forgets the loops inside of an item that is done."""
    for flow, key in loop.inner:
        _move(flow, key, None)
    loop.inner.clear()


def _check_room(flow: LightningFlow) -> None:
    if len(flow.__dict__.get(ITERATIONS, ())) > MAX_LOOPS:
        raise ComponentError(
            f"{flow.name} keeps more than {MAX_LOOPS} loops; a user_key that is never the same makes new ones"
        )
