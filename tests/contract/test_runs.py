"""Runs of works: their arguments have the types of `run`, and numbers of the lock."""

from __future__ import annotations

from typing import Any

import pytest
from flowrpc import LightningFlow, LightningWork, components
from flowrpc.contract.annotations import Definitions
from flowrpc.contract.building import Built, build
from flowrpc.contract.lock import Lock, written_type
from flowrpc.contract.lowering import lowered
from flowrpc.contract.runs import run_field, run_parameters, run_value
from flowrpc.contract.shape import FieldShape
from flowrpc.errors import ContractError
from flowrpc.flow_service.catalogue import Catalogue
from flowrpc.state.records import Run, RunStatus
from flowrpc.storage import Path as SharedPath

from tests.contract.offering import Shop, contract_of


def work_of(run: Any) -> type[LightningWork]:
    """Makes a class of works with a `run`."""
    return type("Job", (LightningWork,), {"run": run, "__module__": __name__})


def root_of(run: Any) -> LightningFlow:
    class Root(LightningFlow):
        def __init__(self) -> None:
            self.job = work_of(run)()

    return Root()


def built_of(run: Any, before: Lock | None = None) -> Built:
    root = root_of(run)
    return build(root, Catalogue(root).commands(), "shop.v1", before)


def parameters_of(run: Any) -> tuple[FieldShape, ...]:
    contract = contract_of(root_of(run))
    return run_parameters(contract, contract.services["RootService"])["root.job"]


def types_of(run: Any) -> dict[str, str]:
    fields = lowered(contract_of(root_of(run)))["JobRun"].fields
    return {one.name: written_type(one) for one in fields}


def test_the_parameters_of_run_are_fields() -> None:
    messages = lowered(contract_of(Shop()))
    assert [one.name for one in messages["JobState"].fields] == ["progress", "best", "run"]
    assert [one.name for one in messages["JobLatestRun"].fields] == ["run_id", "status", "arguments"]
    assert [(one.name, written_type(one)) for one in messages["JobRun"].fields] == [
        ("rate", "optional double"),
        ("steps", "optional int64"),
    ]


def every_kind(
    self: Any, a: int, /, b: str = "x", *more: int, c: Any, path: SharedPath, **rest: float
) -> None:
    raise NotImplementedError


def test_every_kind_of_parameter_has_a_type() -> None:
    assert types_of(every_kind) == {
        "a": "optional int64",
        "b": "optional string",
        "more": "repeated int64",
        "c": "flowrpc.v1.Value",
        "path": "flowrpc.v1.Value",
        "rest": "map<string, double>",
    }


@pytest.mark.parametrize(
    ("args", "kwargs", "expected"),
    [
        ((1,), {"c": 2}, {"a": 1, "c": 2}),
        ((1, "y", 3, 4), {"c": None}, {"a": 1, "b": "y", "more": [3, 4], "c": None}),
        ((1,), {"b": "z", "d": 1.5}, {"a": 1, "b": "z", "rest": {"d": 1.5}}),
        ((), {}, {}),
    ],
)
def test_arguments_get_their_parameters(
    args: tuple[Any, ...], kwargs: dict[str, Any], expected: dict[str, Any]
) -> None:
    run = Run(run_id="r", work="root.job", call_key="k", args=args, kwargs=kwargs, status=RunStatus.SUCCEEDED)
    told = run_value(run, parameters_of(every_kind))
    assert told == {"run_id": "r", "status": "succeeded", "arguments": expected}


def test_arguments_of_an_earlier_run_method_that_have_no_parameter_are_left_out() -> None:
    def now(self: Any, b: int = 1) -> None:
        raise NotImplementedError

    run = Run(run_id="r", work="root.job", call_key="k", args=(1, 2), kwargs={"gone": 3})
    assert run_value(run, parameters_of(now))["arguments"] == {"b": 1}


def test_a_parameter_keeps_its_number_and_one_that_is_gone_breaks() -> None:
    def before(self: Any, a: int, b: int = 1) -> None:
        raise NotImplementedError

    def reordered(self: Any, c: str, b: int = 1, a: int = 2) -> None:
        raise NotImplementedError

    def without(self: Any, b: str) -> None:
        raise NotImplementedError

    first = built_of(before)
    second = built_of(reordered, first.lock)
    assert second.breaks == []
    numbers = {name: one.number for name, one in second.lock.messages["JobRun"].fields.items()}
    assert numbers == {"a": 1, "b": 2, "c": 3}
    broken = built_of(without, first.lock).breaks
    assert [(one.place, one.change) for one in broken] == [
        ("JobRun.a", "is gone"),
        ("JobRun.b", "was optional int64 and is optional string"),
    ]


def test_a_type_that_cannot_be_mapped_is_refused_by_place() -> None:
    def run(self: Any, names: set[int]) -> None:
        raise NotImplementedError

    with pytest.raises(ContractError) as caught:
        built_of(run)
    assert str(caught.value).startswith("Job.run.names: is annotated with set[int]")
    assert "write list[...]" in str(caught.value)


@pytest.mark.parametrize("name", ["PythonServer", "PopenPythonScript", "TracerPythonScript"])
def test_a_work_that_is_ready_made_has_types(name: str) -> None:
    definitions = Definitions()
    run_field(getattr(components, name), definitions)
    assert definitions.messages.keys() >= {f"{name}Run", f"{name}LatestRun"}
