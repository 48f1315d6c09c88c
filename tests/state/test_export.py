"""The export of a state: it reads back as it was, and what is wrong in one is named."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from flowrpc.errors import InvalidValueError
from flowrpc.state.export import StateExport, export_text, read_export
from flowrpc.state.records import ComponentKind, ComponentRecord, Recipe
from hypothesis import given
from hypothesis import strategies as st

from tests.wire.strategies import values

ROOT = ComponentRecord(name="root", kind=ComponentKind.FLOW, type="app:Root", vars={"a": 1, "_next": 2})
LIST = ComponentRecord(name="root.items", kind=ComponentKind.LIST, type="flowrpc:List", vars={"_next": 1})
ITEM = ComponentRecord(
    name="root.items.0",
    kind=ComponentKind.WORK,
    type="app:Job",
    vars={"z": None, "a": [1.0]},
    recipe=Recipe(type="app:Job", args=(1, "x"), kwargs={"at": {"$flowrpc": 1}}),
)
EXPORT = StateExport(
    components=(ROOT, LIST, ITEM),
    revision=12,
    exported_at=datetime(2026, 3, 1, 12, tzinfo=UTC),
    flowrpc_version="0.1.0",
)


def test_it_reads_back_as_it_was() -> None:
    found = read_export(export_text(EXPORT), "state.json")

    assert found == EXPORT
    assert [list(record.vars) for record in found.components] == [["a", "_next"], ["_next"], ["z", "a"]]


@given(st.dictionaries(st.sampled_from(["a", "b", "_c", "d"]), values), st.lists(values, max_size=2))
def test_vars_and_arguments_read_back_exactly(vars_: dict[str, Any], args: list[Any]) -> None:
    recipe = Recipe(type="app:Root", args=tuple(args), kwargs=vars_)
    record = ComponentRecord(name="root", kind=ComponentKind.FLOW, type="app:Root", vars=vars_, recipe=recipe)
    export = StateExport(components=(record,), revision=1, exported_at=EXPORT.exported_at, flowrpc_version="")
    text = export_text(export)

    assert export_text(read_export(text, "state.json")) == text
    assert repr(read_export(text, "state.json")) == repr(export)


def test_it_says_what_it_is() -> None:
    plain = json.loads(export_text(EXPORT))

    assert (plain["format"], plain["version"], plain["root_type"]) == ("flowrpc-state", 1, "app:Root")
    assert [component["name"] for component in plain["components"]] == ["root", "root.items", "root.items.0"]
    assert "recipe" not in plain["components"][0]


def change(way: list[Any], value: Any) -> Callable[[Any], None]:
    def apply(plain: Any) -> None:
        for step in way[:-1]:
            plain = plain[step]
        plain[way[-1]] = value

    return apply


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (
            change(["format"], "other"),
            "state.json: is no export of a state; `flowctl state export` writes one",
        ),
        (
            change(["version"], 2),
            "state.json: has version 2, this flowrpc reads up to 1: install a newer one",
        ),
        (change(["version"], True), "state.json: has the version True, which is none"),
        (change(["version"], 0), "state.json: has the version 0"),
        (change(["revision"], "1"), "state.json: revision: is missing or no int"),
        (change(["exported_at"], "today"), "state.json: exported_at: Invalid isoformat"),
        (change(["components"], {}), "state.json: components: is missing or no list"),
        (change(["components"], []), "components: are none"),
        (change(["components", 0], 5), r"components\[0\]: is an object with kind, name, recipe, type, vars"),
        (change(["components", 1, "recip"], {}), r"components\[1\]: has 'recip'; it may have"),
        (change(["components", 0, "name"], "top"), "top: the first component is the flow `root`"),
        (change(["components", 0, "kind"], "list"), "root: the first component is the flow `root`"),
        (change(["components", 1, "name"], "root"), "root: is there twice"),
        (
            change(["components", 2, "name"], "root.other.0"),
            "root.other.0: comes before the flow, List or Dict",
        ),
        (change(["components", 2, "name"], "root.items."), "root.items.: comes before"),
        (change(["components", 1, "kind"], "work"), "root.items.0: comes before the flow, List or Dict"),
        (
            change(["components", 1, "kind"], "tree"),
            "root.items: kind: 'tree' is none of flow, work, list, dict",
        ),
        (change(["components", 1, "kind"], []), "root.items: kind: "),
        (change(["components", 1, "type"], "List"), "root.items: type: 'List' is no class, which is written"),
        (change(["components", 0, "vars"], []), "root: vars: is missing or no dict"),
        (change(["components", 0, "vars", "not so"], 1), "root: 'not so' is no name of a var"),
        (change(["components", 2, "vars", "a", 0], 1e400), r"root.items.0.a\[0\]: inf is no number"),
        (
            change(["components", 2, "recipe"], [1]),
            "root.items.0: recipe: is an object with args, kwargs, type",
        ),
        (change(["components", 2, "recipe", "args"], 1), "root.items.0: recipe: args: is missing or no list"),
        (change(["components", 2, "recipe", "type"], ""), "root.items.0: recipe: type: '' is no class"),
        (
            change(["components", 2, "recipe", "kwargs", "at", "$flowrpc"], 1),
            r"recipe.kwargs\['at'\]: a value of",
        ),
    ],
)
def test_what_is_wrong_is_named(damage: Callable[[Any], None], message: str) -> None:
    plain = json.loads(export_text(EXPORT))
    damage(plain)

    with pytest.raises(InvalidValueError, match=message):
        read_export(json.dumps(plain), "state.json")


@pytest.mark.parametrize("text", ["[]", "5", "null", '"flowrpc-state"'])
def test_other_json_is_no_export(text: str) -> None:
    with pytest.raises(InvalidValueError, match="is no export of a state"):
        read_export(text, "state.json")
