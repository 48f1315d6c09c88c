"""Changes ⇄ `flowrpc.v1.Change`: the hot path of every work that sets its vars.

A top-level set of a scalar costs about a microsecond here, so this file is written for the interpreter where
a plainer way is slower.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from google.protobuf.struct_pb2 import NULL_VALUE

from flowrpc.errors import InvalidChangeError
from flowrpc.state.changes import Change, Path, Remove, Set, Splice, format_path
from flowrpc.state.values import Value, copy_value, is_plain_scalar
from flowrpc.v1 import state_pb2
from flowrpc.wire.values import INT64_MAX, INT64_MIN, decode_inserted, decode_value, fill_items, fill_value


def encode_changes(changes: Iterable[Change]) -> list[state_pb2.Change]:
    """Makes messages of changes, in their order."""
    messages: list[state_pb2.Change] = []
    for change in changes:
        message = state_pb2.Change()
        fill_change(message, change)
        messages.append(message)
    return messages


def fill_changes(messages: Any, changes: Iterable[Change]) -> None:
    """Appends changes to a repeated field of `Change`, in their order."""
    add = messages.add
    for change in changes:
        fill_change(add(), change)


def fill_change(message: state_pb2.Change, change: Change) -> None:
    """Writes a change into an empty message."""
    path = change[0]
    message.var = path[0]  # type: ignore[assignment]  # the first step is a var's name
    if len(path) > 1:
        _fill_steps(message, path)
    if type(change) is Set:
        _fill_set(message, change[1])
    elif type(change) is Splice:
        _fill_splice(message.splice, change)
    else:
        message.remove.SetInParent()


def decode_changes(messages: Iterable[state_pb2.Change], place: str) -> tuple[Change, ...]:
    """Makes changes of messages, in their order; see `decode_change`."""
    return tuple([decode_change(message, place) for message in messages])


def decode_change(message: state_pb2.Change, place: str) -> Change:
    """Makes a change of a message.

    Args:
        message: What came over the wire.
        place: Full name of the component, for the error.

    Raises:
        InvalidValueError: It carries a value that is none.
        InvalidChangeError: It names no var or no operation, or a step, index or count is impossible.
    """
    var = message.var
    path: Path = (var, *[_decode_step(step, var) for step in message.steps]) if message.steps else (var,)
    kind = message.WhichOneof("operation")
    if not var:
        raise InvalidChangeError("changes", "one names no var; set `Change.var`")
    if kind is None:
        raise InvalidChangeError(format_path(path), "has no operation that this version knows; set one")
    read = _SCALARS.get(kind)
    if read is None:
        return _OPERATIONS[kind](message, path, place)
    value = read(message)
    return Set(path, value if is_plain_scalar(value) else copy_value(value, f"{place}.{format_path(path)}"))


def _fill_steps(message: state_pb2.Change, path: Path) -> None:
    add = message.steps.add
    for step in path[1:]:
        if isinstance(step, str):
            add().key = step
        else:
            add().index = step


def _fill_set(message: state_pb2.Change, value: Value) -> None:
    kind = type(value)
    if kind is int and INT64_MIN <= value <= INT64_MAX:  # type: ignore[operator]
        message.integer = value  # type: ignore[assignment]
    elif kind is str:
        message.text = value  # type: ignore[assignment]
    elif kind is float:
        message.number = value  # type: ignore[assignment]
    elif kind is bool:
        message.flag = value  # type: ignore[assignment]
    elif value is None:
        message.null = NULL_VALUE
    else:
        fill_value(message.value, value)


def _fill_splice(message: state_pb2.Splice, splice: Splice) -> None:
    message.SetInParent()
    message.start = splice.start
    message.delete_count = splice.delete_count
    fill_items(message.insert, splice.insert)


def _decode_step(step: state_pb2.PathStep, var: str) -> str | int:
    kind = step.WhichOneof("step")
    if kind == "key":
        return step.key
    if kind is None:
        raise InvalidChangeError(var, "a step into it has neither key nor index; set one")
    if step.index < 0:
        raise InvalidChangeError(var, f"a step into it has the index {step.index}; count from 0")
    return step.index


def _decode_set(message: state_pb2.Change, path: Path, place: str) -> Set:
    return Set(
        path, decode_value(message.value, f"{place}.{format_path(path)}", depth=len(path) - 1, grown=True)
    )


def _decode_remove(message: state_pb2.Change, path: Path, place: str) -> Remove:
    return Remove(path)


def _decode_splice(message: state_pb2.Change, path: Path, place: str) -> Splice:
    splice = message.splice
    if splice.start < 0 or splice.delete_count < 0:
        problem = f"a splice takes {splice.delete_count} items at {splice.start}; neither may be negative"
        raise InvalidChangeError(format_path(path), problem)
    here = f"{place}.{format_path(path)}"
    insert = decode_inserted(splice.insert, here, first=splice.start, depth=len(path))
    return Splice(path, splice.start, splice.delete_count, insert)


_SCALARS: dict[str, Callable[[state_pb2.Change], Value]] = {
    "null": lambda message: None,
    "flag": lambda message: message.flag,
    "integer": lambda message: message.integer,
    "number": lambda message: message.number,
    "text": lambda message: message.text,
}

_OPERATIONS: dict[str, Callable[[state_pb2.Change, Path, str], Change]] = {
    "value": _decode_set,
    "remove": _decode_remove,
    "splice": _decode_splice,
}
