"""Commands with a part that runs at the client."""

from flowrpc import ClientCommand

__all__ = ["ClientCommand"]
