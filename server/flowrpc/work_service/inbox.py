"""What the flow says to a run: its changes of the vars, and what became of ours.

User code and the flow both change the vars of a work. Sets win in the order in which they reach the flow. A
place inside a var is another matter: what we changed there is refused by the flow if it had changed that var
before, and then the var is sent whole. So a change of the flow to a var that we changed inside is held until it
is known which came first there: our change is acknowledged, and the flow's is applied; or it is refused, and ours
is sent. The flow acknowledges what it applied before it tells what it changed afterwards, so a change of the flow
to a var that we set whole, without acknowledgement, came before ours there, and ours stays.

What waits is bounded though user code may not touch the work for days: an acknowledgement is taken in where it
arrives, as far as it concerns what waits, so that changes before and after it can be folded together. That is right
because user code sets no var while something waits: before it would, it takes in what came.

A container that user code has in hand is not replaced under it either: the flow's change is held until it lets go.
What user code changes in it meanwhile is refused by the flow, and the var is sent whole: nothing of it is lost.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from threading import Event, Lock
from typing import TypeAlias

from flowrpc.component.hosting import HostedWork
from flowrpc.errors import InvalidChangeError
from flowrpc.protocol.messages import Ack, Nack, NackReason, StartRun, VarsChanged
from flowrpc.state import Change, Folded, Set, Value
from flowrpc.work_service.hands import Hand, find_hand
from flowrpc.work_service.held_changes import HeldChanges
from flowrpc.work_service.lane import Base, Begin, End, Lane
from flowrpc.work_service.unacknowledged import Touched, Unacknowledged, touched

News: TypeAlias = VarsChanged | Ack | Nack
"""What the flow says to a run."""


@dataclass(slots=True)
class _Changes:
    """Changes of the flow with nothing between them, folded so that waiting costs little."""

    first: int
    last: int
    folded: Folded

    def add(self, news: VarsChanged) -> None:
        for change in news.changes:
            self.folded.add(change)
        self.last = news.number

    def leave_out(self, vars_: frozenset[str]) -> None:
        """Forgets what the flow changed in some vars."""
        for var in vars_:
            self.folded.discard(var)


class Inbox:
    """Keeps what the flow says until user code touches the work, and applies it then, in user code's thread.

    Args:
        lane: Where changes go out.
        unacknowledged: What is on its way.
    """

    def __init__(self, lane: Lane, unacknowledged: Unacknowledged) -> None:
        self.news: deque[_Changes | Ack | Nack] = deque()
        """What was not taken in yet."""
        self.hands: dict[str, Hand] = {}
        """By var, what user code had in hand when it was looked at, which is what its held changes wait for."""
        self._lane = lane
        self._unacknowledged = unacknowledged
        self._lock = Lock()
        self._arrived = Event()
        self._key = ("", 0)
        self._number = 0
        self._newest = 0  # the number of the newest change that was put in
        self._parted = False
        self._held = HeldChanges()

    def begin(self, start: StartRun) -> None:
        """Starts over: the vars are what the flow sent with the attempt."""
        with self._lock:
            self._key = start.run_id, start.attempt
            self._number = start.vars_number
            self._held.clear()
            self.hands.clear()
            self._unacknowledged.clear()
            kept = [news for news in self.news if self._concerns(news)]
            self.news.clear()
            self.news.extend(kept)
        self._lane.put(Begin(start))

    def part(self) -> None:
        """Keeps what comes apart from what came, in the thread that reads: an attempt is to begin between them."""
        with self._lock:
            self._parted = True

    def put(self, news: News) -> None:
        """Takes what the flow says, in the thread that reads."""
        with self._lock:
            if isinstance(news, VarsChanged):
                self._put_changes(news)
            elif isinstance(news, Ack):
                self._put_ack(news)
            else:
                self._put_nack(news)
        self._arrived.set()

    def catch_up(self, work: HostedWork) -> None:
        """Applies what came, in the thread of user code and never inside an operation on the vars."""
        with self._lock:
            while self.news:
                self._take(self.news.popleft(), work)
            if not all(hand.holds for hand in self.hands.values()):
                self._let_in(work, self._dirty())

    def settle(self, work: HostedWork) -> None:
        """Waits until it is known that nothing has to be sent again, after user code has ended.

        Only changes inside vars can be refused, so an attempt that made none does not wait.
        """
        while True:
            self._arrived.clear()
            if self.settled(work):
                return
            self._arrived.wait()

    def settled(self, work: HostedWork) -> bool:
        """Applies what came, and tells whether nothing can have to be sent again any more."""
        self.catch_up(work)
        return not self._dirty().inside

    def _put_changes(self, news: VarsChanged) -> None:
        if news.number <= self._newest:
            return  # told again after a broken connection
        self._newest = news.number
        last = self.news[-1] if self.news else None
        if not isinstance(last, _Changes) or self._parted:
            last = _Changes(news.number, news.number, Folded())
            self.news.append(last)
        self._parted = False
        last.add(news)

    def _put_ack(self, ack: Ack) -> None:
        if not self._concerns(ack):
            return
        something_held = bool(self._held)
        if self.news or something_held:
            self._leave_out_what_we_set()
        self._unacknowledged.forget(ack.seq)
        if something_held and not any(isinstance(news, Ack) for news in self.news):
            self.news.append(ack)  # what is held may be let in

    def _leave_out_what_we_set(self) -> None:
        """Drops what the flow said of vars that we set: it came before ours there, and the var is there whole."""
        ours = self._dirty().whole
        for news in list(self.news):
            if isinstance(news, _Changes):
                news.leave_out(ours)
            elif isinstance(news, Nack) and self._outdone(news):
                self.news.remove(news)
        for var in ours:
            self._held.take(var)

    def _put_nack(self, nack: Nack) -> None:
        if not self._concerns(nack):
            return
        if nack.reason is NackReason.GAP:
            # The flow has what was changed up to there, but refusals may be lost.
            for var in sorted(self._unacknowledged.up_to(nack.seq).inside):
                self._put_refusal(replace(nack, reason=NackReason.CONFLICT, var=var))
        else:
            self._put_refusal(nack)

    def _put_refusal(self, nack: Nack) -> None:
        """Keeps one refusal of each var: whatever was refused of it, it is sent whole."""
        for place, news in enumerate(self.news):
            if isinstance(news, Nack) and news.var == nack.var and self._concerns(news):
                self.news[place] = nack
                return
        self.news.append(nack)

    def _take(self, news: _Changes | Ack | Nack, work: HostedWork) -> None:
        if not self._concerns(news):
            return
        if isinstance(news, Ack):
            self._acknowledge(work)
        elif isinstance(news, _Changes):
            self._apply(news, work)
        elif not self._outdone(news):
            self._send_whole(news.var, work)

    def _outdone(self, refusal: Nack) -> bool:
        """Whether a var was sent whole since something of it was refused."""
        return refusal.var in self._above(refusal.seq).whole

    def _concerns(self, news: _Changes | Ack | Nack) -> bool:
        if isinstance(news, _Changes):
            return news.first > self._number
        return (news.run_id, news.attempt) == self._key

    def _apply(self, news: _Changes, work: HostedWork) -> None:
        ours = self._dirty()
        for change in news.folded.changes():
            var = str(change.path[0])
            if var in ours.inside or var in self._held:
                self._hold(change, news.first, work)
            elif var not in ours.whole:
                self._apply_unless_in_hand(change, news.first, work)
        self._number = news.last
        self._lane.put(Base(self._base()))

    def _apply_one(self, change: Change, work: HostedWork) -> None:
        try:
            work.apply((change,))
        except (
            InvalidChangeError
        ):  # the two sides differ in that var; ours goes there, and they do not any more
            self._send_whole(str(change.path[0]), work)

    def _base(self) -> int:
        """Returns up to where every change of the flow is applied here.

        What is held counts as not applied, so that the flow refuses what is made inside that var meanwhile.
        """
        since = self._held.since
        return self._number if since is None else since - 1

    def _acknowledge(self, work: HostedWork) -> None:
        """Applies what waited for an acknowledgement."""
        self._let_in(work, self._dirty())
        self._lane.put(Base(self._base()))

    # What is held

    def _apply_unless_in_hand(self, change: Change, number: int, work: HostedWork) -> None:
        if self._in_hand(str(change.path[0]), work):
            self._hold(change, number, work)
        else:
            self._apply_one(change, work)

    def _hold(self, change: Change, number: int, work: HostedWork) -> None:
        try:
            self._held.add(change, number, lambda var: _copy_of(var, work))
        except InvalidChangeError:  # as in _apply_one
            self._send_whole(str(change.path[0]), work)

    def _in_hand(self, var: str, work: HostedWork) -> bool:
        """Tells whether a var is in hand; if so, it is looked at again whenever user code touches the work."""
        attributes = work.work.__dict__
        hand = find_hand(attributes, var) if var in attributes else None
        if hand is not None:
            self.hands[var] = hand
        return hand is not None

    def _let_in(self, work: HostedWork, ours: Touched) -> None:
        """Applies what was held for vars that have nothing in them on its way, and are not in hand."""
        self.hands.clear()
        for var in [var for var in self._held.vars() if var not in ours.inside]:
            if var in ours.whole:  # what we set reaches the flow later, and wins
                self._let_go(var)
            elif not self._in_hand(var, work):
                for change in self._let_go(var):
                    self._apply_one(change, work)
            self._lane.put(Base(self._base()))

    def _let_go(self, var: str) -> list[Change]:
        self.hands.pop(var, None)
        return self._held.take(var)

    def _send_whole(self, var: str, work: HostedWork) -> None:
        self._let_go(var)
        self._lane.put(Base(self._base()))
        self._lane.record(work, Set((var,), work.current(var)))

    def _dirty(self) -> Touched:
        """Tells which vars we changed without the flow having acknowledged it."""
        return self._above(0)

    def _above(self, seq: int) -> Touched:
        # In this order: what the sender takes from the lane it notes first.
        waiting = [entry for entry in self._lane.front(len(self._lane.pending)) if not _is_mark(entry)]
        return touched(waiting) | self._unacknowledged.above(seq)


def _copy_of(var: str, work: HostedWork) -> dict[str, Value]:
    return {var: work.current(var)} if var in work.work.__dict__ else {}


def _is_mark(entry: object) -> bool:
    return isinstance(entry, Begin | Base | End)
