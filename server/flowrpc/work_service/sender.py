"""The thread that sends what a runner has to say to its agent."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from itertools import pairwise

from flowrpc.protocol.messages import Finished, RunnerResponse, WorkDelta
from flowrpc.state import Change
from flowrpc.wire.attach import runner_response_bytes
from flowrpc.work_service.framing import pack
from flowrpc.work_service.lane import Base, Begin, End, Lane, Mark
from flowrpc.work_service.unacknowledged import Unacknowledged

MAX_DELTA_CHANGES = 2_000
"""How many changes one delta carries at most."""

MAX_DELTA_BYTES = 1024 * 1024
"""How large a delta of more than one change is at most, encoded."""

_FIRST_DELTA_CHANGES = 64  # so that the size of changes is known before there are many of them in a delta
_LOGS_AT_ONCE = 200


class Sender:
    """Sends changes in batches: one delta for what came together while the last one was sent.

    Args:
        lane: Where changes come from.
        unacknowledged: Where it is noted what they were.
        peer: The agent; blocks while it does not read.
    """

    def __init__(self, lane: Lane, unacknowledged: Unacknowledged, peer: socket.socket) -> None:
        self._lane = lane
        self._unacknowledged = unacknowledged
        self._peer = peer
        self._run_id, self._attempt = "", 0
        self._seq = 0
        self._base = 0
        self._delta_changes = _FIRST_DELTA_CHANGES
        self._marks = 0

    def run(self) -> None:
        """Sends until the peer is gone or the lane is closed, and returns then."""
        while self._lane.wait():
            try:
                self.flush()
            except OSError:
                return

    def flush(self) -> None:
        """Sends what there is: changes first, then where the work serves, then log records."""
        while entries := self._lane.front(self._delta_changes):
            self._send_entries(entries)
        serving = self._lane.take_serving()
        if serving is not None:
            self._send(serving)
        self._send_logs(_LOGS_AT_ONCE)

    def _send_entries(self, entries: list[object]) -> None:
        if self._lane.marks == self._marks:  # nothing but changes: the usual case
            self._send_changes(entries)  # type: ignore[arg-type]
            return
        ends = [at for at, entry in enumerate(entries) if isinstance(entry, Mark)]
        for before, at in pairwise([-1, *ends]):
            self._send_changes(entries[before + 1 : at])  # type: ignore[arg-type]
            self._take_mark(entries[at])  # type: ignore[arg-type]
        self._send_changes(entries[ends[-1] + 1 :] if ends else entries)  # type: ignore[arg-type]

    def _take_mark(self, mark: Mark) -> None:
        self._marks += 1
        if isinstance(mark, Begin):
            self._run_id, self._attempt = mark.start.run_id, mark.start.attempt
            self._base, self._seq = mark.start.vars_number, 0
        elif isinstance(mark, Base):
            self._base = mark.number
        else:
            self._finish(mark)
        self._lane.drop(1)

    def _finish(self, end: End) -> None:
        while self._send_logs(_LOGS_AT_ONCE):
            pass
        self._seq += 1
        self._send(Finished(run_id=self._run_id, attempt=self._attempt, seq=self._seq, failure=end.failure))

    def _send_changes(self, changes: Sequence[Change]) -> None:
        """Sends changes as one delta, or as several if they are large."""
        if not changes:
            return
        delta = WorkDelta(
            run_id=self._run_id,
            attempt=self._attempt,
            seq=self._seq + 1,
            changes=tuple(changes),
            base=self._base,
        )
        data = runner_response_bytes(delta)
        self._learn(len(data) // len(changes))
        if len(data) > MAX_DELTA_BYTES and len(changes) > 1:
            self._send_changes(changes[: len(changes) // 2])
            self._send_changes(changes[len(changes) // 2 :])
            return
        self._seq += 1
        self._unacknowledged.add(self._seq, changes)
        self._lane.drop(len(changes))
        self._peer.sendall(pack(data))

    def _learn(self, bytes_per_change: int) -> None:
        fitting = MAX_DELTA_BYTES // max(bytes_per_change, 1)
        self._delta_changes = max(1, min(fitting, 2 * self._delta_changes, MAX_DELTA_CHANGES))

    def _send_logs(self, count: int) -> bool:
        batch = self._lane.take_logs(count)
        if batch is not None:
            self._send(batch)
        return batch is not None

    def _send(self, message: RunnerResponse) -> None:
        self._peer.sendall(pack(runner_response_bytes(message)))
