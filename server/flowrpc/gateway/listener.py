"""The port of the gateway: taken at the start, so that a taken one is told, and listened on later."""

from __future__ import annotations

import socket
from contextlib import suppress
from pathlib import Path

from flowrpc.errors import StartError

LAST_ADDRESS = "http-address"
"""Where a data directory keeps the address of its last life, so that bookmarks stay good."""
BACKLOG = 1_024


def bind(address: str, data_dir: Path) -> socket.socket:
    """Takes the port; of free ones the one of the last life.

    Raises:
        StartError: The address cannot be bound.
    """
    host, _, port = address.rpartition(":")
    last = _last_port(data_dir, host) if port == "0" else None
    bound = None
    if last is not None:
        with suppress(StartError):
            bound = _bind(host, last)
    bound = bound or _bind(host, int(port))
    _keep(data_dir, f"{host}:{port_of(bound)}")
    return bound


def port_of(bound: socket.socket) -> int:
    """Returns the port that a socket got."""
    return int(bound.getsockname()[1])


def _bind(host: str, port: int) -> socket.socket:
    try:
        found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
        family, kind, protocol, _, target = found[0]
        # asyncio sets TCP_NODELAY on sockets that say that they are TCP; without it, answers wait for 40 ms.
        bound = socket.socket(family, kind, protocol)
    except OSError as error:
        raise _refusal(host, port, error) from None
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # Linux: not while another one listens
        bound.bind(target)
        # Two sockets may be bound to one port that reuses addresses; only one of them may listen.
        bound.listen(BACKLOG)
        bound.setblocking(False)
    except OSError as error:
        bound.close()
        raise _refusal(host, port, error) from None
    return bound


def _refusal(host: str, port: int, error: OSError) -> StartError:
    return StartError(
        f"cannot serve HTTP on {host}:{port}: {error.strerror or error}; choose another address with --http "
        "(port 0 takes a free one), or serve none with --no-http"
    )


def _last_port(data_dir: Path, host: str) -> int | None:
    try:
        last_host, _, port = (data_dir / LAST_ADDRESS).read_text().strip().rpartition(":")
    except (OSError, UnicodeDecodeError):
        return None
    return int(port) if last_host == host and port.isdecimal() and int(port) < 65_536 else None


def _keep(data_dir: Path, address: str) -> None:
    with suppress(OSError):  # the next life takes another port then
        (data_dir / LAST_ADDRESS).write_text(f"{address}\n")
