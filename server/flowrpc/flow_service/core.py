"""The core of a flow service: takes events, gives effects. It knows no thread, socket, clock or disk."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar

from flowrpc.component.building import Restored
from flowrpc.component.calls import Unwind
from flowrpc.component.component import type_name
from flowrpc.component.exits import ExitApp
from flowrpc.component.failures import failure_of
from flowrpc.component.flow import LightningFlow
from flowrpc.component.framework_vars import set_framework_var
from flowrpc.component.work import LightningWork
from flowrpc.errors import CallError, FlowrpcError, WorkRunError
from flowrpc.flow_service.agents import Agents
from flowrpc.flow_service.audit import Audit
from flowrpc.flow_service.calls import FlowCalls
from flowrpc.flow_service.dispatcher import Dispatcher
from flowrpc.flow_service.effects import (
    Answer,
    Effect,
    Exit,
    FrontendsChanged,
    Reply,
    RoutesChanged,
    WorkList,
)
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
    UpdateRequested,
    WorksListed,
    Writing,
)
from flowrpc.flow_service.instant import Instant
from flowrpc.flow_service.layouts import Layouts
from flowrpc.flow_service.ledger import Ledger
from flowrpc.flow_service.readiness import Readiness
from flowrpc.flow_service.requests import Requests
from flowrpc.flow_service.routes import Route
from flowrpc.flow_service.schedules import MAX_WAIT_SECONDS
from flowrpc.flow_service.sessions import Sessions
from flowrpc.flow_service.transition import Transitions
from flowrpc.flow_service.tree import Tree
from flowrpc.protocol.answers import CommandInfo, WorkInfo, WorkStage
from flowrpc.protocol.messages import WorkDelta
from flowrpc.state import Change
from flowrpc.state.records import AppStage, AppStatus, Failure, RunRecord
from flowrpc.state.work_facts import URL
from flowrpc.store.interface import Commit, Recovered

logger = logging.getLogger(__name__)

SEAL_AFTER_SECONDS = 0.010
"""How long after the last revision the next one is sealed, if nothing waits on it: a flow that changes state in every
pass costs so many commits."""
LATE_SECONDS = 0.25
"""How late a tick may come without a reason: beyond that, whoever was to be heard may have had no chance."""
DRAIN_AT_ENTRIES = 1_000
"""How many log entries may wait to be folded."""


class Core:
    """Runs transitions on the component tree: passes, commands, updates, frames of agents.

    The shell feeds events with `receive`, runs passes while `wants_pass`, makes what `seal` returns durable, says
    so with `committed`, and only then carries out the effects that `take_effects` returns.

    Args:
        root: The freshly built root flow.
        recovered: What the store holds.
        now: The begin of this life.
        remote_works: Patterns of works that the local agent does not execute.
        all_able: Whether agents are taken to have what works need, as in a simulation.
        storage_url: Where works keep the files that they hand over.
        audit: Whether to compare the tree with the fold of its changes at every revision.

    Raises:
        ComponentError: The commands of the tree cannot be served.
    """

    def __init__(
        self,
        root: LightningFlow,
        recovered: Recovered,
        now: Instant,
        *,
        remote_works: tuple[str, ...] = (),
        all_able: bool = False,
        storage_url: str = "",
        audit: bool = False,
    ) -> None:
        replica = recovered.replica
        self.root = root
        self._audit = Audit(replica.revision, replica.components.values()) if audit else None
        self._tree = Tree(root, replica)
        self._log = self._tree.log
        self._builder = self._tree.builder
        self._ledger = Ledger(recovered.records, id_prefix=_id_prefix(recovered))
        self._calls = FlowCalls(self._ledger)
        self._transitions = Transitions(self._tree, self._ledger, self._calls)
        self._readiness = Readiness(root, self._transitions, self._emit)
        self._layouts = Layouts(root, self._transitions, lambda found: self._emit(FrontendsChanged(found)))
        self._requests = Requests(self._tree, self._transitions, self._revision_read, self._end_app)
        sessions = Sessions(remote_works, all_able=all_able)
        self._dispatcher = Dispatcher(
            self._ledger,
            sessions,
            self._emit,
            self._tree.find_work,
            on_failed=self._calls.note_failure,
            epoch=recovered.life,
        )
        self._calls.addresses_of = self._dispatcher.processes.addresses
        self._agents = Agents(
            sessions,
            self._dispatcher,
            self._emit,
            epoch=recovered.life,
            journal_id=recovered.journal_id,
            storage_url=storage_url,
        )
        self._waiting: list[Effect] = []
        self._ready: list[Effect] = []
        self._sealed_at = float("-inf")
        self._routes_told: tuple[Route, ...] = ()
        self.ended: AppStatus | None = None
        """How the app ended; None while it runs."""
        self.wants_pass = True
        """Whether something changed since the last pass."""
        self._begin_life(recovered, now)

    @property
    def restored(self) -> Restored:
        """What was recorded and has no place in the code any more."""
        return self._tree.restored

    # What the shell calls

    def receive(self, event: Event, now: Instant) -> None:
        """Takes an event."""
        # What happened before this event must not be taken for a part of it.
        self._drain()
        runs = self._ledger.mark()
        self._HANDLERS[type(event)](self, event, now)
        if self._log.entries:
            self.wants_pass = True
        self._follow_runs(runs)
        self._settle()

    def run_pass(self, now: Instant) -> None:
        """Calls the root's `run` once."""
        self.wants_pass = False
        transition = self._transitions.begin(now, in_pass=True)
        try:
            self._run_root()
        except Unwind:
            self._calls.end()  # what the pass changed before the call stays
        except ExitApp as exit_app:
            self._calls.end()
            self._end_app(exit_app.status)
        except BaseException as error:  # noqa: BLE001  # a pass ends here, whatever user code raises
            self._transitions.drop(transition)
            self._fail(failure_of(error))
        else:
            self._calls.complete_pass()
            self._check_unmet()
        if self._transitions.changed_since(transition):
            self.wants_pass = True
            self._follow_runs(transition.ledger)
            self._settle()

    def _run_root(self) -> None:
        try:
            self.root.run()
        finally:
            self._transitions.check_tree()

    def tick(self, now: Instant, stalled: float = 0.0) -> None:
        """Lets time pass: leases run out, graces end, schedules come due.

        Args:
            now: The time up to which everything was received.
            stalled: How many seconds ago that was so the last time. If it is late, agents are given that time.
        """
        if self._calls.schedules.tick(now):
            self.wants_pass = True
        deadline = self._agents.deadline()
        if deadline is not None and now.monotonic - deadline > LATE_SECONDS and stalled:
            self._agents.extend(stalled)
            deadline = self._agents.deadline()
        if deadline is not None and deadline <= now.monotonic:
            transition = self._transitions.begin(now, in_pass=False)
            self._agents.tick(now)
            self._follow_runs(transition.ledger)
            self._settle()

    def deadline(self, max_wait: float = MAX_WAIT_SECONDS) -> float | None:
        """Returns the monotonic time at which `tick` has something to do.

        Args:
            max_wait: After how many seconds a clock that somebody may set is looked at, while there are schedules.
        """
        deadlines = (self._agents.deadline(), self._calls.schedules.deadline(max_wait))
        return min((deadline for deadline in deadlines if deadline is not None), default=None)

    @property
    def reply_waits(self) -> bool:
        """Whether a client waits for the open revision: it need not wait for a pass, too."""
        return any(type(effect) is Reply for effect in self._waiting)

    def must_seal(self, now: Instant) -> bool:
        """Tells whether the open revision is to be sealed now: something waits on it, or it is time."""
        if self._waiting or self._dispatcher.under_way.owes_acks:
            return True
        return now.monotonic - self._sealed_at >= SEAL_AFTER_SECONDS and self._has_open()

    def seal(self, now: Instant) -> Commit | None:
        """Ends the open revision; None if nothing changed, and then nothing waits any more."""
        self._drain()
        if self.ended is None:
            self._readiness.look(now)
        applied = self._dispatcher.under_way.take_applied()
        records = self._take_runs()
        self._sealed_at = now.monotonic
        if self._builder.empty and not applied:
            self._release()
            return None
        if self.ended is None:
            self._layouts.refresh(now)
            self._drain()
        self._tree.note_sealing()
        revision = self._builder.seal(now.wall)
        if self._audit is not None and self.ended is None:
            self._audit.check(revision, self.root)
        answers = tuple(self._requests.answers.values())
        return Commit(revision=revision, answers=answers, records=records, applied=applied)

    def committed(self) -> None:
        """Is told that what `seal` returned is durable."""
        self._requests.answers.clear()
        self._release()

    def take_effects(self) -> list[Effect]:
        """Returns what may be carried out now."""
        if self._waiting and not self._has_open():
            self._release()
        effects, self._ready = self._ready, []
        return effects

    # While nothing can be saved, the shell calls none but these

    def note_beat(self, session: int, now: Instant) -> bool:
        """Notes that an agent lives; tells whether it has an open stream."""
        return self._agents.note_beat(session, now)

    def waits_for_answer(self, event: Writing) -> bool:
        """Tells whether a request was carried out already, in the revision that is to be saved."""
        return event.request_id in self._requests.answers

    def first_answer(self, event: Writing, now: Instant) -> Answer | None:
        """Returns the durable first answer to a request; None if there is none.

        Raises:
            CallError: The request id is not usable.
        """
        return self._requests.first_answer(event, now)

    def commands(self) -> tuple[CommandInfo, ...]:
        """Returns the commands, by name."""
        return self._tree.commands().infos()

    def read(self, event: CommandsListed | SourceRequested | AgentsListed) -> Answer:
        """Answers a request that reads what no revision holds.

        Raises:
            CallError: It is refused.
        """
        try:
            if isinstance(event, CommandsListed):
                return self.commands()
            if isinstance(event, SourceRequested):
                return self._tree.commands().source(event.command)
            return self._dispatcher.agents()
        except CallError:
            raise
        except FlowrpcError as error:
            raise CallError("INTERNAL", str(error)) from error

    def own_thread(self, ident: int) -> None:
        """Makes a thread the only one that may set state."""
        self._log.thread = ident

    # Around transitions

    def _begin_life(self, recovered: Recovered, now: Instant) -> None:
        self._transitions.begin(now, in_pass=False)
        self._tree.begin_life(recovered.replica.components, self._calls)
        self._readiness.index()
        self._calls.schedules.index(self.root._walk())
        self._calls.schedules.tick(now)
        self._layouts.begin(now)
        self._builder.app = AppStatus(stage=AppStage.RUNNING)
        before = recovered.replica.app
        ended = before is not None and before.stage is not AppStage.RUNNING
        if ended:
            self._calls.let_failed_run_again()
        self._dispatcher.recover(now, orderly=ended)
        self._start_works()
        self._tell_routes()
        self._settle()

    def _start_works(self) -> None:
        """Starts the processes that are to be there from the begin; what an earlier life knew of processes is over."""
        for work in self._tree.works():
            self._ledger.consume_start(work.name)
            if work.url:
                set_framework_var(work, URL, "")
            if work.start_with_flow:
                self._calls.start(work)

    def _follow_runs(self, mark: int) -> None:
        """Follows up on changes of runs since the mark: the flow sees them, and one may wait for an agent."""
        if self._ledger.mark() != mark:
            self.wants_pass = True
            self._dispatcher.dispatch_due = True

    def _settle(self) -> None:
        """Follows up on a transition: folds what was recorded, stops works, starts runs."""
        if len(self._log.entries) >= DRAIN_AT_ENTRIES:
            self._drain()
        if self._calls.tree_changed:
            self._calls.tree_changed = False
            self._tree.index()
            self._readiness.index()
            self._calls.schedules.index(self.root._walk())
            self._layouts.index()
            self._tell_routes()
        while self._calls.stopped:
            self._dispatcher.stop_work(*self._calls.stopped.pop(0))
        if self._dispatcher.dispatch_due and self.ended is None:
            # A run begins with the vars as they are now: they are told with it, not after it.
            self._drain()
            if self._dispatcher.dispatch():
                self.wants_pass = True

    def _tell_routes(self) -> None:
        """Tells the shell what routes there are, if that changed."""
        routes = self._tree.routes().all()
        if routes != self._routes_told:
            self._routes_told = routes
            self._emit(RoutesChanged(routes))

    def _drain(self, by_work: str = "") -> bool:
        """Folds what was recorded into the open revision, and tells works what the flow changed in them.

        Args:
            by_work: The work that made the changes, which need not be told of them.
        """
        if not self._log.entries:
            return False
        told: dict[str, list[Change]] = {}
        for owner, name, change in self._tree.fold():
            if name != by_work and isinstance(owner, LightningWork) and str(change.path[0])[0] != "_":
                told.setdefault(name, []).append(change)
        busy = self._dispatcher.busy_works() if told else {}
        for name, changes in told.items():
            if name in busy:
                self._dispatcher.under_way.tell_changes(busy[name], tuple(changes))
        return True

    def _take_runs(self) -> tuple[RunRecord, ...]:
        """Takes the runs that changed into the open revision."""
        records: list[RunRecord] = []
        self._ledger.take(records.append, self._builder.forget_run)
        for record in records:
            self._builder.add_run(record.run)
        return tuple(records)

    def _has_open(self) -> bool:
        return bool(
            self._log.entries
            or self._ledger.changed()
            or self._dispatcher.under_way.owes_acks
            or not self._builder.empty
        )

    def _revision_read(self) -> int:
        """Returns the revision that holds all that a transition just did or read."""
        return self._builder.number if self._has_open() else self._builder.number - 1

    def _emit(self, effect: Effect, *, at_once: bool = False) -> None:
        (self._ready if at_once else self._waiting).append(effect)

    def _release(self) -> None:
        self._ready.extend(self._waiting)
        self._waiting.clear()

    def _reply(self, call_id: int, answer: Answer | CallError) -> None:
        self._emit(Reply(call_id, answer))

    # Events

    def _write(self, event: CommandCalled | UpdateRequested, now: Instant) -> None:
        if event.deadline is not None and event.deadline <= now.monotonic:
            return  # nobody waits any more
        try:
            self._check_running()
            answer = self._requests.answer(event, now)
        except CallError as error:
            self._reply(event.call_id, error)
        else:
            self._reply(event.call_id, answer)

    def _call_route(self, event: RouteCalled, now: Instant) -> None:
        if event.deadline <= now.monotonic:
            return  # nobody waits any more
        try:
            self._check_running()
            self._reply(event.call_id, self._requests.route(event, now))
        except CallError as error:
            self._reply(event.call_id, error)

    def _check_running(self) -> None:
        if self.ended is not None:
            raise CallError(
                "STOPPING", f"the app has ended ({self.ended.stage.value}); start it again to go on"
            )

    def _cancel_run(self, event: CancelRequested, now: Instant) -> None:
        self._transitions.begin(now, in_pass=False)
        record = self._ledger.record(event.run_id)
        if record is None:
            error = CallError(
                "UNKNOWN_RUN", f"no run {event.run_id!r}; see flowctl runs", run_id=event.run_id
            )
            self._reply(event.call_id, error)
        elif record.run.status.terminal:
            status = record.run.status.value
            message = f"run {event.run_id} has ended already: {status}"
            self._reply(
                event.call_id, CallError("RUN_ENDED", message, run_id=event.run_id, status=status.upper())
            )
        else:
            self._dispatcher.cancel(record, event.grace, now)
            self._reply(event.call_id, self._revision_read())

    def _read(self, event: CommandsListed | SourceRequested | AgentsListed, now: Instant) -> None:
        try:
            self._reply(event.call_id, self.read(event))
        except CallError as error:
            self._reply(event.call_id, error)

    def _list_works(self, event: WorksListed, now: Instant) -> None:
        infos = tuple(self._work_info(work) for work in self._tree.works())
        self._reply(event.call_id, WorkList(infos, self._revision_read()))

    def _drain_agent(self, event: DrainRequested, now: Instant) -> None:
        try:
            self._agents.drains.begin(event.call_id, event.agent_id, event.grace)
        except CallError as error:
            self._reply(event.call_id, error)

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

    def _stop_app(self, event: StopRequested, now: Instant) -> None:
        if self.ended is None:
            self._end_app(AppStatus(stage=AppStage.STOPPED, message=event.message))
        if event.call_id:
            self._reply(event.call_id, self._revision_read())

    def _agent_attached(self, event: AgentAttached, now: Instant) -> None:
        self._transitions.begin(now, in_pass=False)
        self._agents.attach(event.session, event.hello, now)

    def _agent_spoke(self, event: AgentSpoke, now: Instant) -> None:
        if self.ended is not None:
            return  # what was begun is begun again in the next life, with the vars of before
        self._transitions.begin(now, in_pass=False)
        self._agents.spoke(event.session, event.message, now)
        if isinstance(event.message, WorkDelta):
            record = self._ledger.record(event.message.run_id)
            if self._drain(by_work=record.run.work if record else ""):
                self.wants_pass = True

    def _agent_detached(self, event: AgentDetached, now: Instant) -> None:
        self._agents.detach(event.session, now)

    def _agent_exited(self, event: AgentExited, now: Instant) -> None:
        self._transitions.begin(now, in_pass=False)
        self._agents.exited(event.boot_id, now)

    def _frame_refused(self, event: FrameRefused, now: Instant) -> None:
        if self.ended is None:
            self._transitions.begin(now, in_pass=False)
            self._dispatcher.refuse(event, now)

    def _resend(self, event: ResendWanted, now: Instant) -> None:
        self._dispatcher.ask_again(event.session)

    _HANDLERS: ClassVar[dict[type, Callable[[Core, Any, Instant], None]]] = {
        CommandCalled: _write,
        RouteCalled: _call_route,
        UpdateRequested: _write,
        CancelRequested: _cancel_run,
        CommandsListed: _read,
        SourceRequested: _read,
        WorksListed: _list_works,
        AgentsListed: _read,
        DrainRequested: _drain_agent,
        StopRequested: _stop_app,
        AgentAttached: _agent_attached,
        AgentSpoke: _agent_spoke,
        AgentDetached: _agent_detached,
        AgentExited: _agent_exited,
        FrameRefused: _frame_refused,
        ResendWanted: _resend,
    }

    # The end of the app

    def _check_unmet(self) -> None:
        """Fails the app for a failed run that the flow should have met in this pass and did not."""
        for run_id in self._calls.take_unmet():
            record = self._ledger.record(run_id)
            work = self._tree.find_work(record.run.work) if record else None
            if record is None or work is None or not work.raise_exception or record.run.failure is None:
                continue
            failure = record.run.failure
            what = "start failed" if record.run.prepares else "run failed and the flow did not call it again"
            message = f"{work.name}.{what}: {failure.message}"
            self._fail(replace(failure, message=message))
            return

    def _fail(self, failure: Failure) -> None:
        headline = failure.message.partition("\n")[0]
        told = failure.type == type_name(WorkRunError).replace(":", ".")  # when its run failed
        logger.error("the app failed: %s", headline if told else failure.traceback or failure.message)
        self._end_app(AppStatus(stage=AppStage.FAILED, message=headline, failure=failure))

    def _end_app(self, status: AppStatus) -> None:
        self.ended = self._builder.app = status
        self._dispatcher.cancel_all()
        self._emit(Exit(status))


def _id_prefix(recovered: Recovered) -> str:
    """Returns what ids of runs that are asked for in this life begin with.

    A life counts on from the runs that are kept. One that was forgotten, whose agent may still hold it, may have had
    the next number: so that no id comes twice, later lives have their number in it.
    """
    journal = recovered.journal_id[:8]
    return journal if recovered.life == 1 else f"{journal}-{recovered.life}"
