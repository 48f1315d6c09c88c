"""A TCP forwarder on loopback that stands between an agent and its flow, and behaves like a bad network."""

from __future__ import annotations

import socket
import struct
import threading
import time
from contextlib import suppress

_CHUNK_BYTES = 16 * 1024
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER that sends RST


class Link:
    """One connection through the forwarder."""

    def __init__(self, ours: socket.socket, theirs: socket.socket) -> None:
        self.ends = (ours, theirs)
        self.frozen = False
        self.chunks = 0

    def cut(self) -> None:
        """Breaks the connection; what is under way is lost."""
        for end in self.ends:
            with suppress(OSError):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                end.shutdown(socket.SHUT_RDWR)
            end.close()


class Forwarder:
    """Forwards connections to an address, until it is told to do otherwise.

    Args:
        target: `HOST:PORT`.
        delay_seconds: How long each chunk of data is held up, in both directions.
        cut_every: After how many chunks a connection is cut; 0: never.
    """

    def __init__(self, target: str, *, delay_seconds: float = 0.0, cut_every: int = 0) -> None:
        host, _, port = target.rpartition(":")
        self._target = host, int(port)
        self.delay_seconds = delay_seconds
        self.cut_every = cut_every
        self.cuts = 0
        """How many connections were cut for their length."""
        self._links: list[Link] = []
        self._closed = False
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def freeze(self) -> None:
        """Forwards nothing more on the connections that are open, and breaks none of them: they are half-open."""
        for link in self._links:
            link.frozen = True

    def cut(self) -> None:
        """Breaks every connection; new ones are welcome."""
        links, self._links = self._links, []
        for link in links:
            link.cut()

    def close(self) -> None:
        self._closed = True
        self._listener.close()
        self.cut()

    def __enter__(self) -> Forwarder:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _accept(self) -> None:
        while not self._closed:
            try:
                ours, _ = self._listener.accept()
            except OSError:
                return
            try:
                theirs = socket.create_connection(self._target, timeout=60)
            except OSError:  # the flow is not there, and whoever dials is to see that
                ours.close()
                continue
            theirs.settimeout(None)
            link = Link(ours, theirs)
            self._links.append(link)
            for source, sink in ((ours, theirs), (theirs, ours)):
                sink.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=self._pump, args=[link, source, sink], daemon=True).start()

    def _pump(self, link: Link, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(_CHUNK_BYTES):
                if link.frozen:
                    continue  # swallowed
                link.chunks += 1
                if self.cut_every and link.chunks >= self.cut_every:
                    self.cuts += 1
                    break
                time.sleep(self.delay_seconds)
                sink.sendall(data)
        if not link.frozen:
            link.cut()
