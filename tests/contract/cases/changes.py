"""Changes of vars: what is there, what happens, and what comes of it."""

from __future__ import annotations

from typing import Any

from flowrpc.state.changes import Change, Remove, Set, Splice
from flowrpc.state.exact_json import to_json
from flowrpc.state.extension import Extension
from flowrpc.state.values import Value
from flowrpc.v1 import state_pb2 as pb
from flowrpc.v1 import value_pb2
from flowrpc.wire.changes import encode_changes

from tests.contract.cases.notation import base64_of, written_value

Vars = dict[str, Value]

_LIST: Vars = {"names": ["a", "b", "c"]}
_DICT: Vars = {"options": {"x": 1, "y": {"z": [1, 2]}}}

CASES: list[tuple[str, Vars, Change, Vars]] = [
    ("null, flat", {"a": 1}, Set(("a",), None), {"a": None}),
    ("a truth value, flat", {"a": 1}, Set(("a",), True), {"a": True}),
    ("an int, flat", {"a": 1}, Set(("a",), -(2**63)), {"a": -(2**63)}),
    ("a double, flat", {"a": 1}, Set(("a",), -0.0), {"a": -0.0}),
    ("text, flat", {"a": 1}, Set(("a",), "\U0001f600"), {"a": "\U0001f600"}),
    ("zero, false and empty text are values", {"a": 1}, Set(("a",), 0), {"a": 0}),
    ("false is a value", {"a": 1}, Set(("a",), False), {"a": False}),
    ("empty text is a value", {"a": 1}, Set(("a",), ""), {"a": ""}),
    ("an int beyond 64 bits", {"a": 1}, Set(("a",), 2**64), {"a": 2**64}),
    ("a list", {"a": 1}, Set(("a",), []), {"a": []}),
    ("an extension", {"a": 1}, Set(("a",), Extension("point", 1)), {"a": Extension("point", 1)}),
    ("a new var comes last", {"b": 1}, Set(("a",), 2), {"b": 1, "a": 2}),
    ("a var that is set stays where it is", {"b": 1, "a": 2}, Set(("b",), 3), {"b": 3, "a": 2}),
    ("a var is removed", {"b": 1, "a": 2}, Remove(("b",)), {"a": 2}),
    ("an item is set", _LIST, Set(("names", 1), "x"), {"names": ["a", "x", "c"]}),
    ("an entry is set", _DICT, Set(("options", "x"), 2), {"options": {"x": 2, "y": {"z": [1, 2]}}}),
    (
        "a new entry comes last",
        _DICT,
        Set(("options", "a"), {}),
        {"options": {"x": 1, "y": {"z": [1, 2]}, "a": {}}},
    ),
    ("an entry is removed", _DICT, Remove(("options", "x")), {"options": {"y": {"z": [1, 2]}}}),
    ("a key that is empty", {"d": {"": 1}}, Set(("d", ""), 2), {"d": {"": 2}}),
    ("a key that is a number's text", {"d": {"0": 1}}, Set(("d", "0"), 2), {"d": {"0": 2}}),
    (
        "deep inside",
        _DICT,
        Set(("options", "y", "z", 0), "deep"),
        {"options": {"x": 1, "y": {"z": ["deep", 2]}}},
    ),
    ("items are put at the end", _LIST, Splice(("names",), 3, 0, ["d"]), {"names": ["a", "b", "c", "d"]}),
    (
        "items are put in between",
        _LIST,
        Splice(("names",), 1, 0, [1, [2]]),
        {"names": ["a", 1, [2], "b", "c"]},
    ),
    ("items are taken out", _LIST, Splice(("names",), 0, 2, []), {"names": ["c"]}),
    ("items are replaced", _LIST, Splice(("names",), 1, 1, ["x", "y"]), {"names": ["a", "x", "y", "c"]}),
    ("all items are replaced", _LIST, Splice(("names",), 0, 3, [None]), {"names": [None]}),
    ("nothing is spliced", _LIST, Splice(("names",), 3, 0, []), _LIST),
    (
        "a splice deep inside",
        _DICT,
        Splice(("options", "y", "z"), 2, 0, [3]),
        {"options": {"x": 1, "y": {"z": [1, 2, 3]}}},
    ),
]


