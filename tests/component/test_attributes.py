from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import Any

import pytest
from flowrpc.component import Dict, LightningFlow, LightningWork, List
from flowrpc.errors import AttributeRuleError, ComponentError, InvalidValueError, TreeError
from flowrpc.state import MAX_DEPTH, MAX_VALUE_BYTES

from tests.component.doubles import Leaf, Root


class Counter(LightningFlow):
    def __init__(self, **vars: Any) -> None:
        super().__init__()
        self.count = 0
        self.items: Any = []
        for name, value in vars.items():
            setattr(self, name, value)


def _nested(depth: int) -> Any:
    value: Any = []
    for _ in range(depth - 1):
        value = [value]
    return value


def _in_itself() -> Any:
    value: list[Any] = [1]
    value.append({"k": value})
    return value


class _Plain(Enum):
    A = 1


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (b"x", r"root\.items: bytes is not a type .* write value\.decode\(\)"),
        ({1, 2}, r"root\.items: set is not .* write sorted\(value\)"),
        (object(), r"root\.items: object is not .* begins with `_`"),
        (_Plain.A, r"root\.items: .*_Plain is not .* write value\.value"),
        ([1, {"a": [b"x"]}], r"root\.items\[1\]\['a'\]\[0\]: bytes is not"),
        (math.nan, r"root\.items: nan is no number"),
        ([math.inf], r"root\.items\[0\]: inf is no number"),
        ({1: 2}, r"root\.items\[1\]: int keys turn into text in JSON; write str\(key\)"),
        ({(1, 2): 3}, r"keys must be str, not tuple"),
        (10**4000, r"root\.items: the int has more than 4000 digits"),
        ("a\ud800", r"root\.items: the text has a lone surrogate at index 1"),
        ({"\udfff": 1}, r"lone surrogate at index 0"),
        (_nested(MAX_DEPTH + 1), r"containers nest deeper than"),
        (_in_itself(), r"root\.items\[1\]\['k'\]: contains itself; write a copy"),
        ("x" * (MAX_VALUE_BYTES + 1), r"root\.items: the value is larger than"),
        (["y" * 1024] * 4096, r"root\.items.*: the value is larger than"),
    ],
)
def test_what_is_no_value_is_refused_with_its_place(value: Any, message: str) -> None:
    flow = Counter()
    with pytest.raises(InvalidValueError, match=f"^{message}" if message.startswith("root") else message):
        flow.items = value
    assert flow.items == []


def test_the_message_names_the_component_in_the_tree() -> None:
    root = Root()
    with pytest.raises(AttributeError, match=r"^root\.table\.b\.leaf\.found: bytes"):
        root.table["b"].leaf.found = b"x"


@pytest.mark.parametrize(
    "value", [2**63, -(2**63) - 1, 10**3999, _nested(MAX_DEPTH), "\U0001f600", -0.0, None]
)
def test_values_at_the_edge_are_kept_as_they_are(value: Any) -> None:
    flow = Counter()
    flow.items = value
    assert flow.items == value
    assert type(flow.items) is type(value) or isinstance(flow.items, list)


def test_tuples_become_lists() -> None:
    flow = Counter(pair=(1, (2, 3)))
    assert flow.state["vars"]["pair"] == [1, [2, 3]]


def test_kinds_of_numbers_stay_apart() -> None:
    flow = Counter(number=1)
    for value in (True, 1.0, 1, -0.0, 0.0, 0, False):
        flow.number = value
        assert repr(flow.state["vars"]["number"]) == repr(value)


def test_values_go_in_as_copies() -> None:
    mine = [1]
    flow = Counter(other=None)
    flow.items = mine
    flow.other = flow.items
    mine.append(2)
    flow.items.append(3)
    assert (flow.items, flow.other) == ([1, 3], [1])  # type: ignore[attr-defined]


def test_nested_mutation_is_checked_like_assignment() -> None:
    flow = Counter(table={"rows": [[1]]})
    with pytest.raises(InvalidValueError, match=r"root\.table\['rows'\]\[0\]\[1\]: set is not"):
        flow.table["rows"][0].append({1})  # type: ignore[attr-defined]
    flow.table["rows"][0] += [2]  # type: ignore[attr-defined]
    assert flow.state["vars"]["table"] == {"rows": [[1, 2]]}


def test_a_list_grows_by_augmented_assignment() -> None:
    flow = Counter()
    flow.items += [1]
    same = flow.items
    flow.items += [2]
    assert flow.items is same
    assert flow.items == [1, 2]


def test_vars_are_defined_in_init_only() -> None:
    flow = Counter()
    with pytest.raises(
        AttributeRuleError, match=r"not defined in __init__: cuont\. Define root\.cuont in __init__"
    ):
        flow.cuont = 1
    assert "cuont" not in flow.__dict__


@pytest.mark.parametrize(
    ("name", "message"), [("run", "Counter has its own run"), ("a b", "no attribute name")]
)
def test_a_name_that_no_var_can_have_is_told_so_outside_init(name: str, message: str) -> None:
    with pytest.raises(AttributeRuleError, match=message):
        setattr(Counter(), name, 1)


def test_vars_may_be_defined_in_what_init_calls() -> None:
    class Helped(LightningFlow):
        def __init__(self) -> None:
            self._define()

        def _define(self) -> None:
            self.count = 3

    flow = Helped()
    with pytest.raises(AttributeRuleError):
        flow.other = 1
    assert flow.state["vars"] == {"count": 3}


def test_private_attributes_are_no_state_and_hold_anything() -> None:
    flow = Counter()
    flow._cache = {1, 2}
    assert "_cache" not in flow.state["vars"]
    del flow._cache  # type: ignore[attr-defined]
    assert not hasattr(flow, "_cache")


