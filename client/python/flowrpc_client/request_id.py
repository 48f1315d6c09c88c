"""Request ids: what makes a repeated request the same request."""

from __future__ import annotations

import secrets
import time
import uuid

_TIMESTAMP_BITS = 48


def new_request_id() -> str:
    """Makes a UUIDv7: its first 48 bits are milliseconds since 1970, the rest is random.

    RFC 9562, section 5.7. The time lets a service refuse ids that are older than its memory.
    """
    milliseconds = (time.time_ns() // 1_000_000) & ((1 << _TIMESTAMP_BITS) - 1)
    number = milliseconds << 80 | secrets.randbits(80)
    version = number & ~(0xF << 76) | 0x7 << 76
    variant = version & ~(0x3 << 62) | 0x2 << 62
    return str(uuid.UUID(int=variant))
