"""docs/reference/clients.md: each row of its tables is so; `test_python.py` runs its example."""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import enum
import re
import typing
from pathlib import Path
from typing import Any

import pytest
from flowrpc.cli.client import LANGUAGES
from flowrpc.clients import go, typescript
from flowrpc.clients.annotation import annotation
from flowrpc.clients.java import java_package
from flowrpc.clients.python import python_package
from flowrpc.clients.rust import rust_package

from tests.clients.offered import built
from tests.contract.offering import contract_of, offering

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "clients.md").read_text()
LANGUAGE_ROWS = re.findall(r"^\| `(\w+)` \| .* \| (.*) \|$", PAGE, re.MULTILINE)
TYPE_ROWS = re.findall(r"^\| `([^`]+)` \| `([^`]+)` \|$", PAGE, re.MULTILINE)
TOOLS = {"go": go._TOOLS, "typescript": typescript._TOOLS}


@dataclasses.dataclass
class Item:
    sku: str


class Color(enum.Enum):
    RED = 1


NAMES = {**vars(typing), **vars(datetime), "Decimal": decimal.Decimal, "Item": Item, "Color": Color}


def test_every_language_is_told_with_its_tools() -> None:
    told = {lang: re.findall(r"`([^`]+)`", tools) for lang, tools in LANGUAGE_ROWS}
    assert told == {lang: [tool.name for tool in TOOLS.get(lang, ())] for lang in LANGUAGES}


def test_what_is_written_once_is_told() -> None:
    seeds = {*python_package(built()).seeds, *java_package(built()).seeds, *rust_package(built()).seeds}
    assert all(f"`{name}`" in PAGE for name in {*seeds, "go.mod", "package.json", "tsconfig.json"})


def test_the_table_of_types_has_rows() -> None:
    assert len(TYPE_ROWS) > 15


@pytest.mark.parametrize(("app", "client"), TYPE_ROWS)
def test_a_type_is_what_the_row_says(app: str, client: str) -> None:
    def call(value: Any) -> None:
        raise NotImplementedError

    call.__annotations__ = {"value": eval(app.replace("\\|", "|"), dict(NAMES))}
    contract = contract_of(offering({"call": call}))
    field, _ = contract.messages["CallRequest"].fields
    written = annotation(field.shape).replace("_datetime.", "datetime.").replace("_Any", "Any")
    assert written == client.replace("\\|", "|")


def test_names_that_hide_builtins_are_told_apart() -> None:
    def call(list: int, int: str) -> None:
        raise NotImplementedError

    contract = contract_of(offering({"call": call}))
    first, second, _ = contract.messages["CallRequest"].fields
    shapes = [annotation(one.shape, prefix="_builtins.") for one in (first, second)]
    assert shapes == ["_builtins.int", "_builtins.str"]
