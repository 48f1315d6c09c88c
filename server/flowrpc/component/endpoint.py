"""Where a work serves, as the process that executes it knows it."""

from __future__ import annotations

import errno
import socket
from typing import Protocol

LOCALHOST = "127.0.0.1"
"""The address that only programs on the same host reach."""


class Endpoint(Protocol):
    """Knows the port that a work has and the addresses of its host. A runner has one."""

    url: str
    """`http://HOST:PORT` while the port accepts connections, else empty."""
    internal_ip: str
    public_ip: str

    def port(self) -> int:
        """Returns the port, chosen when it is asked for first."""


class OwnEndpoint:
    """Is the endpoint of a work that is in no app and runs where it is called."""

    url = ""
    internal_ip = LOCALHOST
    public_ip = ""

    def __init__(self, host: str, port: int | None) -> None:
        """Takes the host to listen on, and a port if it has to be that one."""
        self._host = host
        self._port = port

    def port(self) -> int:
        """Returns the port; a free one if it need not be a certain one."""
        if self._port is None:
            self._port = free_port(self._host)
        return self._port


def free_port(host: str, wanted: int = 0) -> int:
    """Returns a port on which a server could listen now: the wanted one if that is free.

    It is not kept free: who wants it listens soon.

    Raises:
        OSError: The host is none of this machine's addresses.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for port in (wanted, 0) if wanted else (0,):
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError as error:
                if port and error.errno in (errno.EADDRINUSE, errno.EACCES):
                    continue
                raise
            return int(probe.getsockname()[1])
    raise OSError(errno.EADDRINUSE, f"no free port on {host}")