@pytest.mark.parametrize("name", ["_log", "_name", "_children", "_walk", "_parallel", "_executing"])
def test_private_names_of_the_framework_are_reserved(name: str) -> None:
    work = Leaf()
    with pytest.raises(AttributeRuleError, match=rf"root\.{name}: the name is reserved"):
        setattr(work, name, 1)
    with pytest.raises(AttributeRuleError, match="reserved"):
        delattr(work, name)


@pytest.mark.parametrize("name", ["_log", "_record", "_walk", "name", "KIND"])
def test_a_class_cannot_redefine_what_the_framework_relies_on(name: str) -> None:
    broken = type("Broken", (LightningFlow,), {name: "mine"})
    with pytest.raises(ComponentError, match=f"the class Broken defines {name}, which flowrpc uses"):
        broken()


def test_a_dataclass_flow_must_keep_identity() -> None:
    @dataclass
    class Compared(LightningFlow):
        count: int = 0

    with pytest.raises(ComponentError, match="a component equals only itself"):
        Compared()


def test_a_dataclass_without_eq_is_a_fine_flow() -> None:
    @dataclass(eq=False)
    class Settings(LightningFlow):
        count: int = 3

    assert Settings(4).state["vars"] == {"count": 4}


def test_abstract_classes_may_be_mixed_in() -> None:
    class Abstract(LightningFlow, ABC):
        @abstractmethod
        def run(self) -> None: ...

    class Concrete(Abstract):
        def run(self) -> None:
            """Does nothing."""

    assert Concrete().name == "root"
    with pytest.raises(TypeError, match="abstract"):
        Abstract()  # type: ignore[abstract]


@pytest.mark.parametrize("name", ["run", "stop", "fail", "works", "set_state", "configure_commands", "KIND"])
def test_names_of_methods_are_reserved_in_flows(name: str) -> None:
    for value in (5, Leaf()):
        with pytest.raises(
            AttributeRuleError, match=rf"root\.{name}: the name is reserved, Counter has its own"
        ):
            Counter(**{name: value})


@pytest.mark.parametrize("name", ["state", "name", "flows"])
@pytest.mark.parametrize("value", [5, Leaf()])
def test_names_of_properties_are_reserved(name: str, value: Any) -> None:
    with pytest.raises(AttributeRuleError, match=rf"root\.{name}: the name is reserved for a property"):
        Counter(**{name: value})


@pytest.mark.parametrize(
    ("name", "message"),
    [("run", "method of its class"), ("stop", "has its own stop"), ("status", "reserved for a property")],
)
def test_names_of_works_are_reserved(name: str, message: str) -> None:
    with pytest.raises(AttributeRuleError, match=message):
        setattr(Leaf(), name, 5) if name == "run" else type(
            "W", (LightningWork,), {"run": lambda self: None, "__init__": lambda self: setattr(self, name, 5)}
        )()


@pytest.mark.parametrize("name", ["a b", "", "1x", "a.b"])
def test_names_that_python_cannot_read_back_are_refused(name: str) -> None:
    with pytest.raises(AttributeRuleError, match="no attribute name"):
        Counter(**{name: 1})


@pytest.mark.parametrize("structure", [List(), Dict()])
@pytest.mark.parametrize("value", [5, Leaf()])
def test_structures_have_no_attributes(structure: Any, value: Any) -> None:
    with pytest.raises(AttributeRuleError, match="holds components and has no attributes"):
        structure.extra = value
    assert len(structure) == 0


def test_state_attributes_cannot_be_deleted() -> None:
    root = Root()
    for name in ("count", "branch", "nothing"):
        with pytest.raises(AttributeRuleError, match=rf"root\.{name}: .* set None instead"):
            delattr(root, name)
    assert root.count == 0


def test_a_flow_that_forgets_super_init_works() -> None:
    class Forgetful(LightningFlow):
        def __init__(self) -> None:
            self.names: list[str] = []

        def run(self) -> None:
            self.names.append("x")

    flow = Forgetful()
    flow.run()
    assert flow.state["vars"] == {"names": ["x"]}


def test_a_work_that_forgets_super_init_has_the_defaults() -> None:
    class Forgetful(LightningWork):
        def __init__(self) -> None:
            self.count = 0

        def run(self) -> None:
            self.count += 1

    work = Forgetful()
    work.run()
    work.run()
    assert (work.count, work.parallel, work.cache_calls, work.raise_exception) == (1, False, True, True)


def test_setters_of_properties_are_called() -> None:
    class Celsius(LightningFlow):
        def __init__(self) -> None:
            self.kelvin = 0.0

        @property
        def celsius(self) -> float:
            return self.kelvin - 273.15

        @celsius.setter
        def celsius(self, value: float) -> None:
            self.kelvin = value + 273.15

        @property
        def fixed(self) -> int:
            return 1

        @cached_property
        def once(self) -> object:
            return object()

    flow = Celsius()
    flow.celsius = 0.0
    assert flow.once is flow.once
    assert flow.state["vars"] == {"kelvin": 273.15}
    with pytest.raises(
        AttributeRuleError, match=r"root\.fixed: the name is reserved for a property of Celsius"
    ):
        flow.fixed = 2  # type: ignore[misc]


def test_a_mixed_list_or_dict_is_refused_clearly() -> None:
    flow = Counter()
    for value, kind in (([Leaf(), 5], "int"), ([5, Leaf()], "int"), ({"a": Leaf(), "b": "x"}, "str")):
        with pytest.raises(TreeError, match=rf"^root\.items: mixes components with {kind}; .*write List"):
            flow.items = value
    assert flow.state["vars"]["items"] == []
