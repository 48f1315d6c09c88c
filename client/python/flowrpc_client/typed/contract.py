"""The contract that a generated client is of: its methods, ready to be called."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flowrpc.wire.typed_messages import TypedMessages, TypedMethod


class Contract:
    """Knows the messages and methods of a contract. They are made when one is called for the first time.

    Args:
        file: The contract's file, as a descriptor of protobuf.
        types: Gives the classes that stand for its messages and enums.
    """

    def __init__(self, file: bytes, types: Callable[[], Iterable[type[Any]]]) -> None:
        self._file = file
        self._types = types
        self._methods: dict[tuple[str, str], TypedMethod] = {}

    def method(self, service: str, name: str) -> TypedMethod:
        """Returns a method of a service."""
        method = self._methods.get((service, name))
        if method is None:
            method = self._methods[service, name] = self._messages.method(service, name)
        return method

    @cached_property
    def _messages(self) -> TypedMessages:
        from flowrpc.wire.typed_messages import TypedMessages

        return TypedMessages(self._file, {one.__name__: one for one in self._types()})
