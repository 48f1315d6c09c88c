"""What breaks whom: two locks of one contract compared."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from flowrpc.contract.lock import Lock, LockedField, LockedMessage, same_type

_UNTYPED = {
    "flowrpc.v1.Value": "Any",
    "repeated flowrpc.v1.Value": "list",
    "map<string, flowrpc.v1.Value>": "dict",
}
"""What keeps the type of a var that had no annotation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Break:
    """A change that somebody's code does not survive."""

    place: str
    """What changed: `OrderRequest.items`."""
    change: str
    """How: `is gone`."""
    whom: str
    """Who is hurt, and what to do instead."""

    def __str__(self) -> str:
        return f"{self.place} {self.change}: {self.whom}"


def breaks(before: Lock, after: Lock) -> list[Break]:
    """Lists what clients that were generated from one contract cannot do with the next one, by place."""
    requests, _ = _used(before)
    found = [*_services(before, after)]
    for name, message in before.messages.items():
        if message.fields:
            found += _message(name, message, after.messages.get(name, LockedMessage()), name in requests)
    for name, enum in before.enums.items():
        later = after.enums.get(name)
        for value in enum.values:
            if later is None or value not in later.values:
                found.append(
                    Break(
                        place=f"{name}.{value}",
                        change="is gone",
                        whom="clients that send or expect it break; keep the member",
                    )
                )
    return found


def _services(before: Lock, after: Lock) -> Iterator[Break]:
    for service, methods in before.services.items():
        for method, signature in methods.items():
            now = after.services.get(service, {}).get(method)
            place = f"{service}.{method}"
            if now is None:
                yield Break(
                    place=place,
                    change="is gone",
                    whom="clients that call it break; keep the command, or its name",
                )
            elif now != signature:
                whom = "clients cannot read its answers; give the changed command another name"
                if len(now) != len(signature):
                    whom = "clients call it the other way; give the command that streams another name"
                yield Break(place=place, change=f"was {_shown(signature)} and is {_shown(now)}", whom=whom)


def _shown(signature: list[str]) -> str:
    request, response, *stream = signature
    return f"({request}) returns ({'stream ' if stream else ''}{response})"


def _message(name: str, before: LockedMessage, after: LockedMessage, is_request: bool) -> Iterator[Break]:
    by_number = {one.number: (key, one) for key, one in after.fields.items()}
    known = {one.number for one in before.fields.values()}
    for key, old in before.fields.items():
        now = by_number.get(old.number)
        if now is None or not same_type(old, now[1]):
            yield _gone(f"{name}.{key}", old, after.fields.get(key), is_request)
        elif now[1].required and not old.required:
            whom = "clients that leave it out are refused; give it a default"
            yield Break(place=f"{name}.{key}", change="is required now", whom=whom)
        else:
            yield from _choices(f"{name}.{key}", old, now[1])
    has_rest = any(one.format.startswith("rest") for one in before.fields.values())
    for key, one in after.fields.items():
        if has_rest and one.number not in known and key not in before.fields:
            whom = "clients that send it among the arguments without a parameter are refused; give it a new command"
            yield Break(place=f"{name}.{key}", change="is new", whom=whom)
        elif key in before.reserved.values() and key not in before.fields:
            whom = "clients of old that speak JSON take it for what it was; choose another name"
            yield Break(place=f"{name}.{key}", change="has the name of something that is gone", whom=whom)
        if one.required and one.number not in known and key not in before.fields:
            whom = "clients do not send it and are refused; give it a default"
            yield Break(place=f"{name}.{key}", change="is new and required", whom=whom)


def _gone(place: str, old: LockedField, now: LockedField | None, is_request: bool) -> Break:
    if now is not None:
        keep = f"annotate it with {_UNTYPED[_type(old)]}" if _type(old) in _UNTYPED else "keep it"
        whom = f"clients send and expect the old type; {keep}, or give what is new another name"
        return Break(place=place, change=f"was {_type(old)} and is {_type(now)}", whom=whom)
    whom = (
        "clients that send it would be ignored; keep the parameter, or note RenamedFrom where it went"
        if is_request
        else "clients that read it find nothing; keep it, or note RenamedFrom where it went"
    )
    return Break(place=place, change="is gone", whom=whom)


def _choices(place: str, old: LockedField, now: LockedField) -> Iterator[Break]:
    for one in old.choices:
        if one not in now.choices:
            yield Break(
                place=place,
                change=f"cannot be {one} any more",
                whom="clients that send or expect it break; keep the choice",
            )


def _type(one: LockedField) -> str:
    return f"{one.type} ({one.format})" if one.format else one.type


def _used(lock: Lock) -> tuple[set[str], set[str]]:
    """Returns the names of the messages that are requests, and of those that are responses."""
    signatures = [signature for methods in lock.services.values() for signature in methods.values()]
    return {one[0] for one in signatures}, {one[1] for one in signatures}
