"""Ports for apps that are started again at another address."""

from __future__ import annotations

import socket


def free_port() -> int:
    """Returns a port of loopback that nobody uses now."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        port: int = holder.getsockname()[1]
        return port
