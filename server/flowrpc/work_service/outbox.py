"""The outbox of one attempt: what was said about it and is not yet known to be durable."""

from __future__ import annotations

from collections import deque
from typing import TypeAlias

from flowrpc.protocol.messages import Finished
from flowrpc.wire.attach import PackedDelta

Frame: TypeAlias = PackedDelta | Finished
"""What has a place in the sequence of an attempt."""


class OutOfSequenceError(Exception):
    """Tells that a frame does not follow the one before it, or that the flow lost an acknowledged one."""


class Outbox:
    """Keeps frames in order until they are acknowledged."""

    def __init__(self) -> None:
        self.last_seq = 0
        """The newest sequence number; 0 if there is none."""
        self.size_bytes = 0
        """How much is kept."""
        self._frames: deque[tuple[Frame, int]] = deque()

    def __len__(self) -> int:
        return len(self._frames)

    @property
    def acknowledged(self) -> int:
        """The newest sequence number that was forgotten."""
        return self.last_seq - len(self._frames)

    def add(self, frame: Frame, size_bytes: int) -> None:
        """Keeps the next frame.

        Raises:
            OutOfSequenceError: It is not the next one.
        """
        if frame.seq != self.last_seq + 1:
            raise OutOfSequenceError(f"frame {frame.seq} came after {self.last_seq}")
        self._frames.append((frame, size_bytes))
        self.last_seq = frame.seq
        self.size_bytes += size_bytes

    def forget(self, seq: int) -> None:
        """Drops the frames up to `seq`; only an acknowledgement or a verdict may ask for it."""
        while self._frames and self._frames[0][0].seq <= seq:
            self.size_bytes -= self._frames.popleft()[1]

    def above(self, seq: int) -> list[Frame]:
        """Returns what has to be sent again to a flow that has everything up to `seq`.

        Raises:
            OutOfSequenceError: The flow lost what it had acknowledged.
        """
        if seq < self.acknowledged:
            raise OutOfSequenceError(f"the flow has {seq} and had acknowledged {self.acknowledged}")
        return [frame for frame, _ in self._frames if frame.seq > seq]
