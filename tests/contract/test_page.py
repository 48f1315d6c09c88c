"""The reference page: its app has the contract that it shows, and each row of its table is so."""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import enum
import re
import typing
import uuid
from pathlib import Path
from typing import Any

import pytest
from flowrpc import LightningFlow, LightningWork
from flowrpc.contract.lock import written_type
from flowrpc.contract.lowering import lowered

from tests.contract.offering import contract_of, numbered, offering
from tests.end_to_end.conftest import flowctl

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "contract.md").read_text()
ROWS = re.findall(r"^\| `(.+)` \| `(.+)` \|$", PAGE, re.MULTILINE)


@dataclasses.dataclass
class Item:
    sku: str


class Color(enum.Enum):
    RED = 1


NAMES = {
    **vars(typing),
    **vars(datetime),
    "UUID": uuid.UUID,
    "Decimal": decimal.Decimal,
    "Item": Item,
    "Color": Color,
}


def test_the_table_has_rows() -> None:
    assert len(ROWS) > 25


@pytest.mark.parametrize(("python", "proto"), ROWS)
def test_a_row_is_so(python: str, proto: str) -> None:
    def call(value: Any) -> None:
        raise NotImplementedError

    call.__annotations__ = {"value": eval(python.replace("\\|", "|"), dict(NAMES))}
    contract = contract_of(offering({"call": call}))
    (field, _) = lowered(contract)["CallRequest"].fields
    assert written_type(field) == proto
    numbered(contract)


@pytest.mark.parametrize(("python", "proto"), ROWS)
def test_a_row_is_so_of_what_a_work_is_called_with(python: str, proto: str) -> None:
    def run(self: Any, value: Any) -> None:
        raise NotImplementedError

    run.__annotations__ = {"value": eval(python.replace("\\|", "|"), dict(NAMES))}

    class Root(LightningFlow):
        def __init__(self) -> None:
            self.job = type("Job", (LightningWork,), {"run": run})()

    (field,) = lowered(contract_of(Root()))["JobRun"].fields
    # A Literal, which has no name, is named after its place.
    assert written_type(field) == proto.replace("CallValue", "JobRunValue")


def test_the_app_of_the_page_has_the_contract_that_it_shows(tmp_path: Path) -> None:
    source = re.search(r"```python\n(.*?)```", PAGE, re.DOTALL)
    shown = re.search(r"```proto\n(.*?)```", PAGE, re.DOTALL)
    assert source is not None
    assert shown is not None
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "app.py").write_text(source[1])
    for command in re.findall(r"^    flowctl (contract .*)$", PAGE, re.MULTILINE):
        told = flowctl(*command.split(), cwd=folder)
        assert told.returncode == 0, told.stderr
    text = (folder / "contract" / "shop" / "v1" / "app.proto").read_text()
    for line in filter(str.strip, shown[1].splitlines()):
        assert line in text
