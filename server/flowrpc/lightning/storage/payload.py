"""Objects of Python that are handed over as files."""

from flowrpc.storage import Payload

__all__ = ["Payload"]
