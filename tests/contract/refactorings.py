"""What people do to an app's types: drawn by hypothesis."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from hypothesis import strategies as st

from tests.contract.evolving_app import REQUIRED, Attr, Command, Kind, Member, Spec, Thing, Type

Draw = Callable[[Any], Any]

_NAMES = [*["a", "b", "total", "my_field", "item_1", "choice"] * 3, "request_id"]
_SIMPLE: list[Type] = [
    ("int",),
    ("str",),
    ("bool",),
    ("float",),
    ("uuid",),
    ("date",),
    ("datetime",),
    ("decimal",),
    ("any",),
    ("union",),
    ("choice", "fast", "slow"),
    ("choice", "slow", "fast", "so so"),
    ("choice", "so so"),
    ("choice", 1, 2),
    ("choice", 1),
]
_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "int": st.integers(-(2**63), 2**63 - 1) | st.integers(0, 3),
    "str": st.sampled_from(["", "x", "é", "fast"]),
    "bool": st.booleans(),
    "float": st.sampled_from([0.0, -1.5, 2.0]),
    "uuid": st.integers(0, 3).map(lambda number: UUID(int=number)),
    "date": st.dates(date(2000, 1, 1), date(2000, 1, 9)),
    "datetime": st.datetimes(datetime(2000, 1, 1), datetime(2000, 1, 2), timezones=st.just(UTC)),  # noqa: DTZ001
    "decimal": st.sampled_from([Decimal("1.50"), Decimal(0)]),
    "any": st.sampled_from([None, 0, 2**70, "x", [1, None], {"k": 1.5}]),
    "union": st.integers(0, 3) | st.sampled_from(["", "x"]),
}


RUN = object()
"""Stands for the parameters of the run."""


class Drawing:
    """Draws apps and what happens to them, each thing with a key of its own."""

    def __init__(self, draw: Draw) -> None:
        self.draw = draw
        self._last = 0

    def key(self) -> int:
        self._last += 1
        return self._last

    def one_of(self, choices: Any) -> Any:
        return self.draw(st.sampled_from(list(choices)))

    def count(self, least: int, most: int) -> int:
        return int(self.draw(st.integers(least, most)))

    # Types and values

    def type(self, kinds: tuple[Kind, ...], depth: int = 2) -> Type:
        parted = ["list", "dict", "maybe", "pair"] if depth else []
        form = self.one_of(["simple", "simple", *(["kind"] * 2 if kinds else []), *parted])
        if form == "simple":
            found: Type = self.one_of(_SIMPLE)
            return found
        if form == "kind":
            return ("kind", self.one_of(kinds).key)
        inner = self.type(kinds, depth - 1)
        if form == "maybe" and inner[0] in ("maybe", "any"):
            return inner
        return (form, inner, self.type(kinds, 0)) if form == "pair" else (form, inner)

    def value(self, kinds: tuple[Kind, ...], kind: Type) -> Any:  # noqa: PLR0911  # one for each kind of type
        match kind:
            case ("list", item):
                return [self.value(kinds, item) for _ in range(self.count(0, 2))]
            case ("dict", item):
                return {name: self.value(kinds, item) for name in "xy"[: self.count(0, 2)]}
            case ("maybe", item):
                return None if self.draw(st.booleans()) else self.value(kinds, item)
            case ("pair", one, two):
                return (self.value(kinds, one), self.value(kinds, two))
            case ("choice", *choices):
                return self.one_of(choices)
            case ("kind", key):
                return self._thing(kinds, next(one for one in kinds if one.key == key))
        return self.draw(_VALUES[kind[0]])

    def _fresh(self, kinds: tuple[Kind, ...], kind: Type, value: Any) -> Any:
        """Draws a value anew that holds as much as another: whether it is empty or None decides on its field's type."""
        match kind, value:
            case _, object() if value is REQUIRED or value is None:
                return value
            case ("maybe", inner), _:
                return self._fresh(kinds, inner, value)
            case ("list", item), list():
                return [self.value(kinds, item) for _ in value]
            case ("dict", item), dict():
                return {key: self.value(kinds, item) for key in value}
        return self.value(kinds, kind)

    def _thing(self, kinds: tuple[Kind, ...], kind: Kind) -> Any:
        if kind.form == "Enum":
            return Member(kind.key, self.one_of(kind.attrs).key)
        return Thing(kind.key, {one.key: self.value(kinds, one.type) for one in kind.attrs})

    # Apps

    def app(self) -> Spec:
        kinds: tuple[Kind, ...] = (self._enum("Color"),)
        for form, name in (("dataclass", "Item"), ("NamedTuple", "Point")):
            attrs = self._attrs(kinds, self.count(1, 3))
            kinds += (Kind(self.key(), name, form, attrs),)
        commands = tuple(
            Command(
                self.key(),
                name,
                self._attrs(kinds, self.count(0, 3)),
                self.type(kinds),
                rest=self.count(0, 4) == 4,
                streams=self.count(0, 2) == 2,
            )
            for name in ("add", "order items")[: self.count(1, 2)]
        )
        run = self._attrs(kinds, self.count(0, 3))
        return Spec(kinds, commands, self._vars(kinds, self.count(0, 3)), run)

    def _enum(self, name: str) -> Kind:
        members = tuple(
            Attr(self.key(), one, (), value)
            for one, value in (("RED", "r"), ("GREEN", 2))[: self.count(1, 2)]
        )
        return Kind(self.key(), name, "Enum", members)

    def _attrs(self, kinds: tuple[Kind, ...], count: int) -> tuple[Attr, ...]:
        made: tuple[Attr, ...] = ()
        for _ in range(count):
            made += (self.attr(kinds, made),)
        return made

    def attr(
        self, kinds: tuple[Kind, ...], others: tuple[Attr, ...], *, required: bool | None = None
    ) -> Attr:
        name = self.one_of([one for one in _NAMES if one not in {other.name for other in others}] or ["z"])
        kind = self.type(kinds)
        required = self.draw(st.booleans()) if required is None else required
        return Attr(self.key(), name, kind, REQUIRED if required else self.value(kinds, kind))

    def _vars(self, kinds: tuple[Kind, ...], count: int) -> tuple[Attr, ...]:
        made: tuple[Attr, ...] = ()
        for _ in range(count):
            made += (self.attr(kinds, made, required=False),)
        return made

    # What happens to them

    def refactored(self, spec: Spec, refactorings: tuple[str, ...]) -> Spec:
        refactor = getattr(self, f"_{self.one_of(refactorings)}")
        return self._settled(spec, refactor(spec))

    def _settled(self, before: Spec, after: Spec) -> Spec:
        """Gives what is of a class that changed, or holds one, a default that is a value of it."""
        changed: set[int] = set()

        def settle(attrs: tuple[Attr, ...], known: tuple[Kind, ...]) -> tuple[Attr, ...]:
            return tuple(
                replace(one, default=self._fresh(known, one.type, one.default))
                if _mentions(one.type, changed)
                else one
                for one in attrs
            )

        kinds: tuple[Kind, ...] = ()
        for kind in after.kinds:
            made = replace(kind, attrs=settle(kind.attrs, kinds))
            kinds += (made,)
            holds_changed = any(_mentions(one.type, changed) for one in made.attrs)
            if holds_changed or made.attrs != before.kind(kind.key).attrs:
                changed.add(kind.key)
        commands = tuple(replace(one, attrs=settle(one.attrs, kinds)) for one in after.commands)
        return Spec(kinds, commands, settle(after.attrs, kinds), settle(after.run, kinds))

    def _somewhere(
        self, spec: Spec, change: Callable[[tuple[Kind, ...], tuple[Attr, ...]], tuple[Attr, ...]]
    ) -> Spec:
        """Changes the vars, the parameters of the run, a class, which knows only earlier ones, or a command."""
        owner = self.one_of([None, RUN, *(one for one in spec.kinds if one.form != "Enum"), *spec.commands])
        if owner is None:
            made = change(spec.kinds, spec.attrs)
            return replace(spec, attrs=tuple(self._with_value(spec.kinds, one) for one in made))
        if owner is RUN:
            return replace(spec, run=change(spec.kinds, spec.run))
        if isinstance(owner, Command):
            made = change(spec.kinds, owner.attrs)
            return _with_command(spec, replace(owner, attrs=made))
        known = spec.kinds[: spec.kinds.index(owner)]
        return _with_kind(spec, replace(owner, attrs=change(known, owner.attrs)))

    def _with_value(self, kinds: tuple[Kind, ...], one: Attr) -> Attr:
        return replace(one, default=self.value(kinds, one.type)) if one.default is REQUIRED else one

    def _reorder(self, spec: Spec) -> Spec:
        shuffled = self._somewhere(spec, lambda kinds, attrs: tuple(self.draw(st.permutations(attrs))))
        return replace(shuffled, commands=tuple(self.draw(st.permutations(shuffled.commands))))

    def _reorder_members(self, spec: Spec) -> Spec:
        enum = spec.kinds[0]
        return _with_kind(spec, replace(enum, attrs=tuple(self.draw(st.permutations(enum.attrs)))))

    def _add(self, spec: Spec) -> Spec:
        return self._somewhere(spec, lambda kinds, attrs: (self.attr(kinds, attrs), *attrs))

    def _add_with_default(self, spec: Spec) -> Spec:
        """What is new comes first, where a number by position would go wrong."""

        def add(kinds: tuple[Kind, ...], attrs: tuple[Attr, ...]) -> tuple[Attr, ...]:
            made = self.attr(kinds, attrs, required=False)
            return (replace(made, name=f"n{made.key}"), *attrs)

        return self._somewhere(spec, add)

    def _remove(self, spec: Spec) -> Spec:
        return self._somewhere(spec, lambda kinds, attrs: attrs[1:])

    def _rename(self, spec: Spec) -> Spec:
        return self._edit(spec, lambda kinds, one, others: replace(one, name=self._name(others), before=""))

    def _rename_with_note(self, spec: Spec) -> Spec:
        return self._edit(
            spec, lambda kinds, one, others: replace(one, name=self._name(others), before=one.name)
        )

    def _rename_with_note_to_new(self, spec: Spec) -> Spec:
        return self._edit(
            spec,
            # A second rename would take the name of a type that is named after the first.
            lambda kinds, one, others: (
                one if one.before else replace(one, name=f"n{self.key()}", before=one.name)
            ),
        )

    def _swap_with_notes(self, spec: Spec) -> Spec:
        def swap(kinds: tuple[Kind, ...], attrs: tuple[Attr, ...]) -> tuple[Attr, ...]:
            if len(attrs) < 2:
                return attrs
            one, two, *rest = attrs
            one, two = (
                replace(one, name=two.name, before=one.name),
                replace(two, name=one.name, before=two.name),
            )
            return (one, two, *rest)

        return self._somewhere(spec, swap)

    def _replace(self, spec: Spec) -> Spec:
        """Renames with a note, and gives the old name to something new."""

        def replaced(kinds: tuple[Kind, ...], attrs: tuple[Attr, ...]) -> tuple[Attr, ...]:
            if not attrs:
                return attrs
            old, *rest = attrs
            new = replace(old, key=self.key())
            return (new, replace(old, name=f"n{self.key()}", before=old.name), *rest)

        return self._somewhere(spec, replaced)

    def _replace_silently(self, spec: Spec) -> Spec:
        """Removes something, and gives its type and default to something of another name."""
        return self._edit(
            spec,
            lambda kinds, one, others: replace(one, key=self.key(), name=self._name(others), before=""),
        )

    def _name(self, others: tuple[Attr, ...]) -> str:
        taken = {one.name for one in others}
        return str(self.one_of([name for name in [*_NAMES, "y"] if name not in taken]))

    def _change_type(self, spec: Spec) -> Spec:
        def change(kinds: tuple[Kind, ...], one: Attr, _: Any) -> Attr:
            kind = self.type(kinds)
            return self._fitting(kinds, replace(one, type=kind))

        return self._edit(spec, change)

    def _make_optional(self, spec: Spec) -> Spec:
        def change(kinds: tuple[Kind, ...], one: Attr, _: Any) -> Attr:
            kind = one.type[1] if one.type[0] == "maybe" else ("maybe", one.type)
            return self._fitting(kinds, replace(one, type=kind if kind != ("maybe", ("any",)) else one.type))

        return self._edit(spec, change)

    def _change_default(self, spec: Spec) -> Spec:
        return self._edit(spec, lambda kinds, one, _: replace(one, default=self.value(kinds, one.type)))

    def _make_required(self, spec: Spec) -> Spec:
        return self._edit(spec, lambda kinds, one, _: replace(one, default=REQUIRED))

    def _fitting(self, kinds: tuple[Kind, ...], one: Attr) -> Attr:
        return one if one.default is REQUIRED else replace(one, default=self.value(kinds, one.type))

    def _edit(self, spec: Spec, change: Callable[[tuple[Kind, ...], Attr, tuple[Attr, ...]], Attr]) -> Spec:
        def edited(kinds: tuple[Kind, ...], attrs: tuple[Attr, ...]) -> tuple[Attr, ...]:
            if not attrs:
                return attrs
            chosen = self.one_of(range(len(attrs)))
            made = change(kinds, attrs[chosen], attrs)
            return (*attrs[:chosen], made, *attrs[chosen + 1 :])

        return self._somewhere(spec, edited)

    def _add_member(self, spec: Spec) -> Spec:
        enum, key = spec.kinds[0], self.key()
        member = Attr(key, self.one_of(["BLUE", f"M{key}"]), (), f"v{key}")
        if member.name in {one.name for one in enum.attrs}:
            return spec
        return _with_kind(spec, replace(enum, attrs=(member, *enum.attrs)))

    def _remove_member(self, spec: Spec) -> Spec:
        enum = spec.kinds[0]
        return _with_kind(spec, replace(enum, attrs=enum.attrs[1:] or enum.attrs))

    def _rename_member(self, spec: Spec) -> Spec:
        enum = spec.kinds[0]
        member = replace(enum.attrs[0], name=f"M{self.key()}")
        return _with_kind(spec, replace(enum, attrs=(member, *enum.attrs[1:])))

    def _change_member(self, spec: Spec) -> Spec:
        enum = spec.kinds[0]
        member = replace(enum.attrs[0], default=f"v{self.key()}")
        return _with_kind(spec, replace(enum, attrs=(member, *enum.attrs[1:])))

    def _move(self, spec: Spec) -> Spec:
        kind = self.one_of(spec.kinds)
        return _with_kind(spec, replace(kind, module=1 - kind.module))

    def _rename_kind(self, spec: Spec) -> Spec:
        kind = self.one_of(spec.kinds)
        return _with_kind(spec, replace(kind, name=f"Kind{self.key()}"))

    def _add_command(self, spec: Spec) -> Spec:
        made = Command(
            self.key(),
            f"command {self._last}",
            self._attrs(spec.kinds, 2),
            self.type(spec.kinds),
            streams=self.draw(st.booleans()),
        )
        return replace(spec, commands=(made, *spec.commands))

    def _remove_command(self, spec: Spec) -> Spec:
        return replace(spec, commands=spec.commands[1:])

    def _rename_command(self, spec: Spec) -> Spec:
        if not spec.commands:
            return spec
        made = replace(
            spec.commands[0], name=self.one_of(["addAll", "order", spec.commands[0].name + " "]).strip()
        )
        return _with_command(spec, made)

    def _change_result(self, spec: Spec) -> Spec:
        if not spec.commands:
            return spec
        return _with_command(spec, replace(spec.commands[0], result=self.type(spec.kinds)))

    def _change_whether_it_streams(self, spec: Spec) -> Spec:
        if not spec.commands:
            return spec
        chosen = self.one_of(spec.commands)
        return _with_command(spec, replace(chosen, streams=not chosen.streams))


HARMLESS = (
    "reorder",
    "reorder_members",
    "add_with_default",
    "rename_with_note_to_new",
    "add_member",
    "change_member",
    "move",
    "add_command",
)
"""What breaks nobody and must not be refused."""
ALL = (
    *HARMLESS,
    "add",
    "remove",
    "rename",
    "rename_with_note",
    "swap_with_notes",
    "replace",
    "replace_silently",
    "change_type",
    "change_type",
    "make_optional",
    "change_default",
    "make_required",
    "remove_member",
    "rename_member",
    "rename_kind",
    "remove_command",
    "rename_command",
    "change_result",
    "change_whether_it_streams",
)


def _mentions(kind: Type, keys: set[int]) -> bool:
    """Tells whether a type has one of some classes in it."""
    if kind[:1] == ("kind",):
        return kind[1] in keys
    return any(_mentions(part, keys) for part in kind[1:] if isinstance(part, tuple))


def _with_kind(spec: Spec, made: Kind) -> Spec:
    return replace(spec, kinds=tuple(made if one.key == made.key else one for one in spec.kinds))


def _with_command(spec: Spec, made: Command) -> Spec:
    return replace(spec, commands=tuple(made if one.key == made.key else one for one in spec.commands))
