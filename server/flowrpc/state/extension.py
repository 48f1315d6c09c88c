"""Values of named types that JSON has not: a reference to a file, what a work needs of a machine."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar

from flowrpc.errors import InvalidValueError

if TYPE_CHECKING:
    from flowrpc.state.values import Value

_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_CLASSES: dict[str, type[Extension]] = {}


class Extension:
    """Is a value of a named type, made of a value of state. It never changes.

    A program that does not know the type keeps the value as it is. A subclass gives its type's name and makes itself
    of a content:

        class Coordinates(Extension, type_name="coordinates"): ...

    Args:
        type_name: Lower-case letters, digits and `_`, at most 63.
        content: What it is made of: a value that `copy_value` returned.

    Raises:
        InvalidValueError: The name is none.
    """

    TYPE_NAME: ClassVar[str] = ""
    """The name of the type; empty for a type that this program does not know."""

    def __init__(self, type_name: str, content: Value) -> None:
        if _NAME.fullmatch(type_name) is None:
            raise InvalidValueError("extension", f"{type_name[:80]!r} is no name of a type")
        self._type_name = type_name
        self._content = content

    def __init_subclass__(cls, *, type_name: str = "", **kwargs: Any) -> None:
        """Makes `extension_of` build this class for a type."""
        super().__init_subclass__(**kwargs)
        if type_name:
            cls.TYPE_NAME = type_name
            _CLASSES[type_name] = cls

    @classmethod
    def from_content(cls, content: Value) -> Extension:
        """Builds one of what `extension_content` returned.

        Raises:
            InvalidValueError: It cannot be built of this.
        """
        raise NotImplementedError

    def extension_type(self) -> str:
        """Returns the name of its type."""
        return self.TYPE_NAME or self._type_name

    def extension_content(self) -> Value:
        """Returns what it is made of. The caller does not change it."""
        return self._content

    def __eq__(self, other: object) -> bool:
        """Tells whether type and content are equal."""
        return (
            isinstance(other, Extension)
            and self.extension_type() == other.extension_type()
            and self.extension_content() == other.extension_content()
        )

    def __hash__(self) -> int:
        """Hashes the type: contents may be equal and differ in their types, as 1 and 1.0."""
        return hash(self.extension_type())

    def __repr__(self) -> str:
        """Shows type and content."""
        return f"Extension({self.extension_type()!r}, {self.extension_content()!r})"


def extension_of(type_name: str, content: Value) -> Extension:
    """Builds the extension of a type: one of its class, or a plain one if this program does not know the type.

    Raises:
        InvalidValueError: The type's name is none, or the type refuses the content.
    """
    known = _CLASSES.get(type_name)
    return Extension(type_name, content) if known is None else known.from_content(content)


JSON_KEY = "$flowrpc"
"""The key that marks an extension where values are written as JSON: `{"$flowrpc": type, "value": content}`."""


def extension_json(value: Any) -> Any:
    """Writes an extension as JSON has it; the `default` of `json.dumps`.

    Raises:
        TypeError: It is none.
    """
    if isinstance(value, Extension):
        return {JSON_KEY: value.extension_type(), "value": value.extension_content()}
    raise TypeError(f"{type(value).__name__} is no value of state")
