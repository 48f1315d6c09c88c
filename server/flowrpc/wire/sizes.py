"""How large messages are."""

from __future__ import annotations

from typing import Any


def size_of(message: Any) -> int:
    """Returns how many bytes a message takes on the wire."""
    return int(message.ByteSize())
