"""Vars that `__init__` annotates where it assigns them, as most apps write them."""

from __future__ import annotations

import dataclasses
import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from flowrpc.contract.building import Built, build
from flowrpc.contract.codec import Codec
from flowrpc.contract.compatibility import breaks
from flowrpc.contract.lock import written_type
from flowrpc.contract.writing import Unwritable
from flowrpc.errors import ContractError
from flowrpc.flow_service.catalogue import Catalogue

HEAD = """
import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final, List as ListOf, Literal, Optional
from pydantic import BaseModel
from flowrpc import Drive, LightningFlow, LightningWork
from flowrpc.contract.annotations import RenamedFrom
if TYPE_CHECKING:
    from nowhere import Missing

@dataclass
class Item:
    sku: str
    parts: "Optional[list[Item]]" = None

class Model(BaseModel):
    size: int
"""
POSTPONED = "from __future__ import annotations\n"

Load = Callable[[str], ModuleType]


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Load]:
    """Imports modules from files, as apps are."""
    names: list[str] = []
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def loaded(source: str) -> ModuleType:
        names.append(f"annotated_app_{len(names)}")
        (tmp_path / f"{names[-1]}.py").write_text(source)
        importlib.invalidate_caches()
        return importlib.import_module(names[-1])

    yield loaded
    for name in names:
        del sys.modules[name]


def app(*lines: str, head: str = HEAD) -> str:
    """Writes an app whose root has an `__init__` of some lines."""
    body = "\n".join(f"        {line}" for line in lines)
    return f"{head}\nclass Root(LightningFlow):\n    def __init__(self):\n{body}\n"


def built(module: ModuleType, before: Any = None) -> Built:
    root = module.Root()
    return build(root, Catalogue(root).commands(), "shop.v1", before)


def types(made: Built, message: str = "RootState") -> dict[str, str]:
    return {one.name: written_type(one) for one in made.messages[message].fields}


CASES = {
    "self.best: Optional[float] = None": "optional double",
    "self.best: 'Optional[float]' = None": "optional double",
    "self.best: list[str] = []": "repeated string",
    "self.best: ListOf['str'] = []": "repeated string",
    "self.best: dict[str, list[int]] = {}": "map<string, ListOfInt>",
    "self.best: list[Item] = []": "repeated Item",
    "self.best: Optional['Model'] = None": "Model",
    "self.best: Literal['fast', 'slow'] = 'fast'": "optional RootBest",
    "self.best: Final[list[int]] = []": "repeated int64",
    "self.best: Final = 3": "optional int64",
    "self.best: Any = 3": "flowrpc.v1.Value",
    "self.best: Inner = None": "Inner",
    # References travel as they are, and a component that is there one day is no var any more.
    "self.best: Optional[Drive] = None": "flowrpc.v1.Value",
    "self.best: Optional[LightningWork] = None": "flowrpc.v1.Value",
    "self.best: dict[str, ListOf[Drive]] = {}": "map<string, ListOfValue>",
    "self.best: Annotated[list[Drive], RenamedFrom('old')] = []": "repeated flowrpc.v1.Value",
    # What holds it decides, as there is nothing else.
    "self.best = None": "flowrpc.v1.Value",
    "other = self; other.best: list[str] = []": "repeated flowrpc.v1.Value",
}
INNER = "\n    @dataclass\n    class Inner:\n        a: int\n"


@pytest.mark.parametrize("postponed", ["", POSTPONED])
@pytest.mark.parametrize(("line", "proto"), CASES.items())
def test_a_var_has_the_type_that_init_writes(line: str, proto: str, postponed: str, load: Load) -> None:
    source = app(line).replace("(LightningFlow):\n", f"(LightningFlow):{INNER}", 1)
    made = built(load(postponed + source))
    assert (types(made), made.contract.unread) == ({"best": proto}, ())


