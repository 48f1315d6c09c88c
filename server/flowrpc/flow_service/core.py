"""The core of a flow service: takes events, gives effects. It knows no thread, socket, clock or disk."""

from __future__ import annotations

from flowrpc.component.building import Restored
from flowrpc.component.calls import Unwind
from flowrpc.component.exits import ExitApp
from flowrpc.component.failures import failure_of
from flowrpc.component.flow import LightningFlow
from flowrpc.component.framework_vars import set_framework_var
from flowrpc.flow_service.agents import Agents
from flowrpc.flow_service.app_end import AppEnd
from flowrpc.flow_service.audit import Audit
from flowrpc.flow_service.calls import FlowCalls
from flowrpc.flow_service.dispatcher import Dispatcher
from flowrpc.flow_service.effects import Answer, Effect, FrontendsChanged, RoutesChanged
from flowrpc.flow_service.event_handlers import EventHandlers
from flowrpc.flow_service.events import AgentsListed, CommandsListed, Event, SourceRequested, Writing
from flowrpc.flow_service.instant import Instant
from flowrpc.flow_service.layouts import Layouts
from flowrpc.flow_service.ledger import Ledger
from flowrpc.flow_service.open_revision import OpenRevision
from flowrpc.flow_service.outgoing import Outgoing
from flowrpc.flow_service.readiness import Readiness
from flowrpc.flow_service.requests import Requests
from flowrpc.flow_service.routes import Route
from flowrpc.flow_service.schedules import MAX_WAIT_SECONDS
from flowrpc.flow_service.sessions import Sessions
from flowrpc.flow_service.streams import Streams
from flowrpc.flow_service.transition import Transitions
from flowrpc.flow_service.tree import Tree
from flowrpc.flow_service.user_code import UserCode
from flowrpc.protocol.answers import CommandInfo
from flowrpc.state.records import AppStage, AppStatus
from flowrpc.state.work_facts import URL
from flowrpc.store.interface import Commit, Recovered

