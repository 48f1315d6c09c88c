"""Components that do nothing."""

from flowrpc.testing import EmptyFlow, EmptyWork

__all__ = ["EmptyFlow", "EmptyWork"]