@pytest.mark.parametrize(
    "lines",
    [
        ["if self is not None:", "    self.best: list[int] = []"],
        ["for _ in range(1):", "    self.best: list[int] = []"],
        ["with open(__file__):", "    self.best: list[int] = []"],
        ["try:", "    self.best: list[int] = []", "finally:", "    pass"],
        ["self.best: list[int]", "self.best = []"],
        ['"""A text', 'that is not indented."""', "self.best: list[int] = []"],
        ["if True: self.best: ListOf[int] = []", "else: self.best: list[int] = []"],
    ],
)
def test_where_the_assignment_stands_is_no_matter(lines: list[str], load: Load) -> None:
    text = app(*lines).replace("        that is not", "that is not")
    assert types(built(load(text))) == {"best": "repeated int64"}


def test_only_what_init_assigns_to_its_first_parameter_counts(load: Load) -> None:
    module = load(
        app("other = self", "other.best: list[int] = []", "self.after: list[int] = []")
        .replace("self.after", "this.after")
        .replace(
            "other = self", "def later(this):\n            this.best: list[int] = []\n        other = this"
        )
        .replace("__init__(self)", "__init__(this)")
    )
    assert types(built(module)) == {"best": "repeated flowrpc.v1.Value", "after": "repeated int64"}


def test_works_have_them_too(load: Load) -> None:
    source = app("self.job: Job = Job()").replace(
        "class Root",
        "class Job(LightningWork):\n    def __init__(self):\n        super().__init__(parallel=True)\n"
        "        self.best: Optional[float] = None\n    def run(self): ...\n\nclass Root",
    )
    made = built(load(source))
    assert types(made, "JobState") == {"best": "optional double", "run": "JobLatestRun"}
    assert (types(made), made.contract.unread) == ({"job": "JobState"}, ())


def test_a_class_has_those_of_its_bases_from_their_modules(load: Load) -> None:
    base = load(app("self.best: Optional[Only] = None", "self.kept: list[Only] = []").replace("Item", "Only"))
    text = f"from {base.__name__} import Root as Base\nfrom typing import Any\n"
    text += "class Root(Base):\n    def __init__(self):\n        super().__init__()\n"
    text += "        self.best: list[int] = []\n        self.more: list[str] = []\n"
    assert types(built(load(text))) == {
        "best": "repeated int64",
        "kept": "repeated Only",
        "more": "repeated string",
    }


def test_names_around_a_class_are_known(load: Load) -> None:
    inner = app("self.best: Optional[Near] = None", head="").replace("\n", "\n    ")
    text = f"{HEAD}\ndef make():\n    @dataclass\n    class Near:\n        a: int\n{inner}\n    return Root\n"
    assert types(built(load(text + "Root = make()\n"))) == {"best": "Near"}


def test_a_decorator_that_wraps_hides_nothing(load: Load) -> None:
    decorator = "def noted(f):\n    @functools.wraps(f)\n    def call(*args): f(*args)\n    return call\n"
    text = app("self.best: list[int] = []").replace("class Root", decorator + "class Root")
    text = text.replace("    def __init__", "    @noted\n    def __init__")
    assert types(built(load(text))) == {"best": "repeated int64"}


def test_the_body_of_a_class_and_its_init_may_say_the_same(load: Load) -> None:
    text = app("self.best: ListOf[int] = []", "self.total: int = 0")
    notes = "\n    best: list[int]\n    total: Annotated[int, RenamedFrom('sum')]\n"
    made = built(load(text.replace("(LightningFlow):\n", f"(LightningFlow):{notes}", 1)))
    assert types(made) == {"best": "repeated int64", "total": "optional int64"}
    assert made.messages["RootState"].fields[1].renamed_from == "sum"


