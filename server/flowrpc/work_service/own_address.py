"""The address of this host on the way to another one."""

from __future__ import annotations

import socket

from flowrpc.component.endpoint import LOCALHOST


def address_towards(address: str) -> str:
    """Returns the address of this host that a program at `HOST:PORT` would see; 127.0.0.1 if there is no way to it.

    No packet is sent: connecting a datagram socket only chooses the way.
    """
    host, _, port = address.rpartition(":")
    try:
        family, kind, protocol, _, target = socket.getaddrinfo(
            host.strip("[]"), int(port), type=socket.SOCK_DGRAM
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.connect(target)
            return str(probe.getsockname()[0])
    except (OSError, ValueError):
        return LOCALHOST