SEAL_AFTER_SECONDS = 0.010
"""How long after the last revision the next one is sealed, if nothing waits on it: a flow that changes state in every
pass costs so many commits."""
LATE_SECONDS = 0.25
"""How late a tick may come without a reason: beyond that, whoever was to be heard may have had no chance."""
FOLD_AT_ENTRIES = 1_000
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
        self._outgoing = outgoing = Outgoing()
        self._tree = tree = Tree(root, replica)
        self._log = tree.log
        self._ledger = ledger = Ledger(recovered.records, id_prefix=_id_prefix(recovered))
        self._calls = FlowCalls(ledger)
        self._transitions = Transitions(tree, ledger, self._calls)
        sessions = Sessions(remote_works, all_able=all_able)
        self._dispatcher = Dispatcher(
            ledger,
            sessions,
            outgoing,
            tree.find_work,
            on_failed=self._calls.note_failure,
            epoch=recovered.life,
        )
        self._calls.addresses_of = self._dispatcher.processes.addresses
        self._agents = Agents(
            sessions,
            self._dispatcher,
            outgoing.emit,
            epoch=recovered.life,
            journal_id=recovered.journal_id,
            storage_url=storage_url,
        )
        self._revision = OpenRevision(tree, ledger, self._dispatcher)
        self._app_end = AppEnd(tree, ledger, self._calls, self._dispatcher, outgoing)
        user_code = UserCode(self._transitions, self._app_end.end)
        self._requests = Requests(tree, self._transitions, lambda: self._revision.number_read, user_code)
        self._streams = Streams(tree, user_code, lambda: self._revision.number_read, outgoing.emit)
        self._handlers = EventHandlers(
            tree=tree,
            ledger=ledger,
            transitions=self._transitions,
            requests=self._requests,
            streams=self._streams,
            dispatcher=self._dispatcher,
            agents=self._agents,
            revision=self._revision,
            app_end=self._app_end,
            outgoing=outgoing,
        )
        self._readiness = Readiness(root, self._transitions, outgoing.emit)
        self._layouts = Layouts(root, self._transitions, lambda found: outgoing.emit(FrontendsChanged(found)))
        self._sealed_at = float("-inf")
        self._routes_told: tuple[Route, ...] = ()
        self.wants_pass = True
        """Whether something changed since the last pass."""
        self._begin_life(recovered, now)

    @property
    def restored(self) -> Restored:
        """What was recorded and has no place in the code any more."""
        return self._tree.restored

    @property
    def ended(self) -> AppStatus | None:
        """How the app ended; None while it runs."""
        return self._app_end.status

    # What the shell calls

    def receive(self, event: Event, now: Instant) -> None:
        """Takes an event."""
        # What happened before this event must not be taken for a part of it.
        self._revision.fold()
        runs = self._ledger.mark()
        if self._handlers.handle(event, now):
            self.wants_pass = True
        self._follow(runs)

    def step_stream(self, now: Instant) -> None:
        """Makes one item of one stream, if there is room for any."""
        self._revision.fold()
        runs = self._ledger.mark()
        self._streams.step(now)
        self._follow(runs)

    def _follow(self, runs: int) -> None:
        """Follows up on what an event or a stream did since the mark of runs."""
        if self._revision.has_entries:
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
            self._app_end.end(exit_app.status)
        except BaseException as error:  # noqa: BLE001  # a pass ends here, whatever user code raises
            self._transitions.drop(transition)
            self._app_end.fail(failure_of(error))
        else:
            self._calls.complete_pass()
            self._app_end.check_unmet()
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
    def wants_items(self) -> bool:
        """Whether there is room for an item of a stream."""
        return self._streams.due and self.ended is None

    @property
    def reply_waits(self) -> bool:
        """Whether a client waits for the open revision: it need not wait for a pass, too."""
        return self._outgoing.client_waits

    def must_seal(self, now: Instant) -> bool:
        """Tells whether the open revision is to be sealed now: something waits on it, or it is time."""
        if self._outgoing.waiting or self._dispatcher.under_way.owes_acks:
            return True
        return now.monotonic - self._sealed_at >= SEAL_AFTER_SECONDS and not self._revision.is_empty

    def seal(self, now: Instant) -> Commit | None:
        """Ends the open revision; None if nothing changed, and then nothing waits any more."""
        if self.ended is not None:
            usable = self.ended.stage is not AppStage.FAILED  # else the tree is not to be used any more
            self._streams.close_all(self._app_end.refusal, now, usable=usable)
        self._revision.fold()
        if self.ended is None:
            self._readiness.look(now)
        applied = self._dispatcher.under_way.take_applied()
        records = self._revision.take_runs()
        self._sealed_at = now.monotonic
        if self._revision.holds_nothing and not applied:
            self._outgoing.release()
            return None
        if self.ended is None:
            self._layouts.refresh(now)
            self._revision.fold()
        revision = self._revision.seal(now.wall)
        if self._audit is not None and self.ended is None:
            self._audit.check(revision, self.root)
        answers = tuple(self._requests.answers.values())
        return Commit(revision=revision, answers=answers, records=records, applied=applied)

    def committed(self) -> None:
        """Is told that what `seal` returned is durable."""
        self._requests.answers.clear()
        self._outgoing.release()

    def take_effects(self) -> list[Effect]:
        """Returns what may be carried out now."""
        if self._outgoing.waiting and self._revision.is_empty:
            self._outgoing.release()
        return self._outgoing.take()

    # While nothing can be saved, the shell calls none but these

    def note_beat(self, session: int, now: Instant) -> bool:
        """Notes that an agent lives; tells whether it has an open stream."""
        return self._agents.note_beat(session, now)

    def waits_for_answer(self, event: Writing) -> bool:
        """Tells whether a request was carried out already, in the revision that is to be saved."""
        return event.request_id in self._requests.answers

    def has_stream(self, number: int) -> bool:
        """Tells whether a stream is open."""
        return number in self._streams

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
        return self._handlers.read(event)

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
        self._tree.builder.app = AppStatus(stage=AppStage.RUNNING)
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
        self._revision.fold_if(FOLD_AT_ENTRIES)
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
            self._revision.fold()
            if self._dispatcher.dispatch():
                self.wants_pass = True

    def _tell_routes(self) -> None:
        """Tells the shell what routes there are, if that changed."""
        routes = self._tree.routes().all()
        if routes != self._routes_told:
            self._routes_told = routes
            self._outgoing.emit(RoutesChanged(routes))


def _id_prefix(recovered: Recovered) -> str:
    """Returns what ids of runs that are asked for in this life begin with.

    A life counts on from the runs that are kept. One that was forgotten, whose agent may still hold it, may have had
    the next number: so that no id comes twice, later lives have their number in it.
    """
    journal = recovered.journal_id[:8]
    return journal if recovered.life == 1 else f"{journal}-{recovered.life}"
