"""The small parts: frames, outboxes, printed lines, the log lane, failures, the lane of changes."""

from __future__ import annotations

import random
import signal
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread

import pytest
from flowrpc.errors import ComponentError, StartError
from flowrpc.protocol.messages import Finished, LogRecord, LogSource
from flowrpc.state import Set
from flowrpc.state.records import FailureReason
from flowrpc.work_service import lane as lane_module
from flowrpc.work_service.backoff import Backoff
from flowrpc.work_service.channel import read_token
from flowrpc.work_service.failures import failure_of, process_failure
from flowrpc.work_service.framing import MAX_FRAME_BYTES, FrameBuffer, FrameError, pack
from flowrpc.work_service.identity import Identity
from flowrpc.work_service.lane import Lane
from flowrpc.work_service.log_lane import MAX_RECORDS, LogLane
from flowrpc.work_service.memory import read_counter
from flowrpc.work_service.outbox import Outbox, OutOfSequenceError
from flowrpc.work_service.output import MAX_LINE_BYTES, Lines
from hypothesis import given
from hypothesis import strategies as st


@given(st.lists(st.binary(max_size=50)), st.randoms(use_true_random=False))
def test_frames_come_out_as_they_went_in_however_they_are_cut(
    payloads: list[bytes], cuts: random.Random
) -> None:
    data, buffer, out = b"".join(map(pack, payloads)), FrameBuffer(), []
    while data:
        size = cuts.randint(1, len(data))
        out += buffer.feed(data[:size])
        data = data[size:]
    assert out == payloads


def test_an_impossible_length_is_refused() -> None:
    with pytest.raises(FrameError, match="at most"):
        FrameBuffer().feed((MAX_FRAME_BYTES + 1).to_bytes(4, "big"))


def frame(seq: int) -> Finished:
    return Finished(run_id="r", attempt=1, seq=seq)


def test_an_outbox_forgets_only_what_is_acknowledged() -> None:
    outbox = Outbox()
    for seq in (1, 2, 3):
        outbox.add(frame(seq), 10)
    outbox.forget(2)
    assert (outbox.above(2), outbox.size_bytes, outbox.acknowledged) == ([frame(3)], 10, 2)
    with pytest.raises(OutOfSequenceError):
        outbox.above(1)
    with pytest.raises(OutOfSequenceError):
        outbox.add(frame(5), 10)


def record(message: str) -> LogRecord:
    return LogRecord(time=datetime.now(UTC), message=message)


def test_lines_are_cut_at_line_ends_and_when_they_are_too_long() -> None:
    lines = Lines("root.w", LogSource.STDOUT)
    assert lines.feed(b"one\ntw", "r")[0].message == "one"
    assert [line.message for line in lines.feed(b"o\r\n\xff", "r")] == ["two"]
    assert [line.message for line in lines.end("r")] == ["\ufffd"]
    assert lines.end("r") == []
    assert len(lines.feed(b"x" * (2 * MAX_LINE_BYTES + 1), "r")) == 2


def test_the_log_lane_drops_what_does_not_fit_and_counts_it() -> None:
    logs = LogLane()
    logs.add([record(str(number)) for number in range(MAX_RECORDS + 5)], dropped=2)
    first = logs.take()
    assert (first.records[0].message, first.dropped) == ("5", 7)
    taken = len(first.records)
    while logs:
        batch = logs.take()
        assert batch.dropped == 0
        taken += len(batch.records)
    assert taken == MAX_RECORDS


@pytest.mark.parametrize(
    ("returncode", "hungry", "reason"),
    [
        (0, False, FailureReason.EXITED),
        (3, True, FailureReason.EXITED),
        (-signal.SIGKILL, False, FailureReason.SIGNALLED),
        (-signal.SIGKILL, True, FailureReason.OUT_OF_MEMORY),
        (-signal.SIGSEGV, True, FailureReason.SIGNALLED),
    ],
)
def test_how_a_process_ended(returncode: int, hungry: bool, reason: FailureReason) -> None:
    failure = process_failure(returncode, out_of_memory=hungry)
    assert failure.reason is reason
    assert failure.message


def test_an_exception_that_cannot_be_printed_has_a_message_too() -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    assert failure_of(Mute()).message.endswith("Mute")
    assert failure_of(ValueError()).message == "ValueError"


def test_oom_kills_are_read_from_a_file_of_counters(tmp_path: Path) -> None:
    counters = tmp_path / "memory.events"
    counters.write_text("oom 3\noom_kill 2\noom_group_kill 0\n")
    assert read_counter(counters) == 2
    assert read_counter(tmp_path / "absent") is None
    counters.write_text("low 0\n")
    assert read_counter(counters) is None


def test_delays_grow_to_a_bound_and_begin_small_again() -> None:
    backoff = Backoff(first=1.0, longest=3.0)
    delays = [backoff.delay() for _ in range(6)]
    assert 0.75 <= delays[0] <= 1.25
    assert all(delay <= 3.75 for delay in delays)
    assert delays[-1] >= 2.25
    backoff.reset()
    assert backoff.delay() <= 1.25


@pytest.mark.parametrize(("work", "ours"), [("root.a", True), ("root.b.1", True), ("root.c", False)])
def test_an_agent_knows_its_works(work: str, ours: bool) -> None:
    assert Identity(agent_id="a", works=("root.a", "root.b.*")).executes(work) is ours


def test_a_token_file_without_a_token_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StartError, match="cannot read the token"):
        read_token(tmp_path / "absent")
    (tmp_path / "empty").write_text(" \n")
    with pytest.raises(StartError, match="holds no token"):
        read_token(tmp_path / "empty")


def test_only_its_own_thread_adds_changes_to_a_lane() -> None:
    lane, errors = Lane(), []

    def add() -> None:
        try:
            lane.record(None, Set(("x",), 1))
        except ComponentError as error:
            errors.append(error)

    thread = Thread(target=add)
    thread.start()
    thread.join()
    assert len(errors) == 1
    assert lane.pending == []


def test_user_code_waits_for_room_and_every_change_comes_out_in_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lane_module, "MAX_PENDING_CHANGES", 10)
    lane = Lane()
    out: list[Set] = []

    def take() -> None:
        while len(out) < 5000:
            lane.wait()
            front = lane.front(7)
            assert len(lane.pending) <= 10
            out.extend(front)
            lane.drop(len(front))

    thread = Thread(target=take)
    thread.start()
    for number in range(5000):
        lane.record(None, Set(("x",), number))
    thread.join()
    assert [change.value for change in out] == list(range(5000))


def test_a_lane_drops_log_records_beyond_its_bound() -> None:
    lane = Lane()
    for number in range(lane_module.MAX_PENDING_LOGS + 3):
        lane.log(record(str(number)))
    batch = lane.take_logs(10)
    assert batch is not None
    assert (len(batch.records), batch.dropped) == (10, 3)
