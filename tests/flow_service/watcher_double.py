"""A watcher that needs no socket: it takes the bytes that it would be sent, and checks what a watch promises."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy

from flowrpc.flow_service.parts import Parts
from flowrpc.flow_service.publisher import Publisher
from flowrpc.flow_service.watching import Watch
from flowrpc.protocol.answers import Bookmark, StateSnapshot, WatchEnd, WatchUpdate
from flowrpc.protocol.requests import WatchState
from flowrpc.state.records import ComponentRecord, Revision
from flowrpc.state.replica import Replica
from flowrpc.state.state_hash import state_hash
from flowrpc.v1 import flow_service_pb2 as pb
from flowrpc.wire.watch import WatchReader, encode_watch_update
from flowrpc_client.snapshot_parts import SnapshotParts

Tree = dict[str, ComponentRecord]


class History:
    """The model: a publisher, the state at every revision, and which components each was about."""

    def __init__(self, publisher: Publisher) -> None:
        self.publisher = publisher
        self.states: list[Tree] = [{}]
        self.about: list[set[str] | None] = [set()]

    def note(self, revision: Revision) -> None:
        """Takes down what is now, after a revision was published."""
        self.states.append(deepcopy(self.publisher.replica.components))
        self.about.append(None if revision.app else {d.component for d in revision.deltas})

    def below(self, number: int, component: str) -> Tree:
        """Returns a component and what was below it at a revision."""
        return {name: r for name, r in self.states[number].items() if _in(name, component)}

    def concerns(self, number: int, component: str) -> bool:
        """Tells whether a revision changed something there; the root is concerned by all."""
        about = self.about[number]
        if component == "root" or about is None:
            return True
        if any(_in(name, component) for name in about):
            return True
        gone = self.below(number - 1, component) and not self.below(number, component)
        return bool(gone)


class WatcherDouble:
    """Keeps a replica by what it is sent. `ask` begins a watch, `take` takes one message."""

    def __init__(self, history: History, component: str = "root") -> None:
        self.history = history
        self.component = component
        self.replica = Replica()
        self.ready = False
        self.reasons: list[str] = []
        self.numbers: list[int] = []
        self.hashes = 0
        self.end: WatchEnd | None = None
        self._watch: Watch | None = None

    def ask(self, after: int | None = None, journal: str = "journal") -> None:
        """Begins a watch where it is told to, or where the last one was left."""
        self.leave()
        request = WatchState(component=self.component, after_revision=after, journal_id=journal)
        self._watch = self.history.publisher.follow(request)
        self._reader, self._parts = WatchReader(), SnapshotParts()
        self._sent = self._messages(self._watch)

    def resume(self) -> None:
        """Begins a watch where it was."""
        self.ask(self.replica.revision if self.ready else None)

    def leave(self) -> None:
        """Goes, in the midst of whatever it was sent."""
        if self._watch is not None:
            self._watch.close()
            self._watch = None

    def take(self) -> bool:
        """Takes one message; tells whether there was one."""
        data = next(self._sent, None) if self._watch is not None else None
        if data is None:
            return False
        update = self._reader.read(pb.WatchStateResponse.FromString(data))
        if update is not None:
            self._fold(update)
        return True

    def take_all(self) -> None:
        """Takes what there is."""
        while self.take():
            pass

    def _messages(self, watch: Watch) -> Iterator[bytes | None]:
        """Does what the servicer does, but a message at a time."""
        while not watch.over:
            update = watch.step()
            if update is None:
                yield None
            elif isinstance(update, WatchEnd):
                yield encode_watch_update(update).SerializeToString()
            else:
                messages = self.history.publisher.messages(watch, update)
                yield from messages
                if isinstance(messages, Parts) and messages.dropped:
                    watch.fall_behind()

    def _fold(self, update: WatchUpdate) -> None:
        if isinstance(update, StateSnapshot):
            self._take_part(update)
        elif isinstance(update, Revision):
            self._take_revision(update)
        elif isinstance(update, Bookmark):
            self._skip_to(update.revision)
            self._compare(update.state_hash)
        else:
            self.end = update

    def _take_part(self, part: StateSnapshot) -> None:
        if part.reason is not None:
            self.reasons.append(part.reason.value)
        whole = self._parts.add(part)
        if whole is None:
            return
        assert (
            not self.ready
            or whole.revision >= self.replica.revision
            or self.reasons[-1]
            in (
                "ahead",
                "other_journal",
            )
        )
        self.replica = Replica(revision=whole.revision, components=whole.components)
        self.ready = True
        self._check()
        self._compare(whole.state_hash)

    def _take_revision(self, revision: Revision) -> None:
        assert self.ready
        assert revision.number > self.replica.revision, "once, and in order"
        self._skip_to(revision.number - 1)
        self.numbers.append(revision.number)
        self.replica.fold(revision)
        self._check()

    def _skip_to(self, number: int) -> None:
        left_out = range(self.replica.revision + 1, number + 1)
        assert not [n for n in left_out if self.history.concerns(n, self.component)], "there is a gap"
        self.replica.revision = number
        self._check()

    def _check(self) -> None:
        assert self.replica.components == self.history.below(self.replica.revision, self.component)

    def _compare(self, told: str) -> None:
        below = self.history.below(self.replica.revision, self.component)
        assert told == state_hash(below.values()) == state_hash(self.replica.components.values())
        self.hashes += 1


def _in(name: str, component: str) -> bool:
    return name == component or name.startswith(component + ".")
