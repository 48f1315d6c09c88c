"""docs/reference/README.md: it has every public name, and leads to rules and an example that ran."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import flowrpc
import pytest
from flowrpc import Dict, LightningApp, LightningFlow, LightningWork, List, components, testing

from tests.reference.pages import FOLDER, Section, section, sections
from tests.reference.test_pages import PAGES

TESTS = Path(__file__).parents[1]
CLASSES = (LightningFlow, LightningWork, LightningApp, List, Dict)
INSIDE = {"KIND"}
"""Public names that are no user's: a class cannot redefine them."""
OF_COMPONENTS = ("PopenPythonScript", "PythonServer", "Tracer", "TracerPythonScript")


class Entry(NamedTuple):
    """A row of the index."""

    names: list[str]
    links: list[tuple[str, str]]
    """Pages, and the anchors of sections in them."""


def entries(chapters: Iterator[Section]) -> list[Entry]:
    found = []
    for chapter in chapters:
        for line in re.findall(r"^\| ([^|]*`[^|]*) \|[^|]*\| (.*) \|$", chapter.text, re.MULTILINE):
            links = re.findall(r"\]\(([\w-]+\.md)#?([\w-]*)\)", line[1])
            found.append(Entry(re.findall(r"`([^`]+)`", line[0]), links))
    return found


def index() -> list[Entry]:
    return entries(s for s in sections("README.md") if s.level == 2)


def listed() -> set[str]:
    return {name for entry in index() for name in entry.names}


def members(cls: type) -> set[str]:
    """What the class and ours below it define, without what Python's list and dict are asked for as they are."""
    own = (base for base in cls.__mro__ if base.__module__.startswith("flowrpc."))
    return {name for base in own for name in vars(base) if not name.startswith("_")} - INSIDE


def bare(name: str) -> str:
    """The word that an example has to have: `run` of `LightningFlow.run`, `host` of `LightningWork(host=…)`."""
    option = re.search(r"\((\w+)=…\)", name)
    return option[1] if option else name.rpartition(".")[2]


@cache
def pages_with_tests() -> set[str]:
    """Pages that a test elsewhere is about."""
    tests = "\n".join(
        file.read_text() for file in TESTS.rglob("test_*.py") if file.parent.name != "reference"
    )
    return {page.name for page in FOLDER.glob("*.md") if re.search(rf"\b{re.escape(page.name)}\b", tests)}


@pytest.mark.parametrize("module", [flowrpc, testing])
def test_it_has_all_that_is_exported(module: object) -> None:
    prefix = "testing." if module is testing else ""

    assert {f"{prefix}{name}" for name in module.__all__} - listed() == set()  # type: ignore[attr-defined]


def test_it_has_the_ready_made_works() -> None:
    assert {f"components.{name}" for name in OF_COMPONENTS} <= listed()
    assert set(OF_COMPONENTS) <= set(components.__all__)


@pytest.mark.parametrize("cls", CLASSES)
def test_it_has_every_public_member(cls: type) -> None:
    assert {f"{cls.__name__}.{name}" for name in members(cls)} - listed() == set()


@pytest.mark.parametrize("cls", [LightningWork, LightningApp])
def test_it_has_every_argument_of_constructors(cls: type) -> None:
    options = list(inspect.signature(vars(cls)["__init__"]).parameters)[1:]

    assert {f"{cls.__name__}({name}=…)" for name in options} - listed() == set()


def test_the_table_of_arguments_is_what_the_constructor_takes() -> None:
    parameters = inspect.signature(vars(LightningWork)["__init__"]).parameters
    text = section("works.md", "what-its-constructor-takes").text
    table = text.partition("| argument | default | meaning |")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| (`[^|]*) \| ([^|]*) \|", table, re.MULTILINE)
    named = {name: default for names, default in rows for name in re.findall(r"`(\w+)`", names)}
    told = {
        name: default
        for names, defaults in rows
        for name, default in zip(
            re.findall(r"`(\w+)`", names), re.findall(r"`([^`]+)`", defaults), strict=False
        )
    }

    assert set(named) == set(parameters) - {"self"}
    assert {name: eval(default) for name, default in told.items()} == {
        name: parameters[name].default for name in told
    }


@pytest.mark.parametrize(
    ("page", "cls"),
    [("flows.md", LightningFlow), ("apps.md", LightningApp)],
)
def test_signatures_are_as_the_code_has_them(page: str, cls: type) -> None:
    prose = re.sub(r"```.*?```", "", sections(page)[0].text, flags=re.DOTALL)
    known = {name: getattr(cls, name) for name in members(cls) if callable(getattr(cls, name))}
    told = [
        (name, f"({arguments})")
        for name, arguments in re.findall(r"`(?:self\.)?(\w+)\(([^`]*=[^`]*)\)`", prose)
        if name in known
    ]

    assert told
    assert [(name, _signature(known[name])) for name, _ in told] == told


def _signature(method: object) -> str:
    """A signature as pages write it: without `self` and annotations."""
    signature = inspect.signature(method)  # type: ignore[arg-type]
    parameters = [p.replace(annotation=inspect.Parameter.empty) for p in signature.parameters.values()][1:]
    plain = signature.replace(parameters=parameters, return_annotation=inspect.Signature.empty)
    return str(plain).replace("'", '"')


@pytest.mark.parametrize("name", sorted(listed() - {"LightningFlow.__init__"}))
def test_what_it_lists_is_there(name: str) -> None:
    owner = name.partition("(")[0]
    if owner.startswith(("testing.", "components.", "storage.")):
        module, _, owner = owner.partition(".")
        found = getattr(import_module(f"flowrpc.{module}"), owner)
    else:
        first, *rest = owner.split(".")
        found = getattr(flowrpc, first)
        for step in rest:
            assert step in dir(found)

    assert found is not None


@pytest.mark.parametrize("entry", index(), ids=lambda entry: entry.names[0])
def test_its_links_lead_to_an_example_that_ran(entry: Entry) -> None:
    assert entry.links
    linked = [section(page, anchor) for page, anchor in entry.links]

    unmentioned = {bare(name) for name in entry.names}
    for found in linked:
        code = "\n".join(found.code())
        if found.page not in PAGES:
            assert found.page in pages_with_tests(), f"no test executes the examples of {found.page}"
            code = "\n".join(re.findall(r"```\w+\n(.*?)```", sections(found.page)[0].text, re.DOTALL))
        unmentioned -= {word for word in unmentioned if re.search(rf"\b{word}\b", code)}
    assert unmentioned == set()


@pytest.mark.parametrize("page", sorted(path.name for path in FOLDER.glob("*.md")))
def test_links_between_the_pages_lead_somewhere(page: str) -> None:
    for target, anchor in re.findall(r"\]\(([\w-]+\.md)?#?([\w-]*)\)", sections(page)[0].text):
        section(target or page, anchor)


def test_every_page_is_linked() -> None:
    text = sections("README.md")[0].text
    pages = {path.name for path in FOLDER.glob("*.md")} - {"README.md"}

    assert {page for page in pages if f"({page}" not in text} == set()
