"""Components that hold components."""

from flowrpc.component import Dict, List

__all__ = ["Dict", "List"]
