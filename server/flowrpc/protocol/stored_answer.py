"""The first answer to a request id, kept so that a repeat of the request gets the same one."""

from __future__ import annotations

from dataclasses import dataclass

from flowrpc.protocol.answers import CommandOutcome, UpdateOutcome


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAnswer:
    """What the first request of an id was, and what it was answered."""

    request_id: str
    digest: bytes
    """SHA-256 of the request without its id (`wire.requests.request_digest`): a repeat has the same one."""
    answer: CommandOutcome | UpdateOutcome
