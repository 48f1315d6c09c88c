"""The messages of a contract as dataclasses: the states of flows, and the types of arguments and results."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Self, dataclass_transform

ABSENT: Any = type("Absent", (), {"__repr__": lambda _: "ABSENT"})()
"""The default of fields that need not be given: nothing is sent, and the app takes what it takes by default."""


@dataclass_transform(kw_only_default=True)
class Message:
    """Is the base of these dataclasses: their fields are keyword arguments.

    A field that is absent, because it was not given or because a mask left it out, is no attribute.
    """

    __flowrpc_names__: ClassVar[Mapping[str, str]] = {}
    """Names of fields in protobuf, where they are others."""

    def __init_subclass__(cls) -> None:
        """Makes a dataclass of the class."""
        for name in cls.__annotations__:
            if cls.__dict__.get(name) is ABSENT:
                setattr(cls, name, dataclasses.field(default_factory=lambda: ABSENT))
        dataclasses.dataclass(kw_only=True, repr=False, eq=False)(cls)

    @classmethod
    def __flowrpc_make__(cls, fields: dict[str, Any]) -> Self:
        """Makes one of the fields that were sent."""
        made = cls.__new__(cls)
        made.__dict__.update(fields)
        return made

    def __flowrpc_fields__(self) -> dict[str, Any]:
        """Returns the fields that are there."""
        return dict(self.__dict__)

    def __post_init__(self) -> None:
        for name in [name for name, value in self.__dict__.items() if value is ABSENT]:
            del self.__dict__[name]

    if not TYPE_CHECKING:  # to whom every name would be a field

        def __getattr__(self, name: str) -> Any:
            if not name.startswith("__") and name in self.__dataclass_fields__:
                raise AttributeError(f"{name} of this {type(self).__name__} is absent", name=name, obj=self)
            raise AttributeError(f"{type(self).__name__} has no field {name!r}", name=name, obj=self)

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return _told(self) == _told(other)

    __hash__ = None  # type: ignore[assignment]  # they can be changed

    def __repr__(self) -> str:
        told = ", ".join(f"{name}={value!r}" for name, value in self.__dict__.items())
        return f"{type(self).__name__}({told})"


def _told(message: Message) -> dict[str, Any]:
    """Returns the fields of a message that say something: None says no more than absence."""
    return {name: value for name, value in message.__flowrpc_fields__().items() if value is not None}
