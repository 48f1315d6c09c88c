"""Which names the gateway answers to, and which pages may send it anything but reads.

A page of a stranger can make a browser send requests to any address. What protects from it: a name that the stranger
points at this host is not answered to (DNS rebinding), and a page of another origin may only read, without a cookie
and without an answer that it could see (SameSite, no CORS).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from flowrpc.errors import CallError
from flowrpc.flow_service.server import is_loopback

_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_DEFAULT_PORTS = {"http": "80", "https": "443"}


class Hosts:
    """Knows the names of the host that is served.

    Args:
        bound: The host of the address that is served on.
        more: Other names that it is called by, behind a proxy for example.
    """

    def __init__(self, bound: str, more: Iterable[str] = ()) -> None:
        self._names = {bound.strip("[]").lower(), *(name.strip("[]").lower() for name in more)}
        if is_loopback(bound):
            self._names.update(_LOOPBACK)
        self._any_address = _is_wildcard(bound)

    def check(self, host: str) -> None:
        """Checks the header `Host`. Its port is not looked at: a tunnel changes it, and it protects from nothing.

        Raises:
            CallError: The host is not called so.
        """
        name = _name(host)
        if name in self._names or (self._any_address and _is_address(name)):
            return
        raise CallError(
            "PERMISSION_DENIED",
            f"this app does not answer to the host name {name[:100]!r}; allow it with --http-name",
            role="",
            needed="a known host name",
        )


def check_origin(origin: str, host: str) -> None:
    """Checks that what is not a mere read comes from a page of the app itself, or from no page.

    Args:
        origin: The header `Origin`; empty if there is none.
        host: The header `Host`, which has been checked.

    Raises:
        CallError: It comes from elsewhere.
    """
    if not origin:
        return
    scheme, _, place = origin.partition("://")
    default = _DEFAULT_PORTS.get(scheme, "")
    if default and _with_port(place, default) == _with_port(host, default):
        return
    raise CallError(
        "PERMISSION_DENIED",
        f"a page of {origin[:100]} may not ask this of the app; only its own pages may",
        role="",
        needed="the app's own origin",
    )


def _name(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower()


def _with_port(place: str, default: str) -> tuple[str, str]:
    port = place.rpartition("]")[2].partition(":")[2]
    return _name(place), port or default


def _is_address(name: str) -> bool:
    """Tells whether a name is an address: no stranger's DNS leads there."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _is_wildcard(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_unspecified
    except ValueError:
        return False
