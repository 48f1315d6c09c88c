"""Where a work serves, as its attributes tell it."""

from __future__ import annotations

from flowrpc.component.component import Component
from flowrpc.component.endpoint import Endpoint, OwnEndpoint


class WorkEndpoint(Component):
    """Is the part of a work that says where it serves."""

    _host: str
    _fixed_port: int | None
    _endpoint: Endpoint | None
    # Vars of the framework, while they were never set
    _url: str = ""
    _port: int = 0

    @property
    def host(self) -> str:
        """The address that it listens on if it serves."""
        return self._host

    @property
    def port(self) -> int:
        """The port that it serves on.

        In `run` it is the one that was given, or a free one, which the work keeps. In the flow it is 0 until `run` has
        asked for it.
        """
        if self._context is not None:
            return self._port or self._fixed_port or 0
        endpoint = self._endpoint or OwnEndpoint(self._host, self._fixed_port)
        self.__dict__["_endpoint"] = endpoint
        return endpoint.port()

    @property
    def url(self) -> str:
        """`http://HOST:PORT` while the work serves: from when the port that `run` asked for accepts connections.

        Empty before that, and again when the run failed or was stopped, or its process is gone. The host is `host`,
        or the `internal_ip` if that is any address.
        """
        return self._endpoint.url if self._context is None and self._endpoint is not None else self._url

    @property
    def internal_ip(self) -> str:
        """The address of the host that executes it, on the network shared with the flow; empty while none does."""
        return self._addresses()[0]

    @property
    def public_ip(self) -> str:
        """The address of that host on the internet; empty unless the agent there was told."""
        return self._addresses()[1]

    def _addresses(self) -> tuple[str, str]:
        if self._context is not None:
            addresses: tuple[str, str] = self._context.addresses(self)
            return addresses
        return (
            (self._endpoint.internal_ip, self._endpoint.public_ip) if self._endpoint is not None else ("", "")
        )
