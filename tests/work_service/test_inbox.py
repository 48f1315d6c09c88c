"""Two writers of one var: whatever the order, runner and flow end with the same value."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any, cast
from unittest.mock import patch

import pytest
from flowrpc.component.hosting import HostedWork
from flowrpc.component.work import LightningWork
from flowrpc.errors import ComponentError, InvalidChangeError
from flowrpc.protocol.messages import Ack, Nack, NackReason, StartRun, VarsChanged, WorkDelta
from flowrpc.state import Change, Set, Splice, Value, track
from flowrpc.state.fold import apply
from flowrpc.state.sizes import change_size
from flowrpc.wire.attach import runner_response_from_bytes
from flowrpc.work_service import held_changes
from flowrpc.work_service.framing import FrameBuffer
from flowrpc.work_service.hands import find_hand
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
        self.table: dict[str, list[int]] = {"rows": []}
        self.flag = False

    def run(self) -> None: ...


NEW: dict[str, Value] = {"items": [], "table": {"rows": []}, "flag": False}
START = StartRun(run_id="r", attempt=1, work="root.job", recipe=None, vars=NEW)


class Side:
    """A runner without processes and threads: what it sends is kept until the test passes it on."""

    def __init__(self) -> None:
        self.job = Job()
        self.lane, self.unacknowledged = Lane(), Unacknowledged()
        self.inbox = Inbox(self.lane, self.unacknowledged)
        self.lane.news, self.lane.on_news = self.inbox.news, self.touch
        self.work = HostedWork(self.job, name="root.job", vars=deepcopy(NEW), log=self.lane)
        self.sender = Sender(self.lane, self.unacknowledged, cast("Any", self))
        self.sent: list[WorkDelta] = []
        self._frames = FrameBuffer()
        self._catching_up = False
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
        self.touch()

    def touch(self) -> None:
        """Is what happens when user code touches the work; catching up itself does, too."""
        if not self._catching_up:
            self._catching_up = True
            self.inbox.catch_up(self.work)
            self._catching_up = False

    @property
    def vars(self) -> dict[str, Value]:
        return {var: self.work.current(var) for var in NEW}


class Flow:
    """The flow's rules: sets win, a change inside what it changed after the delta's base is refused.

    It acknowledges what it applied before it tells what it changed afterwards.
    """

    def __init__(self) -> None:
        self.vars = deepcopy(NEW)
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

    def take_down(self) -> list[News]:
        """Returns what it has to say, once."""
        down, self.down = self.down, []
        return down

    def _nack(self, seq: int, var: str) -> Nack:
        return Nack(run_id="r", attempt=1, seq=seq, reason=NackReason.CONFLICT, var=var)


def exchange(side: Side, flow: Flow) -> None:
    """Lets both sides hear everything, until they have nothing to say."""
    for _ in range(6):
        for delta in side.flush():
            flow.take(delta)
        flow.commit()
        side.hear(*flow.take_down())
    assert (side.flush(), flow.down) == ([], [])


def iter_items(job: Job) -> object:
    return iter(job.table.items())


INSIDE = ["set flag", "append", "pop", "set item", "append row"]
GRIPS = ["grip", "grip rows", "append by grip", "let go"]
FLOW = ["flow sets flag", "flow replaces", "flow appends", "flow replaces table", "flow appends row"]
WIRE = ["up", "commit", "down", "down", "arrive", "arrive"]


def schedules(*kinds: list[str]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from([step for kind in kinds for step in kind]), max_size=60)


class Game:
    """Plays a schedule of what user code, the flow and the wire between them do."""

    def __init__(self) -> None:
        self.side, self.flow = Side(), Flow()
        self.grip: Any = None

    def play(self, steps: list[str]) -> None:
        for number, step in enumerate(steps):
            if step.startswith("flow"):
                self.flow.change(self._flow_change(step, number))
            elif step in WIRE:
                self._carry(step)
            elif "grip" in step or step == "let go":
                self._grip(step, number)
            else:
                self.side.touch()  # user code touches the work
                if step == "replace":
                    self.grip = None  # user code knows that what it replaced itself is no longer the work's
                _change(step, self.side.job, number)

    def end(self) -> None:
        """Lets both sides hear everything."""
        self.grip = None
        self.side.hear()
        exchange(self.side, self.flow)

    def _flow_change(self, step: str, number: int) -> Change:
        if step == "flow sets flag":
            return Set(("flag",), number % 2 == 0)
        if step == "flow replaces":
            return Set(("items",), [-number])
        if step == "flow replaces table":
            return Set(("table",), {"rows": [-number]})
        path = ("items",) if step == "flow appends" else ("table", "rows")
        rows = cast("Any", self.flow.vars["table"])["rows"]
        return Splice(
            path, len(cast("Any", self.flow.vars["items"]) if path == ("items",) else rows), 0, [-number]
        )

    def _carry(self, step: str) -> None:
        if step == "up":
            for delta in self.side.flush():
                self.flow.take(delta)
        elif step == "commit":
            self.flow.commit()
        else:
            for news in self.flow.down[:1]:
                self.side.inbox.put(news)
            if step == "down":
                self.side.touch()
            del self.flow.down[:1]

    def _grip(self, step: str, number: int) -> None:
        job = self.side.job
        if step.startswith("grip"):
            self.side.touch()  # user code touches the work
        if step == "grip":
            self.grip = job.items
        elif step == "grip rows":
            self.grip = job.table["rows"]
        elif step == "let go":
            self.grip = None
        elif step != "append by grip":
            raise ValueError(step)
        elif self.grip is job.items or self.grip is job.table["rows"]:
            self.grip.append(number)
        else:
            assert self.grip is None, "what user code has in hand is what the work has"


def _change(step: str, job: Job, number: int) -> None:
    if step == "set flag":
        job.flag = number % 2 == 0
    elif step == "append":
        job.items.append(number)
    elif step == "append row":
        job.table["rows"].append(number)
    elif step == "replace":
        job.items = [number]
    elif job.items and step == "pop":
        job.items.pop(0)
    elif job.items:
        job.items[-1] = number


@settings(max_examples=1000)
@given(schedules(INSIDE, ["replace"], FLOW, WIRE))
def test_two_writers_end_with_the_same_value(steps: list[str]) -> None:
    game = Game()
    game.play(steps)
    game.end()
    assert game.side.vars == game.flow.vars


@settings(max_examples=1000)
@given(schedules(INSIDE, ["replace"], GRIPS, FLOW, WIRE))
def test_two_writers_end_with_the_same_value_whatever_user_code_has_in_hand(steps: list[str]) -> None:
    game = Game()
    game.play(steps)
    game.end()
    assert game.side.vars == game.flow.vars


@settings(max_examples=1000)
@given(schedules(["append"], GRIPS, ["flow replaces", "flow appends", "flow appends row"] * 2, WIRE * 2))
def test_two_writers_end_with_the_same_value_though_little_is_held(steps: list[str]) -> None:
    game = Game()
    game.play(["grip"])
    with patch.object(held_changes, "MAX_CHANGES", 1):
        game.play(steps)
        game.end()
    assert game.side.vars == game.flow.vars


@given(schedules(INSIDE, ["replace"], WIRE))
def test_what_only_the_work_changes_arrives_as_it_is(steps: list[str]) -> None:
    game = Game()
    game.play(steps)
    expected = game.side.vars
    game.end()
    assert game.side.vars == game.flow.vars == expected


def test_a_flag_that_the_flow_resets_before_its_set_is_acknowledged_stays_reset() -> None:
    """The pattern "the work sets a flag, the flow resets it" loses nothing."""
    side, flow = Side(), Flow()
    side.job.flag = True
    for delta in side.flush():
        flow.take(delta)
    flow.change(Set(("flag",), False))
    side.hear(*flow.down)
    assert side.job.flag is False
    assert flow.vars["flag"] is False


def test_a_list_that_the_flow_empties_before_an_append_reaches_it_is_sent_whole() -> None:
    side, flow = Side(), Flow()
    side.job.items.append(1)
    flow.change(Set(("items",), []))
    side.hear(*flow.take_down())
    assert side.job.items == [1], "not applied before it is known which came first"
    exchange(side, flow)
    assert side.vars == flow.vars == NEW | {"items": [1]}


def test_a_list_that_the_flow_empties_after_an_append_is_empty_here_too() -> None:
    side, flow = Side(), Flow()
    side.job.items.append(1)
    for delta in side.flush():
        flow.take(delta)
    flow.change(Set(("items",), []))
    exchange(side, flow)
    assert side.vars == flow.vars == NEW


# What user code has in hand


def test_a_list_is_not_replaced_while_an_append_to_it_looks_at_another_var() -> None:
    """`self.items.append(self.size)` reads `items`, and news may come when it reads `size`."""
    side, flow = Side(), Flow()

    def size() -> int:
        side.hear(*flow.take_down())
        return 7

    flow.change(Set(("items",), [1]))
    side.job.items.append(size())
    assert side.job.items == [7]
    exchange(side, flow)
    assert side.vars == flow.vars == NEW | {"items": [7]}


def test_a_list_that_user_code_keeps_is_not_replaced_until_it_lets_go() -> None:
    side, flow = Side(), Flow()
    items = side.job.items
    flow.change(Set(("items",), [1]))
    flow.change(Set(("flag",), True))
    exchange(side, flow)
    assert side.job.items is items
    assert side.job.flag is True
    del items
    side.hear()
    assert side.job.items == [1]


@pytest.mark.parametrize("size", [0, 100_000])
def test_what_is_held_for_a_kept_list_is_bounded(size: int) -> None:
    """The flow goes on changing a list that user code does not let go of."""
    side, flow = Side(), Flow()
    items = side.job.items
    largest = 0
    for number in range(3 * held_changes.MAX_CHANGES + 2):
        full = number % 10 == 9
        length = number % 10
        flow.change(
            Splice(
                ("items",), 0 if full else length, 9 if full else 0, [] if full else [[number, "x" * size]]
            )
        )
        side.hear(*flow.take_down())
        held = side.inbox._held
        largest = max(largest, len(held))
        assert sum(map(change_size, held.changes("items"))) < held_changes.MAX_BYTES + 10 * size + 1000
    assert 1 < largest <= held_changes.MAX_CHANGES
    assert side.job.items is items
    assert items == []
    del items
    side.hear()
    assert side.vars == flow.vars
    assert len(side.inbox._held) == 0


def test_a_var_that_fits_no_change_of_the_flow_goes_there_when_too_many_are_held() -> None:
    side, flow = Side(), Flow()
    items = side.job.items
    with patch.object(held_changes, "MAX_CHANGES", 1):
        for number in (1, 2):
            wrong = Splice(("items",), 7, 0, [number])
            side.hear(VarsChanged(work="root.job", number=number, changes=(wrong,)))
    assert items == []
    ((change,),) = [delta.changes for delta in side.flush()]
    assert change == Set(("items",), [])
    exchange(side, flow)


def test_what_is_appended_to_a_kept_list_that_the_flow_changed_arrives() -> None:
    side, flow = Side(), Flow()
    items = side.job.items
    flow.change(Set(("items",), [1]))
    side.hear(*flow.take_down())
    assert side.job.items == []
    items.append(2)
    exchange(side, flow)
    assert side.job.items is items
    assert side.vars == flow.vars == NEW | {"items": [2]}


@pytest.mark.parametrize(
    "grip", [lambda job: job.table["rows"], lambda job: iter(job.table["rows"]), iter_items]
)
def test_a_grip_inside_a_var_holds_it(grip: Callable[[Job], object]) -> None:
    side, flow = Side(), Flow()
    rows, held = id(side.job.table["rows"]), grip(side.job)
    flow.change(Set(("table", "rows"), [1]))
    exchange(side, flow)
    assert id(side.job.table["rows"]) == rows
    del held
    side.hear()
    assert side.vars == flow.vars == NEW | {"table": {"rows": [1]}}


def test_an_iteration_in_progress_is_not_disturbed() -> None:
    side, flow = Side(), Flow()
    side.job.items = [1, 2, 3]
    exchange(side, flow)
    seen = []
    for item in side.job.items:
        flow.change(Splice(("items",), 0, 1, []))
        exchange(side, flow)
        seen.append(item)
    assert seen == [1, 2, 3]
    side.hear()
    assert side.vars == flow.vars == NEW


def test_a_set_wins_over_what_waited_for_a_grip() -> None:
    side, flow = Side(), Flow()
    items = side.job.items
    flow.change(Set(("items",), [1]))
    exchange(side, flow)
    side.job.items = [2]
    exchange(side, flow)
    assert items == []
    assert side.vars == flow.vars == NEW | {"items": [2]}
    side.job.items.append(3)
    for delta in side.flush():
        flow.take(delta)
    assert flow.down == [], "nothing is refused any more"


def test_a_hand_is_found_and_lets_go() -> None:
    places: dict[str, Any] = {"table": track({"rows": [[1], [2]], "more": 1}, None, "table")}
    assert find_hand(places, "table") is None
    row = places["table"]["rows"][1]
    hand = find_hand(places, "table")
    assert hand is not None
    assert hand.container is row
    assert hand.holds
    del row
    assert not hand.holds


def test_a_container_kept_from_an_earlier_run_refuses_changes_if_it_was_replaced() -> None:
    side = Side()
    items, table = side.job.items, side.job.table
    side.work.restore(NEW | {"items": [5]})
    with pytest.raises(ComponentError, match=r"root\.job\.items was replaced"):
        items.append(1)
    assert side.job.table is table
    table["rows"].append(1)
    assert side.vars == NEW | {"items": [5], "table": {"rows": [1]}}


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


def flagged(number: int, *, flag: bool) -> VarsChanged:
    return VarsChanged(work="root.job", number=number, changes=(Set(("flag",), flag),))


def test_changes_that_come_right_after_a_start_are_not_taken_for_those_before() -> None:
    side = Side()
    side.inbox.put(flagged(3, flag=False))
    side.inbox.part()
    side.inbox.put(flagged(4, flag=True))
    side.inbox.begin(StartRun(**{f: getattr(START, f) for f in START.__slots__} | {"vars_number": 3}))
    side.hear()
    assert side.job.flag is True


def test_changes_that_are_told_again_take_none_of_the_next_with_them() -> None:
    side = Side()
    side.hear(flagged(5, flag=False))
    side.inbox.put(flagged(5, flag=False))
    side.inbox.put(flagged(6, flag=True))
    side.hear()
    assert side.job.flag is True


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


@pytest.mark.parametrize("held", [False, True], ids=["nothing held", "something held"])
def test_what_waits_is_bounded_though_user_code_never_touches_the_work_again(*, held: bool) -> None:
    """It goes on appending to a list that it has in hand, and the flow goes on changing this and another var."""
    side, flow = Side(), Flow()
    items = side.job.items
    if held:
        flow.change(Set(("items",), [-1]))
        side.hear(*flow.take_down())
    for number in range(300):
        items.append(number)
        flow.change(Set(("flag",), number % 2 == 0))
        if number % 7 == 0:
            flow.change(Set(("items",), [-number]))
        for delta in side.flush():
            flow.take(delta)
        flow.commit()
        for news in flow.take_down():
            side.inbox.put(news)
        assert len(side.inbox.news) <= 4  # changes, a refusal, an acknowledgement and changes
        assert not side.unacknowledged.up_to(number).inside
    del items
    exchange(side, flow)
    assert side.vars == flow.vars


def test_a_refusal_is_forgotten_when_what_was_sent_whole_since_is_acknowledged() -> None:
    side, flow = Side(), Flow()
    side.job.items.append(1)
    flow.change(Set(("items",), [7]))
    for delta in side.flush():
        flow.take(delta)
    side._catching_up = True  # user code is not to be interrupted now, as before its run and after it
    side.inbox.put(flow.down.pop(1))
    side.job.items = [2]
    for delta in side.flush():
        flow.take(delta)
    flow.commit()
    side.inbox.put(flow.down.pop())
    flow.change(Set(("items",), [3]))
    for news in flow.take_down():
        side.inbox.put(news)
    side._catching_up = False
    side.touch()
    assert side.job.items == [3]
    exchange(side, flow)
    assert side.vars == flow.vars == NEW | {"items": [3]}
