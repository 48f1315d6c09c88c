"""Field masks: which parts of a state are wanted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from flowrpc.contract.reading import Unreadable
from flowrpc.contract.shape import Contract, Maybe, Ref


@dataclass(slots=True)
class Mask:
    """What is wanted of a message, by Python's names; without parts: all of it."""

    parts: dict[str, Mask] = field(default_factory=dict)

    def of(self, value: Any) -> Any:
        """Returns the wanted parts of a value."""
        if not self.parts or not isinstance(value, dict):
            return value
        return {name: part.of(value[name]) for name, part in self.parts.items() if name in value}

    def part(self, names: tuple[str, ...]) -> Mask:
        """Returns the mask of a part, whichever of its names the value has it by."""
        part = self.parts.setdefault(names[0], Mask())
        self.parts.update(dict.fromkeys(names, part))
        return part


def mask_of(paths: Iterable[str], message: str, contract: Contract) -> Mask:
    """Makes a mask of paths such as `train.progress`.

    Args:
        paths: Names of fields as they are in protobuf.
        message: The name of the message that they begin in.
        contract: What tells its fields.

    Raises:
        Unreadable: A path names no field.
    """
    whole = Mask()
    ended: set[int] = set()
    for path in paths:
        mask, at = whole, message
        for step in path.split("."):
            shape = (
                next((one for one in contract.messages[at].fields if one.name == step), None) if at else None
            )
            if shape is None:
                raise Unreadable(("field_mask", f"names {path!r}, which {message} does not have"))
            if id(mask) not in ended:  # what is wanted whole is not narrowed by another path
                mask = mask.part(contract.messages[at].keys(shape))
            held = shape.shape.item if isinstance(shape.shape, Maybe) else shape.shape
            at = held.name if isinstance(held, Ref) and not held.is_enum else ""
        mask.parts.clear()
        ended.add(id(mask))
    return whole
