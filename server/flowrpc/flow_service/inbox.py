"""The inbox of the engine: what it was told and has not done yet, and how much of it there may be.

Requests beyond the bound are refused (OVERLOADED). Frames beyond theirs are not read from their streams until there is
room again: gRPC then holds up the agents, which keep what they have to say in outboxes with bounds of their own.
"""

from __future__ import annotations

import queue
from collections import deque
from collections.abc import Sequence
from contextlib import suppress

from flowrpc.errors import CallError
from flowrpc.flow_service.events import AgentSpoke, Event, Request

MAX_REQUESTS = 10_000
"""How many requests may wait, those included whose callers have given up."""
MAX_REQUEST_BYTES = 256 * 1024 * 1024
"""How large they may be together, as they came."""
MAX_FRAME_BYTES = 64 * 1024 * 1024
"""How large the frames of agents may be together, as they came."""
FRAME_BYTES = 256
"""What a frame costs at least, however short it is."""


class Inbox:
    """Takes events in the asyncio thread and gives them to the engine's.

    Either thread counts for itself what it put in or took out, so that no lock is needed.
    """

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
        self._first: deque[Event | None] = deque()
        self._requests_in = self._requests_done = 0
        self._request_bytes_in = self._request_bytes_done = 0
        self._frame_bytes_in = self._frame_bytes_done = 0
        self._room_wanted = False

    # The asyncio thread's side

    def put(self, event: Event | None) -> None:
        """Adds an event; None ends the engine."""
        if isinstance(event, Request):
            self._requests_in += 1
            self._request_bytes_in += event.size_bytes
        elif isinstance(event, AgentSpoke):
            self._frame_bytes_in += event.size_bytes + FRAME_BYTES
        self._queue.put(event)

    def check_room(self) -> None:
        """Makes sure that another request may be put in.

        Raises:
            CallError: Too many wait already.
        """
        requests = self._requests_in - self._requests_done
        size = self._request_bytes_in - self._request_bytes_done
        if requests >= MAX_REQUESTS or size >= MAX_REQUEST_BYTES:
            message = f"{requests:,} requests of {size:,} bytes wait already; wait and try again"
            raise CallError("OVERLOADED", message, queue="requests", limit=str(MAX_REQUESTS))

    def is_full_of_frames(self) -> bool:
        """Tells whether no more frames are to be read; if so, the engine will say when they are."""
        if self._frame_bytes <= MAX_FRAME_BYTES:
            return False
        self._room_wanted = True
        # Looked at again, because the engine may have made room just before it could know.
        return self._frame_bytes > MAX_FRAME_BYTES

    # The engine's side

    @property
    def empty(self) -> bool:
        """Whether nothing waits."""
        return not self._first and self._queue.empty()

    def wait(self, timeout: float | None) -> None:
        """Waits until something is there, or the time is over; None: for ever."""
        if self.empty and timeout != 0.0:
            with suppress(queue.Empty):
                self._first.append(self._queue.get(timeout=timeout))

    def take(self) -> Sequence[Event | None]:
        """Takes everything that is there."""
        events = [*self._first, *(self._queue.get() for _ in range(self._queue.qsize()))]
        self._first.clear()
        return events

    def put_first(self, events: Sequence[Event]) -> None:
        """Gives back what could not be done yet: it is taken again before everything that waits."""
        self._first.extendleft(reversed(events))
        for event in events:
            self._count(event, -1)

    def done(self, event: Event) -> None:
        """Counts an event as done with."""
        self._count(event, 1)

    def _count(self, event: Event, times: int) -> None:
        if isinstance(event, Request):
            self._requests_done += times
            self._request_bytes_done += times * event.size_bytes
        elif isinstance(event, AgentSpoke):
            self._frame_bytes_done += times * (event.size_bytes + FRAME_BYTES)

    def has_made_room(self) -> bool:
        """Tells once that frames may be read again, if somebody waits for that."""
        if not self._room_wanted or self._frame_bytes > MAX_FRAME_BYTES // 2:
            return False
        self._room_wanted = False
        return True

    @property
    def _frame_bytes(self) -> int:
        return self._frame_bytes_in - self._frame_bytes_done
