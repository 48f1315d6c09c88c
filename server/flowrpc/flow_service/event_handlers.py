"""What a core does with each event: requests of clients, frames of agents, and the wish to stop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flowrpc.component.component import type_name
from flowrpc.component.work import LightningWork
from flowrpc.errors import CallError, FlowrpcError
from flowrpc.flow_service.agents import Agents
from flowrpc.flow_service.app_end import AppEnd
from flowrpc.flow_service.dispatcher import Dispatcher
from flowrpc.flow_service.effects import Answer, WorkList
from flowrpc.flow_service.events import (
    AgentAttached,
    AgentDetached,
    AgentExited,
    AgentsListed,
    AgentSpoke,
    CancelRequested,
    CommandCalled,
    CommandsListed,
    DrainRequested,
    Event,
    FrameRefused,
    ResendWanted,
    RouteCalled,
    SourceRequested,
    StopRequested,
    StreamClosed,
    StreamOpened,
    StreamWanted,
    UpdateRequested,
    WorksListed,
)
from flowrpc.flow_service.instant import Instant
from flowrpc.flow_service.ledger import Ledger
from flowrpc.flow_service.open_revision import OpenRevision
from flowrpc.flow_service.outgoing import Outgoing
from flowrpc.flow_service.requests import Requests
from flowrpc.flow_service.streams import Streams
from flowrpc.flow_service.transition import Transitions
from flowrpc.flow_service.tree import Tree
from flowrpc.protocol.answers import WorkInfo, WorkStage
from flowrpc.protocol.messages import WorkDelta
from flowrpc.state.records import AppStage, AppStatus


class EventHandlers:
    """Handles events, one at a time.

    Args:
        tree: The components.
        ledger: The runs.
        transitions: Begins transitions.
        requests: Carries out commands, routes and updates.
        streams: Commands that stream.
        dispatcher: Follows attempts.
        agents: Follows the streams of agents.
        revision: The open revision.
        app_end: The end of the app.
        outgoing: Takes effects.
    """

    def __init__(
        self,
        *,
        tree: Tree,
        ledger: Ledger,
        transitions: Transitions,
        requests: Requests,
        streams: Streams,
        dispatcher: Dispatcher,
        agents: Agents,
        revision: OpenRevision,
        app_end: AppEnd,
        outgoing: Outgoing,
    ) -> None:
        self._tree = tree
        self._ledger = ledger
        self._transitions = transitions
        self._requests = requests
        self._streams = streams
        self._dispatcher = dispatcher
        self._agents = agents
        self._revision = revision
        self._app_end = app_end
        self._reply = outgoing.reply
        self._handlers: dict[type, Callable[[Any, Instant], object]] = {
            CommandCalled: self._write,
            UpdateRequested: self._write,
            RouteCalled: self._call_route,
            StreamOpened: self._open_stream,
            StreamWanted: self._want_items,
            StreamClosed: self._close_stream,
            CancelRequested: self._cancel_run,
            CommandsListed: self._read,
            SourceRequested: self._read,
            WorksListed: self._list_works,
            AgentsListed: self._read,
            DrainRequested: self._drain_agent,
            StopRequested: self._stop_app,
            AgentAttached: self._agent_attached,
            AgentSpoke: self._agent_spoke,
            AgentDetached: self._agent_detached,
            AgentExited: self._agent_exited,
            FrameRefused: self._frame_refused,
            ResendWanted: self._resend,
        }

    def handle(self, event: Event, now: Instant) -> bool:
        """Handles an event.

        Returns:
            Whether the flow has to look at what it did, beyond changes that are recorded still.
        """
        return bool(self._handlers[type(event)](event, now))

    def read(self, event: CommandsListed | SourceRequested | AgentsListed) -> Answer:
        """Answers a request that reads what no revision holds.

        Raises:
            CallError: It is refused.
        """
        try:
            if isinstance(event, CommandsListed):
                return self._tree.commands().infos()
            if isinstance(event, SourceRequested):
                return self._tree.commands().source(event.command)
            return self._dispatcher.agents()
        except CallError:
            raise
        except FlowrpcError as error:
            raise CallError("INTERNAL", str(error)) from error

    # Requests of clients

    def _write(self, event: CommandCalled | UpdateRequested, now: Instant) -> None:
        if event.deadline is not None and event.deadline <= now.monotonic:
            return  # nobody waits any more
        try:
            self._app_end.check_running()
            answer = self._requests.answer(event, now)
        except CallError as error:
            self._reply(event.call_id, error)
        else:
            self._reply(event.call_id, answer)

    def _call_route(self, event: RouteCalled, now: Instant) -> None:
        if event.deadline <= now.monotonic:
            return  # nobody waits any more
        try:
            self._app_end.check_running()
            self._reply(event.call_id, self._requests.route(event, now))
        except CallError as error:
            self._reply(event.call_id, error)

    def _open_stream(self, event: StreamOpened, now: Instant) -> None:
        if event.deadline is not None and event.deadline <= now.monotonic:
            return  # nobody waits any more
        try:
            self._app_end.check_running()
            self._streams.open(event)
        except CallError as error:
            self._reply(event.call_id, error)
        else:
            self._reply(event.call_id, None)

    def _want_items(self, event: StreamWanted, now: Instant) -> None:
        self._streams.want(event)

    def _close_stream(self, event: StreamClosed, now: Instant) -> None:
        if self._app_end.status is None:
            self._streams.close(event.stream, now)

    def _cancel_run(self, event: CancelRequested, now: Instant) -> None:
        self._transitions.begin(now, in_pass=False)
        run_id = event.run_id
        record = self._ledger.record(run_id)
        if record is None:
            problem = CallError("UNKNOWN_RUN", f"no run {run_id!r}; see flowctl runs", run_id=run_id)
            self._reply(event.call_id, problem)
        elif record.run.status.terminal:
            status = record.run.status.value
            message = f"run {run_id} has ended already: {status}"
            problem = CallError("RUN_ENDED", message, run_id=run_id, status=status.upper())
            self._reply(event.call_id, problem)
        else:
            self._dispatcher.cancel(record, event.grace, now)
            self._reply(event.call_id, self._revision.number_read)

    def _read(self, event: CommandsListed | SourceRequested | AgentsListed, now: Instant) -> None:
        try:
            self._reply(event.call_id, self.read(event))
        except CallError as error:
            self._reply(event.call_id, error)

    def _list_works(self, event: WorksListed, now: Instant) -> None:
        infos = tuple(self._work_info(work) for work in self._tree.works())
        self._reply(event.call_id, WorkList(infos, self._revision.number_read))

    def _work_info(self, work: LightningWork) -> WorkInfo:
        latest, tally = self._ledger.latest(work.name), self._ledger.tally(work.name)
        internal_ip, public_ip = work._addresses()
        return WorkInfo(
            name=work.name,
            type=type_name(type(work)),
            stage=WorkStage(work.status.stage),
            parallel=work.parallel,
            cache_calls=work.cache_calls,
            raise_exception=work.raise_exception,
            latest_run=latest,
            succeeded_count=tally.succeeded,
            failed_count=tally.failed,
            timed_out_count=tally.timeouts,
            pending_reason=next((r.run.pending_reason for r in self._ledger.queue(work.name)), ""),
            display_name=work.display_name,
            url=work.url,
            internal_ip=internal_ip,
            public_ip=public_ip,
        )

    def _drain_agent(self, event: DrainRequested, now: Instant) -> None:
        try:
            self._agents.drains.begin(event.call_id, event.agent_id, event.grace)
        except CallError as error:
            self._reply(event.call_id, error)

    def _stop_app(self, event: StopRequested, now: Instant) -> None:
        if self._app_end.status is None:
            self._app_end.end(AppStatus(stage=AppStage.STOPPED, message=event.message))
        if event.call_id:
            self._reply(event.call_id, self._revision.number_read)

    # Agents

    def _agent_attached(self, event: AgentAttached, now: Instant) -> None:
        self._transitions.begin(now, in_pass=False)
        self._agents.attach(event.session, event.hello, now)

    def _agent_spoke(self, event: AgentSpoke, now: Instant) -> bool:
        if self._app_end.status is not None:
            return False  # what was begun is begun again in the next life, with the vars of before
        self._transitions.begin(now, in_pass=False)
        self._agents.spoke(event.session, event.message, now)
        if not isinstance(event.message, WorkDelta):
            return False
        record = self._ledger.record(event.message.run_id)
        return self._revision.fold(by_work=record.run.work if record else "")

    def _agent_detached(self, event: AgentDetached, now: Instant) -> None:
        if self._app_end.status is None:
            self._agents.lose(event.session, now)
        else:  # streams end with the app
            self._agents.detach(event.session, now)

    def _agent_exited(self, event: AgentExited, now: Instant) -> None:
        self._transitions.begin(now, in_pass=False)
        self._agents.exited(event.boot_id, now)

    def _frame_refused(self, event: FrameRefused, now: Instant) -> None:
        if self._app_end.status is None:
            self._transitions.begin(now, in_pass=False)
            self._dispatcher.refuse(event, now)

    def _resend(self, event: ResendWanted, now: Instant) -> None:
        self._dispatcher.ask_again(event.session)
