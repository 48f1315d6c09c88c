"""Payload: a Python object that one work makes and another one gets, kept in the app's storage."""

from __future__ import annotations

from typing import Any

from flowrpc.errors import InvalidValueError, StorageError
from flowrpc.state.extension import Extension
from flowrpc.state.values import Value
from flowrpc.storage.process import flow_depot, work_exchange
from flowrpc.storage.reference import Content, Kind, read_content, write_content

_UNSET = object()


class Payload(Extension, type_name="payload"):
    """Is an object that state cannot hold. Set it in the `run` of a work; another work reads `.value`.

    The object is pickled when it becomes state, and what changes in it afterwards is not seen. Unpickling runs code: so
    only works do it, and only with what the app's storage holds under the digest that the reference names.

    Args:
        value: The object; pickle must know how to write it.
    """

    def __init__(self, value: Any) -> None:
        self._value = value
        self._stored: Content | None = None

    @classmethod
    def from_content(cls, content: Value) -> Payload:
        """Builds it of a reference.

        Raises:
            InvalidValueError: It is none.
        """
        stored = read_content("payload", content)
        if stored.kind is not Kind.FILE:
            raise InvalidValueError("payload", "is a folder")
        made = cls(_UNSET)
        made._stored = stored
        return made

    def extension_content(self) -> Value:
        """Returns the reference; stores the object when this is asked for the first time.

        Raises:
            InvalidValueError: It is not asked for in the run of a work.
            StorageError: The object cannot be stored.
        """
        if self._stored is None:
            self._stored = self._store()
        return write_content(self._stored)

    @property
    def value(self) -> Any:
        """The object.

        Raises:
            RuntimeError: It is asked for in a flow.
            StorageError: It is missing, damaged, or cannot be unpickled here.
        """
        if self._value is _UNSET:
            self._value = self._load()
        return self._value

    def __eq__(self, other: object) -> bool:
        """Tells whether both are the same object, or refer to the same content."""
        return self is other or (
            isinstance(other, Payload) and self._stored is not None and self._stored == other._stored
        )

    def __hash__(self) -> int:
        """Hashes the type, as the content is known late."""
        return hash(self.TYPE_NAME)

    def __repr__(self) -> str:
        """Shows the reference; the object may be huge."""
        return (
            f"Payload({self._stored.digest[:16]}…)"
            if self._stored
            else f"Payload(a {type(self._value).__name__})"
        )

    def _store(self) -> Content:
        exchange = work_exchange()
        if exchange is None or not exchange.running:
            raise InvalidValueError(
                "payload",
                "The Payload object should be set only within the run method of a work that an app runs",
            )
        import pickle

        try:
            data = pickle.dumps(self._value, protocol=5)
        except Exception as error:  # whatever the object's own code raises
            name = type(self._value).__qualname__
            raise InvalidValueError(
                "payload", f"a {name} cannot be pickled: {error}; write it to a Path"
            ) from error
        return exchange.depot.publish_bytes(data)

    def _load(self) -> Any:
        exchange = work_exchange()
        if exchange is None or self._stored is None:
            where = "in a flow" if flow_depot() is not None else "outside of a work"
            raise RuntimeError(f"payload.value is read {where}; hand the payload to a work and read it there")
        import pickle

        data = exchange.depot.read(self._stored)
        try:
            return pickle.loads(data)
        except Exception as error:  # whatever the object's own code raises
            raise StorageError(
                f"{self!r} cannot be unpickled in {exchange.work}: {type(error).__name__}: {error}; is its class "
                "where it was, and importable here?"
            ) from error


def refuse_payloads(value: Any, place: str) -> None:
    """Refuses a value from outside that has a payload in it: unpickling it would run code of whoever made it.

    Raises:
        InvalidValueError: It has one.
    """
    if isinstance(value, Extension):
        if value.extension_type() == Payload.TYPE_NAME:
            raise InvalidValueError(place, "is a payload, which only works make; send the data as a value")
        refuse_payloads(value.extension_content(), place)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            refuse_payloads(item, f"{place}[{index}]")
    elif isinstance(value, dict):
        for key, item in value.items():
            refuse_payloads(item, f"{place}[{key!r}]")
