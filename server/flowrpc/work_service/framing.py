"""Frames between an agent and its runners: each behind its length, four bytes, big endian."""

from __future__ import annotations

import struct

MAX_FRAME_BYTES = 64 * 1024 * 1024
"""How large one frame is at most; more is a fault of the peer."""

_LENGTH = struct.Struct(">I")


def pack(payload: bytes) -> bytes:
    """Makes a frame of a payload."""
    return _LENGTH.pack(len(payload)) + payload


class FrameError(Exception):
    """Tells that what the peer sent is no frame."""


class FrameBuffer:
    """Cuts what a socket delivers into payloads."""

    def __init__(self) -> None:
        self._data = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """Takes bytes in and returns the payloads that are now complete.

        Raises:
            FrameError: A length is impossible.
        """
        self._data += data
        payloads: list[bytes] = []
        start = 0
        while (end := self._end(start)) is not None:
            payloads.append(bytes(self._data[start + _LENGTH.size : end]))
            start = end
        del self._data[:start]
        return payloads

    def _end(self, start: int) -> int | None:
        """Returns where the frame at `start` ends, or None while it is not complete."""
        if len(self._data) - start < _LENGTH.size:
            return None
        (length,) = _LENGTH.unpack_from(self._data, start)
        if length > MAX_FRAME_BYTES:
            raise FrameError(f"a frame of {length} bytes; at most {MAX_FRAME_BYTES} are allowed")
        end = start + _LENGTH.size + int(length)
        return end if end <= len(self._data) else None
