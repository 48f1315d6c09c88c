"""Field masks: which parts of a state are wanted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from flowrpc.contract.reading import Unreadable
from flowrpc.contract.shape import Contract, Ref


@dataclass(slots=True)
class Mask:
    """What is wanted of a message, by Python's names; without parts: all of it."""

    parts: dict[str, Mask] = field(default_factory=dict)

    def of(self, value: Any) -> Any:
        """Returns the wanted parts of a value."""
        if not self.parts or not isinstance(value, dict):
            return value
        return {name: part.of(value[name]) for name, part in self.parts.items() if name in value}


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
            at = shape.shape.name if isinstance(shape.shape, Ref) and not shape.shape.is_enum else ""
            if id(mask) not in ended:  # what is wanted whole is not narrowed by another path
                mask = mask.parts.setdefault(shape.python_name, Mask())
        mask.parts.clear()
        ended.add(id(mask))
    return whole
