"""The file of a lock, which users commit beside their app."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from flowrpc.contract.lock import RESERVED_BY_PROTOBUF, Lock, LockedEnum, LockedField, LockedMessage
from flowrpc.errors import ContractError

FORMAT = 1
"""Version of the file; a larger one is refused."""
FILE_NAME = "contract.lock.json"
"""The file, beside the app's."""


def read_lock(path: Path) -> Lock | None:
    """Reads a lock; None if there is none.

    Raises:
        ContractError: It cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise ContractError(str(path), f"cannot be read: {error}") from error
    return parse_lock(text, str(path))


def parse_lock(text: str, place: str) -> Lock:
    """Reads the text of a lock.

    Raises:
        ContractError: It is none, of a newer format, or gives one number twice.
    """
    try:
        data = json.loads(text)
        if data["format"] > FORMAT:
            raise ContractError(
                place, f"has format {data['format']}; this version of flowrpc reads up to {FORMAT}"
            )
        lock = _lock_of(data)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        conflicts = "<<<<<<<" in text
        advice = (
            "it has conflict marks: run flowctl contract merge" if conflicts else "take the committed one"
        )
        raise ContractError(place, f"is no lock ({error!r}); {advice}") from error
    _check_numbers(lock, place)
    return lock


def lock_text(lock: Lock) -> str:
    """Writes a lock: sorted where order means nothing, so that branches differ only where they differ."""
    data = {
        "format": FORMAT,
        "package": lock.package,
        "messages": {name: _message_data(one) for name, one in sorted(lock.messages.items())},
        "enums": {
            name: {"values": one.values, "reserved": _reserved_data(one.reserved)}
            for name, one in sorted(lock.enums.items())
        },
        "services": {name: dict(sorted(one.items())) for name, one in sorted(lock.services.items())},
    }
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"


def _message_data(message: LockedMessage) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for name, one in sorted(message.fields.items(), key=lambda item: item[1].number):
        more = {
            "oneof": one.oneof,
            "required": one.required,
            "format": one.format,
            "choices": list(one.choices),
            "json": one.json,
        }
        fields[name] = {"number": one.number, "type": one.type} | {
            key: value for key, value in more.items() if value
        }
    return {"fields": fields, "reserved": _reserved_data(message.reserved)}


def _reserved_data(reserved: dict[int, str]) -> dict[str, str]:
    return {str(number): name for number, name in sorted(reserved.items())}


def _lock_of(data: dict[str, Any]) -> Lock:
    lock = Lock(package=str(data["package"]))
    for name, message in data["messages"].items():
        fields = {
            key: LockedField(
                number=int(one["number"]),
                type=str(one["type"]),
                oneof=str(one.get("oneof", "")),
                required=bool(one.get("required", False)),
                format=str(one.get("format", "")),
                choices=tuple(str(choice) for choice in one.get("choices", ())),
                json=str(one.get("json", "")),
            )
            for key, one in message["fields"].items()
        }
        lock.messages[name] = LockedMessage(fields=fields, reserved=_reserved(message["reserved"]))
    for name, enum in data["enums"].items():
        values = {str(value): int(number) for value, number in enum["values"].items()}
        lock.enums[name] = LockedEnum(values=values, reserved=_reserved(enum["reserved"]))
    lock.services = {
        name: {method: [str(part) for part in one] for method, one in methods.items()}
        for name, methods in data["services"].items()
    }
    return lock


def _reserved(data: dict[str, str]) -> dict[int, str]:
    return {int(number): str(name) for number, name in data.items()}


def _check_numbers(lock: Lock, place: str) -> None:
    for name, message in lock.messages.items():
        used = {key: one.number for key, one in message.fields.items()}
        _check_once(f"{place}: {name}", used, message.reserved)
    for name, enum in lock.enums.items():
        _check_once(f"{place}: {name}", enum.values, enum.reserved)


def _check_once(place: str, used: dict[str, int], reserved: dict[int, str]) -> None:
    met = dict(reserved)
    for name, number in used.items():
        if number in met:
            raise ContractError(
                place,
                f"{met[number]} and {name} have the number {number}; if two branches took it, "
                "run flowctl contract merge",
            )
        met[number] = name
    for number, name in met.items():
        if not 0 < number < 2**29 or number in RESERVED_BY_PROTOBUF:
            raise ContractError(place, f"{name} has the number {number}, which protobuf does not allow")
