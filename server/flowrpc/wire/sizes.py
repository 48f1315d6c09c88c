"""How large messages are."""

from __future__ import annotations

from typing import Any

MAX_MESSAGE_BYTES = 64 * 1024 * 1024
"""How large a message may be that a flow service or an agent takes; gRPC refuses larger ones, and ends their stream."""

MAX_TO_AGENT_BYTES = MAX_MESSAGE_BYTES - 64 * 1024
"""How large a frame to an agent may be: it is passed on to a runner, in another envelope with the same bound."""


def size_of(message: Any) -> int:
    """Returns how many bytes a message takes on the wire."""
    return int(message.ByteSize())
