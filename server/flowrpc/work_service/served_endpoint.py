"""Where a work serves, found out in its process: the port that it was given, and when that accepts connections."""

from __future__ import annotations

import socket
from collections.abc import Callable
from threading import Event, Lock, Thread

from flowrpc.component.endpoint import LOCALHOST, free_port

FIRST_PAUSE_SECONDS = 0.02
LONGEST_PAUSE_SECONDS = 0.5
"""How long one waits between two looks whether the port accepts connections."""

CONNECT_SECONDS = 1.0

_ANY_ADDRESS = {"0.0.0.0": LOCALHOST, "::": "::1", "": LOCALHOST}


class ServedEndpoint:
    """Chooses the port of a work, and tells when it accepts connections.

    Args:
        host: The address that the work listens on.
        port: The port that it has to have; None: any.
        last_port: The port that it had last, which it gets again if it is free.
        internal_ip: Address of this host on the network that it shares with the flow.
        public_ip: Address of this host on the internet; empty if unknown.
        tell: Is told port and URL whenever one changes; from any thread.
    """

    def __init__(
        self,
        *,
        host: str,
        port: int | None,
        last_port: int,
        internal_ip: str,
        public_ip: str,
        tell: Callable[[int, str], None],
    ) -> None:
        self.url = ""
        self.internal_ip = internal_ip
        self.public_ip = public_ip
        self._host = host
        self._port = port or 0
        self._last_port = last_port
        self._tell = tell
        self._lock = Lock()
        self._watching: Event | None = None  # set to end the watch

    def port(self) -> int:
        """Returns the port; from now on it is watched whether it accepts connections."""
        with self._lock:
            if not self._port:
                self._port = free_port(self._host, self._last_port)
            if self._watching is None:
                self._watching = Event()
                self._tell(self._port, self.url)
                watch = Thread(
                    target=self._watch, args=[self._watching], name="flowrpc-endpoint", daemon=True
                )
                watch.start()
            return self._port

    def run_ended(self, *, failed: bool) -> None:
        """Takes the URL back if nothing serves any more: what a run left serving in a thread goes on."""
        if not self.url and not failed:
            return
        if failed or not self._accepts():
            self._stop_watching()
            self._set_url("")

    def _stop_watching(self) -> None:
        with self._lock:
            if self._watching is not None:
                self._watching.set()
                self._watching = None

    def _watch(self, ended: Event) -> None:
        pause = FIRST_PAUSE_SECONDS
        while not ended.is_set():
            if self._accepts():
                self._set_url(self._own_url(), unless=ended)
                return
            ended.wait(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    def _accepts(self) -> bool:
        address = _ANY_ADDRESS.get(self._host, self._host), self._port
        try:
            with socket.create_connection(address, timeout=CONNECT_SECONDS):
                return True
        except OSError:
            return False

    def _own_url(self) -> str:
        host = self.internal_ip or LOCALHOST if self._host in _ANY_ADDRESS else self._host
        return f"http://[{host}]:{self._port}" if ":" in host else f"http://{host}:{self._port}"

    def _set_url(self, url: str, unless: Event | None = None) -> None:
        with self._lock:
            if url != self.url and not (unless is not None and unless.is_set()):
                self.url = url
                self._tell(self._port, url)
