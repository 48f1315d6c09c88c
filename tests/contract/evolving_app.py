"""Apps that change: what one is, its source in Python, and refactorings of it.

Everything has a key that outlives its name, place and type: by it a test knows what a value means in another version.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import date, datetime
from enum import Enum
from types import ModuleType
from typing import Any

from flowrpc.component.conversion.results import plain

Type = tuple[Any, ...]
"""`("int",)`, `("list", ("int",))`, `("kind", 3)` for the class or enum of key 3, `("choice", "a", "b")`."""

REQUIRED = object()


@dataclass(frozen=True)
class Attr:
    """A parameter, a field, a var, or a member of an enum."""

    key: int
    name: str
    type: Type = ()
    default: Any = REQUIRED
    before: str = ""
    """The name in its note, if it has one."""


@dataclass(frozen=True)
class Kind:
    """A class or enum of the app."""

    key: int
    name: str
    form: str
    """`dataclass`, `NamedTuple` or `Enum`."""
    attrs: tuple[Attr, ...]
    module: int = 0


@dataclass(frozen=True)
class Command:
    key: int
    name: str
    attrs: tuple[Attr, ...]
    result: Type
    """Of what it returns, or of each item that it yields."""
    rest: bool = False
    streams: bool = False


@dataclass(frozen=True)
class Spec:
    """An app at one time."""

    kinds: tuple[Kind, ...]
    commands: tuple[Command, ...]
    attrs: tuple[Attr, ...]
    """The vars."""
    run: tuple[Attr, ...] = ()
    """The parameters of the run of its work."""

    def kind(self, key: int) -> Kind:
        return next(one for one in self.kinds if one.key == key)


# Values, by what they mean


@dataclass(frozen=True)
class Thing:
    """An instance of a class: what its fields hold, by key."""

    kind: int
    values: dict[int, Any] = field(hash=False)


@dataclass(frozen=True)
class Member:
    """A member of an enum."""

    kind: int
    key: int


# Source

_SIMPLE = {
    "int": "int",
    "float": "float",
    "str": "str",
    "bool": "bool",
    "uuid": "UUID",
    "date": "date",
    "datetime": "datetime",
    "decimal": "Decimal",
    "any": "Any",
    "union": "int | str",
}
HEAD = """
from __future__ import annotations
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal, NamedTuple
from uuid import UUID
from flowrpc import LightningFlow, LightningWork
from flowrpc.contract.annotations import RenamedFrom
"""


def written(spec: Spec, kind: Type) -> str:  # noqa: PLR0911  # one for each kind
    """Writes an annotation."""
    match kind:
        case ("list", item):
            return f"list[{written(spec, item)}]"
        case ("dict", item):
            return f"dict[str, {written(spec, item)}]"
        case ("maybe", item):
            return f"{written(spec, item)} | None"
        case ("pair", one, two):
            return f"tuple[{written(spec, one)}, {written(spec, two)}]"
        case ("choice", *choices):
            return f"Literal[{', '.join(map(repr, choices))}]"
        case ("kind", int(key)):
            return spec.kind(key).name
        case _:
            return _SIMPLE[kind[0]]


def expression(spec: Spec, value: Any) -> str:  # noqa: PLR0911  # one for each kind
    """Writes a value."""
    match value:
        case Thing(kind=key, values=values):
            kind = spec.kind(key)
            given = (
                f"{one.name}={expression(spec, values[one.key])}" for one in kind.attrs if one.key in values
            )
            return f"{kind.name}({', '.join(given)})"
        case Member(kind=key, key=member):
            kind = spec.kind(key)
            return f"{kind.name}.{next(one.name for one in kind.attrs if one.key == member)}"
        case list():
            return f"[{', '.join(expression(spec, one) for one in value)}]"
        case tuple():
            return f"({', '.join(expression(spec, one) for one in value)})"
        case dict():
            return f"{{{', '.join(f'{key!r}: {expression(spec, one)}' for key, one in value.items())}}}"
        case datetime():
            return f"datetime.fromisoformat({value.isoformat()!r})"
        case date():
            return f"date.fromisoformat({value.isoformat()!r})"
        case _:
            return repr(value)


def _annotated(spec: Spec, one: Attr) -> str:
    kind = written(spec, one.type)
    return f"Annotated[{kind}, RenamedFrom({one.before!r})]" if one.before else kind


def _kind_source(spec: Spec, kind: Kind) -> str:
    lines = {
        "dataclass": ["@dataclass(kw_only=True)", f"class {kind.name}:"],
        "NamedTuple": [f"class {kind.name}(NamedTuple):"],
        "Enum": [f"class {kind.name}(Enum):"],
    }[kind.form]
    for one in sorted(kind.attrs, key=lambda one: one.default is not REQUIRED):
        if kind.form == "Enum":
            lines.append(f"    {one.name} = {one.default!r}")
            continue
        line = f"    {one.name}: {_annotated(spec, one)}"
        if one.default is not REQUIRED:
            value = expression(spec, one.default)
            made = f"field(default_factory=lambda: {value})" if kind.form == "dataclass" else value
            line += f" = {made}"
        lines.append(line)
    return "\n".join([*lines, "    ..." if not kind.attrs else ""])


def _parameters(spec: Spec, attrs: tuple[Attr, ...]) -> str:
    parameters = [
        f"{one.name}: {_annotated(spec, one)}"
        + (f" = {expression(spec, one.default)}" if one.default is not REQUIRED else "")
        for one in attrs
    ]
    return ", ".join(["self", *(["*", *parameters] if parameters else [])])


def _work_source(spec: Spec) -> str:
    return f"class Job(LightningWork):\n    def run({_parameters(spec, spec.run)}): ..."


def _root_source(spec: Spec) -> str:
    lines = ["class Root(LightningFlow):"]
    # Every other plain var is typed by what it holds.
    lines += [
        f"    {one.name}: {_annotated(spec, one)}" for one in spec.attrs if one.before or not _inferred(one)
    ]
    lines += ["    def __init__(self):", "        self.job = Job(parallel=True)"]
    lines += [f"        self.{one.name} = plain({expression(spec, one.default)})" for one in spec.attrs]
    for command in spec.commands:
        named = _parameters(spec, command.attrs)
        if command.rest:
            named += ", **rest: int"
        result = written(spec, command.result)
        answer, result = ("yield from", f"Iterator[{result}]") if command.streams else ("return", result)
        lines += [
            f"    def command_{command.key}({named}) -> {result}:",
            f"        {answer} answer({command.key}, locals())",
        ]
    lines += ["    def run(self):", "        self.job.run(**plain(run_arguments()))"]
    offered = ", ".join(f"{one.name!r}: self.command_{one.key}" for one in spec.commands)
    lines += ["    def configure_commands(self):", f"        return {{{offered}}}"]
    return "\n".join(lines)


def _inferred(one: Attr) -> bool:
    return one.key % 2 == 0 and one.type in (("int",), ("float",), ("str",), ("bool",))


_MODULES = ("evolving_shop", "evolving_parts")


def source(spec: Spec) -> str:
    """Writes the app, for people who read why a test failed."""
    kinds = (_kind_source(spec, kind) for kind in spec.kinds)
    return "\n\n".join([*kinds, _work_source(spec), _root_source(spec)])


class RunningSpec:
    """An app that is there: its classes made, its commands noting what they get."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.received: list[tuple[int, dict[str, Any]]] = []
        self.results: dict[int, Any] = {}
        """What commands return, by key: what it means. Of those that stream, the items."""
        self.run: dict[int, Any] = {}
        """What the work is called with, by key."""
        self.space: dict[str, Any] = {
            "answer": self._answer,
            "plain": plain,
            "run_arguments": self._run_arguments,
        }
        modules = [ModuleType(name) for name in _MODULES]
        for module in modules:
            sys.modules[module.__name__] = module
            exec(HEAD, module.__dict__)
        for kind in spec.kinds:
            self._run(_kind_source(spec, kind), modules[kind.module], modules)
        self._run(_work_source(spec), modules[0], modules)
        self._run(_root_source(spec), modules[0], modules)
        self._kinds = {self.space[kind.name]: kind for kind in spec.kinds}

    def _run(self, text: str, module: ModuleType, modules: list[ModuleType]) -> None:
        module.__dict__.update(self.space)
        exec(compile("from __future__ import annotations\n" + text, "app.py", "exec"), module.__dict__)
        name = text.split("class ", 1)[1].split(":", maxsplit=1)[0].split("(", maxsplit=1)[0]
        self.space[name] = module.__dict__[name]
        for one in modules:
            one.__dict__[name] = self.space[name]

    def make_root(self) -> Any:
        return self.space["Root"]()

    def _answer(self, key: int, given: dict[str, Any]) -> Any:
        self.received.append((key, {name: value for name, value in given.items() if name != "self"}))
        return self.made(self.results[key])

    def _run_arguments(self) -> dict[str, Any]:
        return {one.name: self.made(self.run[one.key]) for one in self.spec.run if one.key in self.run}

    def made(self, value: Any) -> Any:
        """Makes the Python value of what it means."""
        text = expression(self.spec, value)
        return eval(text, sys.modules[_MODULES[0]].__dict__ | self.space)

    def meaning(self, value: Any) -> Any:
        """Says what a Python value means."""
        kind = self._kinds.get(type(value))
        if kind is not None and isinstance(value, Enum):
            return Member(kind.key, next(one.key for one in kind.attrs if one.name == value.name))
        if kind is not None:
            return Thing(kind.key, {one.key: self.meaning(getattr(value, one.name)) for one in kind.attrs})
        if isinstance(value, list | tuple):
            return type(value)(self.meaning(one) for one in value)
        if isinstance(value, dict):
            return {key: self.meaning(one) for key, one in value.items()}
        assert not is_dataclass(value), fields(value)
        return value
