"""Merging the locks of two branches, as a merge driver of git does."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass, replace

from flowrpc.contract.lock import (
    REQUEST_ID_NUMBER,
    Lock,
    LockedEnum,
    LockedField,
    LockedMessage,
    free_numbers,
)
from flowrpc.errors import ContractError


@dataclass(frozen=True, slots=True, kw_only=True)
class Renumbered:
    """Something of the other branch that has another number now."""

    place: str
    before: int
    after: int

    def __str__(self) -> str:
        return f"{self.place} is {self.after}, not {self.before}"


def merged(base: Lock, ours: Lock, theirs: Lock) -> tuple[Lock, list[Renumbered]]:
    """Merges two locks that come from one: our numbers stay, what the other branch added gets free ones where it must.

    What one branch removed is removed unless the other changed it; whether Python's types agree is for
    `flowctl contract build` to say.

    Args:
        base: The lock that both come from.
        ours: That of the branch that is merged into.
        theirs: That of the other.

    Returns:
        The lock, and what got another number.

    Raises:
        ContractError: They are of different packages.
    """
    if len({base.package, ours.package, theirs.package}) > 1:
        packages = ", ".join(sorted({base.package, ours.package, theirs.package}))
        raise ContractError("contract.lock.json", f"the branches are of different packages: {packages}")
    lock = Lock(package=ours.package)
    moved: list[Renumbered] = []
    for name in dict.fromkeys([*ours.messages, *theirs.messages]):
        three = [one.messages.get(name, LockedMessage()) for one in (base, ours, theirs)]
        lock.messages[name] = _merged_message(name, three, moved)
    for name in dict.fromkeys([*ours.enums, *theirs.enums]):
        enums = [one.enums.get(name, LockedEnum()) for one in (base, ours, theirs)]
        lock.enums[name] = _merged_enum(name, enums, moved)
    lock.services = _merged_services(base, ours, theirs)
    return lock, moved


def _merged_message(name: str, three: list[LockedMessage], moved: list[Renumbered]) -> LockedMessage:
    base, ours, theirs = three
    fields = {key: one for key, one in ours.fields.items() if not _removed(key, base.fields, theirs.fields)}
    reserved = ours.reserved | theirs.reserved
    taken = {REQUEST_ID_NUMBER, *reserved, *(one.number for one in ours.fields.values())}
    for key, one in theirs.fields.items():
        if key in fields or _removed(key, base.fields, ours.fields):
            continue
        number = _free(f"{name}.{key}", one.number, taken, moved, keep=key == "request_id")
        taken.add(number)
        fields[key] = replace(one, number=number)
    used = {one.number for one in fields.values()}
    gone = {one.number: key for key, one in (base.fields | ours.fields).items() if one.number not in used}
    kept = {number: key for number, key in (reserved | gone).items() if number not in used}
    return LockedMessage(fields=fields, reserved=kept)


def _merged_enum(name: str, three: list[LockedEnum], moved: list[Renumbered]) -> LockedEnum:
    """Merges enums as messages whose fields have one type."""
    parts = [
        LockedMessage(
            fields={key: LockedField(number=number, type="") for key, number in one.values.items()},
            reserved=one.reserved,
        )
        for one in three
    ]
    made = _merged_message(name, parts, moved)
    return LockedEnum(values={key: one.number for key, one in made.fields.items()}, reserved=made.reserved)


def _merged_services(base: Lock, ours: Lock, theirs: Lock) -> dict[str, dict[str, list[str]]]:
    services = {}
    for name in dict.fromkeys([*ours.services, *theirs.services]):
        old, mine, other = (one.services.get(name, {}) for one in (base, ours, theirs))
        services[name] = {key: one for key, one in mine.items() if not _removed(key, old, other)} | {
            key: one for key, one in other.items() if key not in mine and not _removed(key, old, mine)
        }
    return {name: methods for name, methods in services.items() if methods}


def _removed(key: str, base: Container[str], branch: Container[str]) -> bool:
    """Whether a branch removed something that was there."""
    return key in base and key not in branch


def _free(place: str, number: int, taken: set[int], moved: list[Renumbered], *, keep: bool) -> int:
    if keep or number not in taken:
        return number
    free = next(free_numbers(taken))
    moved.append(Renumbered(place=place, before=number, after=free))
    return free
