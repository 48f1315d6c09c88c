"""Read-only: what is done while the disk is full and the newest revision cannot be saved.

    serving ──the disk is full──▶ read-only ──the same revision is saved──▶ serving
                                      └──────the app is to stop────────▶ ended: it was not saved, and nobody was told

Components rest: no pass runs, no time passes for them. What is durable is read on; beats are answered, so that no agent
takes the flow for dead. What an agent says besides is kept until the revision is saved, but for deltas: agents keep
those until they are acknowledged, and send them again when they are asked to.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from flowrpc.errors import CallError, StoreFullError
from flowrpc.flow_service.core import Core
from flowrpc.flow_service.effects import Answer, CloseSession, Effect, Reply, Send
from flowrpc.flow_service.events import (
    AgentAttached,
    AgentDetached,
    AgentExited,
    AgentsListed,
    AgentSpoke,
    CommandCalled,
    CommandsListed,
    Event,
    FrameRefused,
    Request,
    ResendWanted,
    SourceRequested,
    StopRequested,
    StreamClosed,
    StreamWanted,
    UpdateRequested,
)
from flowrpc.flow_service.instant import Instant
from flowrpc.protocol.messages import Beat, WorkDelta
from flowrpc.state.records import Revision

RETRY_SECONDS = 0.5
"""How often it is tried again to save the revision."""

MAX_KEPT = 10_000
"""How many frames are kept of one agent; one that says more is let go, and says it again on its next stream."""


class ReadOnly:
    """One time of being read-only, from the commit that failed until it succeeds.

    Args:
        core: The core, which rests.
        revision: The revision that cannot be saved.
        reason: Why nothing can be saved, with the place and what to do.
    """

    def __init__(self, core: Core, revision: Revision, reason: str) -> None:
        self.revision = revision
        """The revision that cannot be saved."""
        self.reason = reason
        """Why nothing can be saved."""
        self._core = core
        self._unseen = {delta.component for delta in revision.deltas if delta.attached is not None}
        self._joining: list[CommandCalled | UpdateRequested] = []
        self._sessions: dict[int, list[Event]] = {}
        self._exits: OrderedDict[str, AgentExited] = OrderedDict()
        self._resend: dict[int, None] = {}
        self._wanted: dict[int, int] = {}
        self._closed: dict[int, None] = {}
        self._stop: StopRequested | None = None

    @property
    def stop_requested(self) -> bool:
        """Whether somebody wants the app to end."""
        return self._stop is not None

    def take(self, event: Event, now: Instant) -> list[Effect]:
        """Does what can be done of an event now; returns what may be carried out at once."""
        if isinstance(event, StopRequested):
            self._stop = event
            return []
        if isinstance(event, Request):
            return self._answer(event, now)
        if isinstance(event, AgentExited):
            self._exits[event.boot_id] = event
            return []
        if isinstance(event, StreamWanted | StreamClosed):
            self._note_stream(event)
            return []
        return self._hear(event, now) if not isinstance(event, ResendWanted) else []

    def kept(self) -> Sequence[Event]:
        """Returns what the core is to be told when the revision is saved."""
        said = [event for events in self._sessions.values() for event in events]
        resend = [ResendWanted(session=session) for session in self._resend]
        stop = [self._stop] if self._stop else []
        return [*self._joining, *self._of_streams(), *resend, *said, *self._exits.values(), *stop]

    def given_up(self) -> StoreFullError:
        """Words how it was when the app was stopped."""
        number = self.revision.number
        return StoreFullError(
            f"stopped while read-only: {self.reason}. Revision {number} could not be saved, and nobody was told of "
            f"what it held; the next start goes on after revision {number - 1}"
        )

    # Requests

    def _answer(self, event: Request, now: Instant) -> list[Effect]:
        if self._joins(event):
            return []
        try:
            answer = self._answer_to(event, now)
        except CallError as error:
            return [Reply(event.call_id, error)]
        return [Reply(event.call_id, self._refusal() if answer is None else answer)]

    def _joins(self, event: Request) -> bool:
        """Keeps a repeat of what was carried out in the revision that waits: it waits for it as well."""
        if not isinstance(event, CommandCalled | UpdateRequested) or len(self._joining) >= MAX_KEPT:
            return False
        joins = self._core.waits_for_answer(event)
        if joins:
            self._joining.append(event)
        return joins

    def _answer_to(self, event: Request, now: Instant) -> Answer | None:
        """Returns what is known and durable; None if the request has to wait for better times."""
        if isinstance(event, CommandCalled | UpdateRequested):
            return self._core.first_answer(event, now)
        if isinstance(event, CommandsListed):
            commands = self._core.commands()
            return tuple(command for command in commands if command.flow not in self._unseen)
        if isinstance(event, SourceRequested | AgentsListed):
            return self._core.read(event)
        return None

    def _refusal(self) -> CallError:
        return CallError("READ_ONLY", f"the app is read-only: {self.reason}", problem=self.reason)

    # Streams: they rest, as every step may change state

    def _note_stream(self, event: StreamWanted | StreamClosed) -> None:
        """Keeps what is said of streams: of each one thing, however long it takes."""
        number = event.stream
        if not self._core.has_stream(number):
            return
        if isinstance(event, StreamClosed):
            self._closed[number] = None
        else:
            self._wanted[number] = self._wanted.get(number, 0) + event.count

    def _of_streams(self) -> list[Event]:
        closed: list[Event] = [StreamClosed(stream=number) for number in self._closed]
        return [
            *closed,
            *(StreamWanted(stream=number, count=count) for number, count in self._wanted.items()),
        ]

    # Agents

    def _hear(
        self, event: AgentAttached | AgentSpoke | AgentDetached | FrameRefused, now: Instant
    ) -> list[Effect]:
        kept = self._sessions.setdefault(event.session, [])
        if isinstance(event, AgentDetached):
            self._part(event, kept)
        elif isinstance(event, AgentAttached):
            kept.append(event)
        elif isinstance(event.message, Beat):
            alive = self._core.note_beat(event.session, now)
            return [Send(event.session, event.message)] if alive else []
        elif isinstance(event.message, WorkDelta):
            self._resend[event.session] = None
        elif len(kept) < MAX_KEPT:
            kept.append(event)
        else:
            message = f"{MAX_KEPT:,} frames wait for the app to save again; dial again"
            return [
                CloseSession(
                    event.session, CallError("OVERLOADED", message, queue="frames", limit=str(MAX_KEPT))
                )
            ]
        return []

    def _part(self, event: AgentDetached, kept: list[Event]) -> None:
        """Forgets what was said on a stream that has ended: what matters of it is said again on the next one."""
        new = bool(kept) and isinstance(kept[0], AgentAttached)
        self._resend.pop(event.session, None)
        if new:
            del self._sessions[event.session]
        else:
            kept[:] = [event]
