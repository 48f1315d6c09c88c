"""Watchers: each follows a component and goes on where it was, whatever happens to the app."""

from __future__ import annotations

import asyncio
from typing import Any

from flowrpc.errors import FlowrpcError
from flowrpc.protocol.answers import StateSnapshot
from flowrpc.state.records import Revision
from flowrpc.state.replica import Replica
from flowrpc.wire import watch
from flowrpc_client.snapshot_parts import SnapshotParts

from tests.crash.actors.calls import Calls, RefusedError, UnknownError
from tests.crash.history import Recorder, bytes_digest, state_digest

FOLDS = 200
"""After how many revisions it tells what its replica is."""


class Watcher:
    """A client that follows.

    Args:
        name: Tells it from others.
        component: What it follows.
        calls: Its channel.
        recorder: Where it writes what it is sent.
    """

    def __init__(self, name: str, component: str, calls: Calls, recorder: Recorder) -> None:
        self._name = name
        self._component = component
        self._calls = calls
        self._recorder = recorder
        self._replica: Replica | None = None
        self._journal_id = ""
        self._folded = 0
        self._broken = False

    @property
    def revision(self) -> int:
        """The revision that its replica is of."""
        return self._replica.revision if self._replica is not None else 0

    async def run(self, stopping: asyncio.Event) -> None:
        while not stopping.is_set():
            following = asyncio.create_task(self._follow())
            waiting = asyncio.create_task(stopping.wait())
            await asyncio.wait([following, waiting], return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()
            following.cancel()
            try:
                await following
            except (UnknownError, RefusedError, asyncio.CancelledError):
                await asyncio.sleep(0.05)
            if self._broken:
                self._replica, self._broken = None, False
        self._tell_fold()

    async def _follow(self) -> None:
        self._parts = SnapshotParts()
        after = (self._replica.revision, self._journal_id) if self._replica is not None else None
        self._tell("begin", after[0] if after else 0, "")
        async for message in self._calls.watch(self._component, after):
            update = watch.decode_watch_update(message)
            if isinstance(update, StateSnapshot):
                self._take_part(update)
            elif isinstance(update, Revision):
                self._fold(update, message)
            else:
                return

    def _take_part(self, part: StateSnapshot) -> None:
        snapshot = self._parts.add(part)
        if snapshot is not None:
            self._replica = Replica(
                revision=snapshot.revision, components=snapshot.components, app=snapshot.app
            )
            self._journal_id = snapshot.journal_id
            self._tell("snapshot", snapshot.revision, state_digest(self._replica.components.values()))

    def _fold(self, revision: Revision, message: Any) -> None:
        if revision.number <= self.revision:  # as the client's replica does
            self._tell("repeated", revision.number, "")
            raise UnknownError(f"revision {revision.number} came twice")
        data: bytes = message.revision.SerializeToString(deterministic=True)
        self._tell("revision", revision.number, bytes_digest(data))
        if self._replica is None:
            return
        self._replica.revision = revision.number - 1  # those between changed nothing here
        try:
            self._replica.fold(revision)
        except FlowrpcError as error:
            self._tell("fold", revision.number, f"broken: {error}")
            self._broken = True  # it begins anew
            raise UnknownError(str(error)) from error
        self._replica.runs.clear()
        self._folded += 1
        if self._folded % FOLDS == 0:
            self._tell_fold()

    def _tell_fold(self) -> None:
        if self._replica is not None:
            self._tell("fold", self.revision, state_digest(self._replica.components.values()))

    def _tell(self, what: str, revision: int, digest: str) -> None:
        self._recorder.add(
            "watched",
            actor=self._name,
            component=self._component,
            what=what,
            revision=revision,
            digest=digest,
        )