@pytest.mark.parametrize(
    ("body", "lines"),
    [
        ("best: Any", ["self.best: list[int] = []"]),
        ("", ["if not self: self.best: Any = []", "else: self.best: list[int] = []"]),
    ],
)
def test_two_types_of_one_var_are_refused(body: str, lines: list[str], load: Load) -> None:
    text = app(*lines).replace("(LightningFlow):\n", f"(LightningFlow):\n    {body}\n", 1)
    problem = r"Root.best: is annotated with Any, and in __init__ with list\[int\]; write one of them"
    with pytest.raises(ContractError, match=problem):
        built(load(text))


def test_what_cannot_be_mapped_is_refused_by_place(load: Load) -> None:
    with pytest.raises(ContractError, match=r"Root.best: is annotated with set\[int\].*write list"):
        built(load(app("self.best: set[int] = []")))


def test_what_cannot_be_evaluated_is_told_once_and_typed_by_its_value(load: Load) -> None:
    text = app("self.best: Optional[Missing] = 3", "self.sure: list[int] = []")
    text += "class Sub(Root): ...\nOld = Root\nclass Root(LightningFlow):\n    def __init__(self):\n"
    made = built(load(text + "        self.one, self.two = Old(), Sub()\n"))
    assert types(made, "SubState") == {"best": "optional int64", "sure": "repeated int64"}
    (told,) = made.contract.unread
    assert told.startswith(
        "Root.best is typed by what it holds: its annotation Optional[Missing] in __init__"
    )
    assert "'Missing' is not known there: import or define it" in told


def test_without_a_source_values_decide_and_it_is_told(load: Load) -> None:
    module = load(HEAD)
    source = app("self.best: Optional[float] = None", "self.sure = 3", "self.known: int = 4", head="")
    source = source.replace("(LightningFlow):\n", "(LightningFlow):\n    known: int\n", 1)
    exec(source, module.__dict__)
    made = built(module)
    assert types(made) == {
        "best": "flowrpc.v1.Value",
        "sure": "optional int64",
        "known": "optional int64",
    }
    (told,) = made.contract.unread
    assert told.startswith("Root: there is no source of its __init__ (")
    assert told.endswith("not as it may annotate them: best, sure")


def test_another_source_than_that_which_runs_is_not_believed(load: Load) -> None:
    module = load(app("self.best: Optional[float] = None"))
    Path(str(module.__file__)).write_text(app("self.other: Optional[float] = None"))
    made = built(module)
    assert types(made) == {"best": "flowrpc.v1.Value"}
    assert "its file has changed since it was imported" in made.contract.unread[0]


def test_a_value_of_another_type_is_not_sent(load: Load) -> None:
    codec = Codec(built(load(app("self.best: Optional[list[float]] = None"))))
    write = codec.writer("GetStateResponse")
    assert write({"state": {"best": [1.5]}, "revision": 1}) != write({"state": {"best": None}, "revision": 1})
    with pytest.raises(Unwritable) as caught:
        write({"state": {"best": ["x"]}, "revision": 1})
    assert (caught.value.path, caught.value.problem) == (".state.best[0]", "is no float but 'x'")


@pytest.mark.parametrize(
    ("before", "after", "was", "keep"),
    [
        ("self.best = None", "self.best: Optional[float] = None", "flowrpc.v1.Value", "Any"),
        ("self.best = []", "self.best: list[str] = []", "repeated flowrpc.v1.Value", "list"),
        ("self.best = {}", "self.best: dict[str, int] = {}", "map<string, flowrpc.v1.Value>", "dict"),
    ],
)
def test_a_lock_of_before_the_annotation_tells_how_to_keep_the_type(
    before: str, after: str, was: str, keep: str, load: Load
) -> None:
    first = built(load(app(before))).lock
    (told,) = breaks(first, built(load(app(after)), first).lock)
    assert (told.place, told.change.split(" and is ")[0]) == ("RootState.best", f"was {was}")
    assert f"annotate it with {keep}, or give what is new another name" in told.whom
    # That is a way out.
    kept = after.partition(":")[0] + f": {keep}" + after[after.index(" =") :]
    assert breaks(first, built(load(app(kept)), dataclasses.replace(first)).lock) == []
