"""Two writers of one var: whatever the order, runner and flow end with the same value."""

from __future__ import annotations

from typing import Any, cast

import pytest
from flowrpc.component.hosting import HostedWork
from flowrpc.component.work import LightningWork
from flowrpc.errors import InvalidChangeError
from flowrpc.protocol.messages import Ack, Nack, NackReason, StartRun, VarsChanged, WorkDelta
from flowrpc.state import Change, Set, Splice, Value, untrack
from flowrpc.state.fold import apply
from flowrpc.wire.attach import runner_response_from_bytes
from flowrpc.work_service.framing import FrameBuffer
from flowrpc.work_service.inbox import Inbox, News
from flowrpc.work_service.lane import Lane
from flowrpc.work_service.sender import Sender
from flowrpc.work_service.unacknowledged import Unacknowledged
from hypothesis import given, settings
from hypothesis import strategies as st


class Job(LightningWork):
    def __init__(self) -> None:
        super().__init__()
        self.items: list[int] = []
        self.flag = False

    def run(self) -> None: ...


START = StartRun(run_id="r", attempt=1, work="root.job", recipe=None, vars={"items": [], "flag": False})


class Side:
    """A runner without processes and threads: what it sends is kept until the test passes it on."""

    def __init__(self, *, acks_in_order: bool = False) -> None:
        self.job = Job()
        self.lane, self.unacknowledged = Lane(), Unacknowledged()
        self.inbox = Inbox(self.lane, self.unacknowledged, acks_in_order=acks_in_order)
        self.work = HostedWork(self.job, name="root.job", vars=dict(START.vars), log=self.lane)
        self.sender = Sender(self.lane, self.unacknowledged, cast("Any", self))
        self.sent: list[WorkDelta] = []
        self._frames = FrameBuffer()
        self.inbox.begin(START)

    def sendall(self, data: bytes) -> None:
        for payload in self._frames.feed(data):
            message = runner_response_from_bytes(payload)
            assert isinstance(message, WorkDelta)
            self.sent.append(message)

    def flush(self) -> list[WorkDelta]:
        self.sender.flush()
        sent, self.sent = self.sent, []
        return sent

    def hear(self, *news: News) -> None:
        for message in news:
            self.inbox.put(message)
        self.inbox.catch_up(self.work)

    @property
    def vars(self) -> dict[str, Value]:
        return {"items": untrack(cast("Value", self.job.items)), "flag": self.job.flag}


class Flow:
    """The flow's rules: sets win, a change inside what it changed after the delta's base is refused.

    It acknowledges what it applied before it tells what it changed afterwards.
    """

    def __init__(self) -> None:
        self.vars: dict[str, Value] = {"items": [], "flag": False}
        self.changed: dict[str, int] = {}
        self.number = 0
        self.down: list[News] = []
        self.unacknowledged = 0

    def change(self, change: Change) -> None:
        self.commit()
        self.number += 1
        apply(self.vars, change)
        self.changed[str(change.path[0])] = self.number
        self.down.append(VarsChanged(work="root.job", number=self.number, changes=(change,)))

    def take(self, delta: WorkDelta) -> None:
        refused: set[str] = set()
        for change in delta.changes:
            var = str(change.path[0])
            inside = len(change.path) > 1 or isinstance(change, Splice)
            if inside and (var in refused or self.changed.get(var, 0) > delta.base):
                refused.add(var)
                continue
            try:
                apply(self.vars, change)
            except InvalidChangeError:
                refused.add(var)
        self.down += [self._nack(delta.seq, var) for var in sorted(refused)]
        self.unacknowledged = delta.seq

    def commit(self) -> None:
        if self.unacknowledged:
            self.down.append(Ack(run_id="r", attempt=1, seq=self.unacknowledged))
            self.unacknowledged = 0

    def _nack(self, seq: int, var: str) -> Nack:
        return Nack(run_id="r", attempt=1, seq=seq, reason=NackReason.CONFLICT, var=var)


INSIDE = ["append", "pop", "set item"]
FLOW = ["flow replaces", "flow appends"]
WIRE = ["up", "commit", "down", "down"]


def schedules(*kinds: list[str]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from([step for kind in kinds for step in kind]), max_size=60)


def play(steps: list[str]) -> tuple[Side, Flow]:
    """Plays a schedule, and then lets both sides hear everything."""
    side, flow = Side(acks_in_order=True), Flow()
    for number, step in enumerate([*steps, *["up", "commit", "down all"] * 12]):
        _play_one(step, side, flow, number)
    return side, flow


def _play_one(step: str, side: Side, flow: Flow, number: int) -> None:
    if step.startswith("flow"):
        size = len(cast("list[Value]", flow.vars["items"]))
        flow.change(
            Set(("items",), [-number]) if step == "flow replaces" else Splice(("items",), size, 0, [-number])
        )
    elif step in ("up", "commit", "down", "down all"):
        _carry(step, side, flow)
    else:
        _change(step, side.job, number)


