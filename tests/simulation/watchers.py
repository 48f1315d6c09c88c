"""Watchers: each follows the state with a client's replica, and goes on where it was when its watch breaks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from flowrpc.errors import CallError, FlowrpcError
from flowrpc.protocol.answers import StateSnapshot, WatchEnd
from flowrpc.protocol.requests import WatchState
from flowrpc.state.replica import Replica
from flowrpc.v1 import flow_service_pb2
from flowrpc.wire.watch import WatchReader
from flowrpc_client.errors import NotReachableError
from flowrpc_client.replica import Position, StateReplica
from flowrpc_client.stream import Stream

from tests.simulation.flow import FlowProcess, Watch
from tests.simulation.network import Process

if TYPE_CHECKING:
    from tests.simulation.world import World


class SteppedReplica(StateReplica):
    """A client's replica that is handed its updates, rather than read them in its thread."""

    def __init__(self, component: str) -> None:
        super().__init__(_no_watch, component)
        self._thread.join()

    def _follow(self) -> None:
        """Is the thread, which has nothing to do."""

    def take(self, update: Any) -> None:
        self._take(update)

    @property
    def content(self) -> Replica:
        return self._state

    @property
    def position(self) -> Position | None:
        return (self.revision, self.journal_id) if self._ready else None


def _no_watch(position: Position | None) -> Stream[Any]:
    return cast("Stream[Any]", None)


class Watcher(Process):
    """Follows one component."""

    def __init__(self, world: World, name: str, component: str) -> None:
        super().__init__(world.timeline, name)
        self.world = world
        self.component = component
        self.replica = SteppedReplica(component)
        self.snapshots = 0
        self._random = world.timeline.random
        self._watch: Watch | None = None
        self._flow: FlowProcess | None = None
        self._planned = False
        self._arrival = 0.0
        self._stream = 0
        self._reader = WatchReader()
        self.after(self._random.uniform(0.05, 1.0), self._begin)

    def _begin(self) -> None:
        flow = self.world.reachable_flow()
        if flow is None or self._watch is not None:
            self.after(self._random.uniform(0.1, 0.4), self._begin)
            return
        position = self.replica.position
        self._flow, self._stream = flow, self._stream + 1
        after, journal_id = position or (None, "")
        request = WatchState(component=self.component, after_revision=after, journal_id=journal_id)
        self._watch, self._reader = Watch(flow.publisher, request), WatchReader()
        self.wake()

    def wake(self) -> None:
        """Reads in a while, if there is something to read from; sometimes late, as a slow client does."""
        if self._watch is None or self._planned or self._flow is None:
            return
        self._planned = True
        slow = 20.0 if self._random.random() < 0.05 else 1.0
        stream = self._stream
        self._flow.after(self._random.uniform(0.0002, 0.01) * slow, lambda: self._read(stream))
        self.after(1.0, self._look_again)

    def _look_again(self) -> None:
        if self._planned and (self._flow is None or not self._flow.alive):
            self._planned = False
            self.cut()

    def _read(self, stream: int) -> None:
        self._planned = False
        if stream != self._stream or self._watch is None:
            return
        for _ in range(5):
            try:
                messages = self._watch.take()
            except CallError:
                self._lose_watch()
                return
            except StopAsyncIteration:
                self._lose_watch()
                return
            if messages is None:
                return
            for data in messages:
                self._pass_on(data, stream)
        self.wake()

    def _pass_on(self, data: bytes, stream: int) -> None:
        self._arrival = max(self._arrival, self.timeline.now + self._random.uniform(0.0002, 0.005))
        self.at(self._arrival, lambda: self._take(data, stream))

    def _take(self, data: bytes, stream: int) -> None:
        if stream != self._stream:
            return  # it was cut meanwhile
        update = self._reader.read(flow_service_pb2.WatchStateResponse.FromString(data))
        if update is None:
            return
        before = self.replica.position
        try:
            self.replica.take(update)
        except NotReachableError:
            self._lose_watch()  # the service is ending, and will be there again
            return
        except FlowrpcError as error:
            self.world.truth.violate("watcher", f"{self.name}: {error}")
            return
        if isinstance(update, StateSnapshot):
            self.snapshots += update.last
        if isinstance(update, WatchEnd):
            self.replica._end = None  # the app will be there again
        else:
            self.world.truth.watched(self, before, update)

    def cut(self) -> None:
        """Loses the watch and what is on its way."""
        self._stream += 1
        self._lose_watch()

    def _lose_watch(self) -> None:
        if self._watch is not None:
            self._watch.close()
        self._watch = None
        self._planned = False
        self.after(self._random.uniform(0.05, 0.3), self._begin)
