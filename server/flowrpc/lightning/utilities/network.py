"""Free ports."""

from flowrpc.component.endpoint import LOCALHOST, free_port

__all__ = ["find_free_network_port"]


def find_free_network_port(host: str = LOCALHOST) -> int:
    """Returns a port on which a server could listen now. A work has one of its own: `self.port`."""
    return free_port(host)