def _change(step: str, job: Job, number: int) -> None:
    if step == "append":
        job.items.append(number)
    elif step == "replace":
        job.items = [number]
    elif job.items and step == "pop":
        job.items.pop(0)
    elif job.items:
        job.items[-1] = number


def _carry(step: str, side: Side, flow: Flow) -> None:
    if step == "up":
        for delta in side.flush():
            flow.take(delta)
    elif step == "commit":
        flow.commit()
    else:
        count = len(flow.down) if step == "down all" else 1
        side.hear(*flow.down[:count])
        del flow.down[:count]


@settings(max_examples=1000)
@given(schedules(INSIDE, ["replace"], FLOW, WIRE))
def test_two_writers_end_with_the_same_value(steps: list[str]) -> None:
    side, flow = play(steps)
    assert side.vars == flow.vars


@given(schedules(INSIDE, ["replace"], WIRE))
def test_what_only_the_work_changes_arrives_as_it_is(steps: list[str]) -> None:
    side, flow = play(steps)
    assert side.vars == flow.vars


def test_a_flag_that_the_flow_resets_before_its_set_is_acknowledged_stays_reset() -> None:
    """The pattern "the work sets a flag, the flow resets it" loses nothing."""
    side, flow = Side(), Flow()
    side.job.flag = True
    for delta in side.flush():
        flow.take(delta)
    flow.change(Set(("flag",), False))
    side.hear(*reversed(flow.down))
    assert side.job.flag is False
    assert flow.vars["flag"] is False


def test_a_list_that_the_flow_empties_before_an_append_is_acknowledged_is_empty_here_too() -> None:
    side, flow = Side(), Flow()
    side.job.items.append(1)
    for delta in side.flush():
        flow.take(delta)
    flow.change(Set(("items",), []))
    acknowledgement, change = flow.down
    side.hear(change)
    assert side.job.items == [1], "not applied before it is known which came first"
    side.hear(acknowledgement)
    assert side.job.items == []


def test_a_refused_change_sends_the_var_whole() -> None:
    side, flow = Side(), Flow()
    flow.change(Set(("items",), [7]))
    side.job.items.append(1)
    for delta in side.flush():
        flow.take(delta)
    side.hear(*flow.down)
    (whole,) = side.flush()
    assert whole.changes == (Set(("items",), [1]),)
    assert whole.base == 1


def test_lost_refusals_send_every_var_whole_that_was_changed_inside() -> None:
    side = Side()
    side.job.items.append(1)
    side.job.flag = True
    side.flush()
    side.hear(Nack(run_id="r", attempt=1, seq=1, reason=NackReason.GAP))
    (whole,) = side.flush()
    assert whole.changes == (Set(("items",), [1]),)


def test_news_of_another_attempt_change_nothing() -> None:
    side = Side()
    side.job.items.append(1)
    side.flush()
    side.hear(Nack(run_id="r", attempt=2, seq=1, reason=NackReason.CONFLICT, var="items"))
    assert side.flush() == []


def test_changes_that_a_start_included_are_not_applied_again() -> None:
    side = Side()
    side.inbox.put(VarsChanged(work="root.job", number=3, changes=(Set(("flag",), True),)))
    side.inbox.begin(StartRun(**{f: getattr(START, f) for f in START.__slots__} | {"vars_number": 3}))
    side.hear()
    assert side.job.flag is False


def test_news_that_wait_are_folded() -> None:
    side = Side()
    for number in range(1, 1001):
        side.inbox.put(
            VarsChanged(work="root.job", number=number, changes=(Set(("flag",), number % 2 == 0),))
        )
    assert len(side.inbox.news) == 1
    side.hear()
    assert side.job.flag is True


@pytest.mark.parametrize("size", [10, 3000])
def test_many_changes_become_few_deltas(size: int) -> None:
    side = Side()
    for number in range(size):
        side.job.items.append(number)
    deltas = side.flush()
    assert [change for delta in deltas for change in delta.changes] == [
        Splice(("items",), number, 0, [number]) for number in range(size)
    ]
    assert [delta.seq for delta in deltas] == list(range(1, len(deltas) + 1))


def test_large_changes_become_small_deltas() -> None:
    side = Side()
    for _ in range(6):
        side.job.items.append(cast("int", "x" * 700_000))
    assert [len(delta.changes) for delta in side.flush()] == [1] * 6


def test_a_change_that_is_held_holds_the_base_back() -> None:
    """Otherwise the flow would take what is made inside the var meanwhile for made inside its own value."""
    side, flow = Side(), Flow()
    side.job.items.append(1)
    side.flush()
    flow.change(Set(("items",), [9]))
    side.hear(flow.down[-1])
    side.job.items.append(2)
    assert [delta.base for delta in side.flush()] == [0]
