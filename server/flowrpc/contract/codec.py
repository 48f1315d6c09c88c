"""Bytes of a contract's messages ⇄ plain values: what is made once for a contract, and used for each call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flowrpc.contract.building import Built
from flowrpc.contract.reading import Readers, Unreadable
from flowrpc.contract.writing import Writers
from google.protobuf.message import DecodeError

ReadBytes = Callable[[bytes], dict[str, Any]]
"""Makes of a message's bytes a dict by Python's names. Raises Unreadable."""
WriteBytes = Callable[[dict[str, Any]], bytes]
"""Makes of a dict by Python's names a message's bytes. Raises Unwritable."""


class Codec:
    """Reads and writes the messages of one contract."""

    def __init__(self, built: Built) -> None:
        self._pool = built.pool()
        self._readers = Readers(built.contract, built.lock)
        self._writers = Writers(built.contract, built.lock)

    def reader(self, name: str) -> ReadBytes:
        """Makes what reads the messages of a name."""
        make, read = self._pool.message_class(name), self._readers.of_message(name)

        def plain(data: bytes) -> dict[str, Any]:
            try:
                message = make.FromString(data)
            except DecodeError as error:
                raise Unreadable(("", f"is no {name}: {error}")) from None
            return dict(read(message))

        return plain

    def writer(self, name: str) -> WriteBytes:
        """Makes what writes the messages of a name."""
        make, write = self._pool.message_class(name), self._writers.of_message(name)

        def encoded(value: dict[str, Any]) -> bytes:
            message = make()
            write(message, value)
            return bytes(message.SerializeToString())

        return encoded