def _scalar_in_value() -> pb.Change:
    return pb.Change(var="a", value=value_pb2.Value(int_value=7))


def _change(*steps: str | int, **operation: Any) -> pb.Change:
    made = [pb.PathStep(key=step) if isinstance(step, str) else pb.PathStep(index=step) for step in steps]
    return pb.Change(var="a", steps=made, **(operation or {"integer": 1}))


def _splice(start: int, count: int) -> pb.Splice:
    return pb.Splice(start=start, delete_count=count)


_NO_KIND = value_pb2.Value()
REFUSED: list[tuple[str, Vars, pb.Change]] = [
    ("no var", {"a": 1}, pb.Change(integer=1)),
    ("no operation", {"a": 1}, pb.Change(var="a")),
    ("a step that goes nowhere", {"a": {}}, pb.Change(var="a", steps=[pb.PathStep()], integer=1)),
    ("a negative index", {"a": [1]}, _change(-1)),
    ("an index past the end", {"a": [1]}, _change(1)),
    ("an index into a map", {"a": {"0": 1}}, _change(0)),
    ("a key of a list", {"a": [1]}, _change("0")),
    ("a step into a scalar", {"a": 1}, _change("x")),
    ("a step into text", {"a": "text"}, _change(0)),
    ("a way through a key that is missing", {"a": {}}, _change("x", "y")),
    ("a var that is missing", {"b": {}}, _change("x")),
    ("removing a key that is missing", {"a": {}}, _change("x", remove={})),
    ("removing a var that is missing", {"b": 1}, _change(remove={})),
    ("removing an item of a list", {"a": [1]}, _change(0, remove={})),
    ("splicing a map", {"a": {}}, _change(splice=_splice(0, 0))),
    ("splicing a scalar", {"a": 1}, _change(splice=_splice(0, 0))),
    ("splicing past the end", {"a": [1]}, _change(splice=_splice(1, 1))),
    ("splicing after the end", {"a": [1]}, _change(splice=_splice(2, 0))),
    ("splicing from a negative start", {"a": [1]}, _change(splice=_splice(-1, 1))),
    ("splicing a negative count", {"a": [1]}, _change(splice=_splice(1, -1))),
    ("splicing sums that overflow", {"a": [1]}, _change(splice=_splice(1, 2**63 - 1))),
    ("a value of no kind", {"a": 1}, _change(value=_NO_KIND)),
    ("a number that is none", {"a": 1}, _change(number=float("nan"))),
    ("an item of no kind", {"a": []}, _change(splice=pb.Splice(insert=[_NO_KIND]))),
]


def plain() -> dict[str, Any]:
    """Makes what `changes.json` holds."""
    cases = [
        _case(name, before, encode_changes([change])[0], _meaning(change), after)
        for name, before, change, after in CASES
    ]
    cases.append(
        _case(
            "a scalar that is sent as a value",
            {"a": 1},
            _scalar_in_value(),
            {"set": ["a"], "value": 7},
            {"a": 7},
        )
    )
    refused = [
        {"name": name, "before": written_value(before), "message": base64_of(message)}
        for name, before, message in REFUSED
    ]
    return {"cases": cases, "refused": refused}


def _case(
    name: str, before: Vars, message: pb.Change, meaning: dict[str, Any], after: Vars
) -> dict[str, Any]:
    return {
        "name": name,
        "before": written_value(before),
        "message": base64_of(message),
        "change": meaning,
        "after": written_value(after),
    }


def _meaning(change: Change) -> dict[str, Any]:
    path = list(change.path)
    if isinstance(change, Set):
        return {"set": path, "value": to_json(change.value, safe_ints=True)}
    if isinstance(change, Remove):
        return {"remove": path}
    insert = [to_json(item, safe_ints=True) for item in change.insert]
    return {"splice": path, "start": change.start, "delete": change.delete_count, "insert": insert}
