"""Request ids: what makes a repeated request the same request."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

from flowrpc.errors import CallError

WINDOW = timedelta(hours=23)
"""How old a request id may be; the store keeps answers a little longer."""
AHEAD = timedelta(minutes=10)
"""How far a caller's clock may be ahead of ours."""


def check_request_id(request_id: str, now: datetime) -> None:
    """Checks that an id is a UUIDv7 (RFC 9562) of a time for which answers are kept.

    Raises:
        CallError: It is not.
    """
    try:
        parsed = uuid.UUID(request_id)
    except ValueError:
        parsed = uuid.UUID(int=0)
    if parsed.version != 7 or str(parsed) != request_id:
        _refuse(request_id, "is no UUIDv7 in lower-case hex with dashes")
    made_at = datetime.fromtimestamp((parsed.int >> 80) / 1000, UTC)
    if made_at < now - WINDOW:
        _refuse(request_id, f"was made more than {WINDOW} ago, and answers are not kept for longer")
    if made_at > now + AHEAD:
        _refuse(request_id, f"was made more than {AHEAD} ahead of our clock")


def _refuse(request_id: str, problem: str) -> None:
    raise CallError(
        "INVALID_REQUEST_ID",
        f"the request id {request_id!r} {problem}; make a new one",
        request_id=request_id,
    )
