"""The lock: the numbers of a contract's fields and enum values, which users commit beside their app.

Numbers come from here and never from the order of Python's attributes: what has a number keeps it, what is new gets
the next one, and a number that was used once is never given to anything else.
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from dataclasses import dataclass, field, replace
from itertools import count

from flowrpc.contract import names
from flowrpc.contract.lowering import Label, ProtoField, ProtoMessage
from flowrpc.contract.shape import Contract, EnumShape, Ref, ServiceShape
from flowrpc.errors import ContractError

RESERVED_BY_PROTOBUF = range(19_000, 20_000)
"""Numbers that no field may have."""
REQUEST_ID_NUMBER = 15
"""Number of `request_id` in every request, the last that takes one byte."""
_FIXED = {"request_id": REQUEST_ID_NUMBER}


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedField:
    """A field with its number, and what it was when it was locked."""

    number: int
    type: str
    """As it is written in a .proto file, with its label: `repeated int64`, `map<string, Order>`."""
    oneof: str = ""
    required: bool = False
    """Whether a request without it is refused."""
    format: str = ""
    """What the type alone does not say: `uuid`, `date`."""
    choices: tuple[str, ...] = ()
    """What it may be, as JSON, where a text or number has few values; empty: anything."""
    json: str = ""
    """Its name in JSON where that is the one it had before; empty: made of its name."""


@dataclass(slots=True, kw_only=True)
class LockedMessage:
    """The numbers of a message."""

    fields: dict[str, LockedField] = field(default_factory=dict)
    reserved: dict[int, str] = field(default_factory=dict)
    """Numbers of fields that are gone, with the names that they had."""


@dataclass(slots=True, kw_only=True)
class LockedEnum:
    """The numbers of an enum."""

    values: dict[str, int] = field(default_factory=dict)
    reserved: dict[int, str] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Lock:
    """The numbers of a contract."""

    package: str
    messages: dict[str, LockedMessage] = field(default_factory=dict)
    enums: dict[str, LockedEnum] = field(default_factory=dict)
    services: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    """Request, response and `stream` or nothing, by service and method."""


def locked(contract: Contract, messages: dict[str, ProtoMessage], before: Lock | None) -> Lock:
    """Gives numbers to everything in a contract: those of an earlier lock, and new ones.

    Args:
        contract: The contract.
        messages: Its messages, lowered.
        before: The lock so far; None: everything is new.

    Raises:
        ContractError: The lock is of another package.
    """
    known = before or Lock(package=contract.package)
    if known.package != contract.package:
        raise ContractError(
            "contract.lock.json",
            f"is of the package {known.package!r}, the app's is {contract.package!r}; give it its own lock",
        )
    lock = Lock(package=contract.package)
    for name, message in messages.items():
        lock.messages[name] = _locked_message(message, known.messages.get(name, LockedMessage()))
    for name, enum in contract.enums.items():
        lock.enums[name] = _locked_enum(enum, known.enums.get(name, LockedEnum()))
    lock.services = {name: _methods(service) for name, service in contract.services.items()}
    _keep_what_is_gone(lock, known)
    return lock


def written_type(one: ProtoField) -> str:
    """Writes a field's type as a .proto file does."""
    name = one.type.name if isinstance(one.type, Ref) else one.type.value
    if one.label is Label.MAP:
        return f"map<string, {name}>"
    return f"{one.label.value} {name}".strip()


def _locked_message(message: ProtoMessage, before: LockedMessage) -> LockedMessage:
    made = LockedMessage(reserved=dict(before.reserved))
    _check_notes(message, before)
    used_once = {*before.reserved, *(one.number for one in before.fields.values())}
    taken = {*_FIXED.values(), *used_once}
    free = free_numbers(taken)
    for one in message.fields:
        old = before.fields.get(one.name) or before.fields.get(one.renamed_from)
        found = LockedField(
            number=0,
            type=written_type(one),
            oneof=one.oneof,
            required=one.required,
            format=one.format,
            choices=one.choices,
        )
        if old is not None and same_type(old, found):
            known_as = "" if one.name in before.fields else names.json_name(one.renamed_from)
            made.fields[one.name] = replace(found, number=old.number, json=old.json or known_as)
            continue
        fixed = _FIXED.get(one.name, 0)
        number = fixed if fixed and fixed not in used_once else next(free)
        taken.add(number)
        made.fields[one.name] = replace(found, number=number)
    names.check_distinct(
        ((one.json or names.json_name(key), key) for key, one in made.fields.items()),
        message.name,
        "name in JSON",
    )
    used = {one.number for one in made.fields.values()}
    made.reserved |= {one.number: name for name, one in before.fields.items() if one.number not in used}
    return made


def _check_notes(message: ProtoMessage, before: LockedMessage) -> None:
    """Refuses notes of renames that may mean two things."""
    present = {one.name for one in message.fields}
    noted: dict[str, str] = {}
    for one in message.fields:
        old = one.renamed_from
        if old not in before.fields or old == one.name:
            continue
        place = f"{message.name}.{one.name}"
        if other := noted.get(old):
            raise ContractError(place, f"and {other} are both RenamedFrom({old!r}); only one can be")
        noted[old] = one.name
        if one.name in before.fields or old in present:
            problem = f"is RenamedFrom({old!r}), but the lock knows {one.name!r} already"
            if one.name not in before.fields:
                problem = f"is RenamedFrom({old!r}), but there is still a {old!r}"
            raise ContractError(
                place,
                f"{problem}; take the note away, or rename in two steps with flowctl contract build between",
            )


def same_type(one: LockedField, other: LockedField) -> bool:
    """Tells whether two fields hold the same, so that they may have one number."""
    return (one.type, one.oneof, one.format) == (other.type, other.oneof, other.format)


def _locked_enum(enum: EnumShape, before: LockedEnum) -> LockedEnum:
    made = LockedEnum(reserved=dict(before.reserved))
    taken = {0, *before.values.values(), *before.reserved}
    free = free_numbers(taken)
    for name, _ in enum.values:
        number = before.values.get(name) or next(free)
        taken.add(number)
        made.values[name] = number
    made.reserved |= {number: name for name, number in before.values.items() if name not in made.values}
    return made


def free_numbers(taken: Container[int]) -> Iterator[int]:
    """Yields the numbers that are free and allowed, from the smallest; more may be taken meanwhile."""
    return (number for number in count(1) if number not in taken and number not in RESERVED_BY_PROTOBUF)


def _methods(service: ServiceShape) -> dict[str, list[str]]:
    return {
        one.name: [one.request, one.response, *(["stream"] if one.streams else [])] for one in service.methods
    }


def _keep_what_is_gone(lock: Lock, before: Lock) -> None:
    """Keeps the numbers of messages and enums that are gone: one that comes back must not mix them up."""
    for name, message in before.messages.items():
        if name not in lock.messages:
            gone = {one.number: field_name for field_name, one in message.fields.items()}
            lock.messages[name] = LockedMessage(reserved=message.reserved | gone)
    for name, enum in before.enums.items():
        if name not in lock.enums:
            gone = {number: value for value, number in enum.values.items()}
            lock.enums[name] = LockedEnum(reserved=enum.reserved | gone)
