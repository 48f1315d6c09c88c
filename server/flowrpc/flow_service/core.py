"""The core of a flow service: takes events, gives effects. It knows no thread, socket, clock or disk."""

from __future__ import annotations

import difflib
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from flowrpc.component.building import Restored, restore
from flowrpc.component.calls import Unwind
from flowrpc.component.component import Component, type_name
from flowrpc.component.exits import ExitApp
from flowrpc.component.failures import failure_of
from flowrpc.component.flow import LightningFlow
from flowrpc.component.work import LightningWork
from flowrpc.errors import CallError, FlowrpcError
from flowrpc.flow_service.agents import Agents
from flowrpc.flow_service.audit import Audit
from flowrpc.flow_service.calls import FlowCalls
from flowrpc.flow_service.catalogue import Catalogue
from flowrpc.flow_service.effects import Answer, Effect, Exit, Reply, WorkList
from flowrpc.flow_service.events import (
    AgentAttached,
    AgentDetached,
    AgentExited,
    AgentSpoke,
    CancelRequested,
    CommandCalled,
    CommandsListed,
    Event,
    StopRequested,
    UpdateRequested,
    WorksListed,
    Writing,
)
from flowrpc.flow_service.instant import Instant
from flowrpc.flow_service.ledger import Ledger
from flowrpc.flow_service.request_ids import check_request_id
from flowrpc.flow_service.revision_builder import RevisionBuilder
from flowrpc.protocol.answers import CommandOutcome, UpdateOutcome, WorkInfo, WorkStage
from flowrpc.protocol.messages import WorkDelta
from flowrpc.protocol.stored_answer import StoredAnswer
from flowrpc.state import Change, ChangeLog, Remove, apply_tracked, copy_value, format_path
from flowrpc.state.records import (
    AppStage,
    AppStatus,
    ComponentRecord,
    Failure,
    RunRecord,
    RunStatus,
)
from flowrpc.store.interface import Commit, Recovered

logger = logging.getLogger(__name__)

SEAL_AFTER_SECONDS = 0.010
"""How long after the last revision the next one is sealed, if nothing waits on it: a flow that changes state in every
pass costs so many commits."""
DRAIN_AT_ENTRIES = 1_000
"""How many log entries may wait to be folded."""


_WORK_STAGES = {
    RunStatus.PENDING: WorkStage.PENDING,
    RunStatus.RUNNING: WorkStage.RUNNING,
    RunStatus.SUCCEEDED: WorkStage.SUCCEEDED,
    RunStatus.FAILED: WorkStage.FAILED,
    RunStatus.CANCELLED: WorkStage.STOPPED,
}


@dataclass(slots=True)
class _Transition:
    """What a transition can be taken back to."""

    log: int
    ledger: int
    stopped: int


class Core:
    """Owns the component tree and runs transitions on it: passes, commands, updates, deltas of works.

    The shell feeds events with `receive`, runs passes while `wants_pass`, makes what `seal` returns durable, says
    so with `committed`, and only then carries out the effects that `take_effects` returns.

    Args:
        root: The freshly built root flow.
        recovered: What the store holds.
        now: The begin of this life.
        remote_works: Patterns of works that the local agent does not execute.
        audit: Whether to compare the tree with the fold of its changes at every revision.
    """

    def __init__(
        self,
        root: LightningFlow,
        recovered: Recovered,
        now: Instant,
        *,
        remote_works: tuple[str, ...] = (),
        audit: bool = False,
    ) -> None:
        self.root = root
        replica = recovered.replica
        self._audit = Audit(replica.revision, replica.components.values()) if audit else None
        self.restored: Restored = restore(root, recovered.replica.components.values())
        self.status = AppStatus(stage=AppStage.RUNNING)
        self._journal_id = recovered.journal_id
        self._log = ChangeLog()
        self._builder = RevisionBuilder(recovered.replica.revision + 1)
        self._ledger = Ledger(recovered.records, id_prefix=recovered.journal_id[:8])
        self._calls = FlowCalls(self._ledger)
        self._agents = Agents(
            self._ledger,
            self._emit,
            self._find_work,
            on_failed=self._note_failure,
            epoch=recovered.life,
            remote_works=remote_works,
        )
        self._changed_at: dict[str, int] = {}
        self._first_changed_at = recovered.replica.revision
        self._components: dict[str, Component] = {}
        self._catalogue: Catalogue | None = None
        self._waiting: list[Effect] = []
        self._ready: list[Effect] = []
        self._answers: dict[str, StoredAnswer] = {}
        self._sealed_at = float("-inf")
        self._ended: AppStatus | None = None
        self.wants_pass = True
        """Whether something changed since the last pass."""
        self._begin_life(recovered, now)

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
        transition = self._begin(now, in_pass=True)
        try:
            self.root.run()
        except Unwind:
            pass  # what the pass changed before the call stays
        except ExitApp as exit_app:
            self._end_app(exit_app.status)
        except BaseException as error:  # noqa: BLE001  # a pass ends here, whatever user code raises
            self._undo(transition, passes=True)
            self._fail(failure_of(error))
        else:
            self._calls.complete_pass()
            self._check_unmet()
        self._follow_runs(transition.ledger)
        if len(self._log.entries) > transition.log or self.wants_pass:
            self.wants_pass = True
            self._settle()

    def tick(self, now: Instant) -> None:
        """Lets time pass: leases run out, graces end."""
        deadline = self._agents.deadline()
        if deadline is not None and deadline <= now.monotonic:
            transition = self._begin(now, in_pass=False)
            self._agents.tick(now)
            self._follow_runs(transition.ledger)
            self._settle()

    def deadline(self) -> float | None:
        """Returns the monotonic time at which `tick` has something to do."""
        return self._agents.deadline()

    @property
    def reply_waits(self) -> bool:
        """Whether a client waits for the open revision: it need not wait for a pass, too."""
        return any(type(effect) is Reply for effect in self._waiting)

    def must_seal(self, now: Instant) -> bool:
        """Tells whether the open revision is to be sealed now: something waits on it, or it is time."""
        if self._waiting or self._agents.owes_acks:
            return True
        return now.monotonic - self._sealed_at >= SEAL_AFTER_SECONDS and self._has_open()

    def seal(self, now: Instant) -> Commit | None:
        """Ends the open revision; None if nothing changed, and then nothing waits any more."""
        self._drain()
        applied = self._agents.take_applied()
        records: list[RunRecord] = []
        forgotten: list[str] = []
        self._ledger.take(records.append, forgotten.append)
        for record in records:
            self._builder.add_run(record.run)
        for run_id in forgotten:
            self._builder.forget_run(run_id)
        self._sealed_at = now.monotonic
        if self._builder.empty and not applied:
            self._release()
            return None
        for name in self._builder.components():
            self._changed_at[name] = self._builder.number
        answers = tuple(self._answers.values())
        revision = self._builder.seal(now.wall)
        if self._audit is not None and self._ended is None:
            self._audit.check(revision, self.root)
        return Commit(revision=revision, answers=answers, records=tuple(records), applied=applied)

    def committed(self) -> None:
        """Is told that what `seal` returned is durable."""
        self._answers.clear()
        self._release()

    def take_effects(self) -> list[Effect]:
        """Returns what may be carried out now."""
        if not self._has_open() and self._waiting:
            self._release()
        effects, self._ready = self._ready, []
        return effects

    @property
    def ended(self) -> AppStatus | None:
        """How the app ended; None while it runs."""
        return self._ended

    @property
    def revision(self) -> int:
        """The number of the newest sealed revision."""
        return self._builder.number - 1

    def own_thread(self, ident: int) -> None:
        """Makes a thread the only one that may set state."""
        self._log.thread = ident

    # A life

    def _begin_life(self, recovered: Recovered, now: Instant) -> None:
        self._begin(now, in_pass=False)
        for component in self.root._walk():
            component.__dict__.update(_log=self._log, _context=self._calls)
        self._reconcile(recovered.replica.components)
        self._builder.app = self.status
        self._index()
        if recovered.replica.app is not None and recovered.replica.app.stage is not AppStage.RUNNING:
            self._let_failed_calls_run_again()
        self._agents.recover(now)
        self._commands()
        self._settle()

    def _reconcile(self, known: dict[str, ComponentRecord]) -> None:
        """Records how the tree that the code builds differs from the recorded one."""
        gone = tuple(record.name for record in self.restored.missing)
        for name in gone:
            self._builder.drop(name)
        for component in self.root._walk():
            name = component.name
            if name in known and not any(name == top or name.startswith(top + ".") for top in gone):
                self._builder.catch_up(component, known[name].vars)
            else:
                self._builder.introduce(component._record(dynamic=False))

    def _let_failed_calls_run_again(self) -> None:
        for record in list(self._ledger.all()):
            if record.run.status is RunStatus.FAILED and not record.consumed:
                self._ledger.put(replace(record, consumed=True))
        self._calls.unmet.clear()

    def _index(self) -> None:
        """Looks at the tree anew after components came or went."""
        self._calls.tree_changed = False
        self._components = {component.name: component for component in self.root._walk()}
        self._catalogue = None

    def _find_work(self, name: str) -> LightningWork | None:
        component = self._components.get(name)
        return component if isinstance(component, LightningWork) else None

    def _note_failure(self, run_id: str) -> None:
        self._calls.unmet[run_id] = None

    # Transitions

    def _begin(self, now: Instant, *, in_pass: bool) -> _Transition:
        self._calls.begin(in_pass=in_pass, now=now.wall)
        return _Transition(self._log.mark(), self._ledger.mark(), len(self._calls.stopped))

    def _undo(self, transition: _Transition, *, passes: bool = False) -> None:
        if passes:
            # The app ends with this pass: the tree is not used again, so dropping the record is enough.
            del self._log.entries[transition.log :]
        else:
            self._log.undo(transition.log)
        self._ledger.undo(transition.ledger)
        del self._calls.stopped[transition.stopped :]

    def _follow_runs(self, mark: int) -> None:
        """Follows up on changes of runs since the mark: the flow sees them, and one may wait for an agent."""
        if self._ledger.mark() != mark:
            self.wants_pass = True
            self._agents.dispatch_due = True

    def _settle(self) -> None:
        """Follows up on a transition: folds what was recorded, stops works, starts runs."""
        if len(self._log.entries) >= DRAIN_AT_ENTRIES:
            self._drain()
        if self._calls.tree_changed:
            self._index()
        while self._calls.stopped:
            self._agents.stop_work(*self._calls.stopped.pop(0))
        if self._agents.dispatch_due and self._ended is None:
            # A run begins with the vars as they are now: they are told with it, not after it.
            self._drain()
            self._agents.dispatch()

    def _has_open(self) -> bool:
        return bool(
            self._log.entries or self._ledger.changed() or self._agents.owes_acks or not self._builder.empty
        )

    def _drain(self, by_work: str = "") -> bool:
        """Folds what was recorded into the open revision, and tells works what the flow changed in them.

        Args:
            by_work: The work that made the changes, which need not be told of them.
        """
        entries = self._log.take()
        if not entries:
            return False
        told: dict[str, list[Change]] = {}
        for owner, name, change in self._builder.add(entries):
            if name != by_work and isinstance(owner, LightningWork) and self._agents.hosts(name):
                told.setdefault(name, []).append(change)
        for name, changes in told.items():
            self._agents.tell_changes(name, changes)
        return True

    def _emit(self, effect: Effect, *, at_once: bool = False) -> None:
        (self._ready if at_once else self._waiting).append(effect)

    def _release(self) -> None:
        self._ready.extend(self._waiting)
        self._waiting.clear()

    def _reply(self, call_id: int, answer: Answer | CallError) -> None:
        self._emit(Reply(call_id, answer))

    # Events

    def _call_command(self, event: CommandCalled, now: Instant) -> None:
        self._write(event, now, self._command)

    def _update_state(self, event: UpdateRequested, now: Instant) -> None:
        self._write(event, now, self._update)

    def _write(
        self, event: Any, now: Instant, write: Callable[[Any, Instant], CommandOutcome | UpdateOutcome]
    ) -> None:
        """Carries out a request that changes things: once for each request id, and not after its deadline."""
        if event.deadline is not None and event.deadline <= now.monotonic:
            return  # nobody waits any more
        try:
            answer = self._first_answer(event, now) or write(event, now)
        except CallError as error:
            self._reply(event.call_id, error)
        else:
            self._reply(event.call_id, answer)

    def _first_answer(self, event: Writing, now: Instant) -> CommandOutcome | UpdateOutcome | None:
        self._check_running()
        if not event.request_id:
            return None
        check_request_id(event.request_id, now.wall)
        first = self._answers.get(event.request_id) or event.earlier
        if first is None:
            return None
        if first.digest != event.digest:
            message = f"the request id {event.request_id} was used for another request; make a new one"
            raise CallError("REQUEST_ID_REUSED", message, request_id=event.request_id)
        return replace(first.answer, replayed=True)

    def _check_running(self) -> None:
        if self._ended is not None:
            raise CallError(
                "STOPPING", f"the app has ended ({self._ended.stage.value}); start it again to go on"
            )

    def _command(self, event: CommandCalled, now: Instant) -> CommandOutcome:
        command = self._commands().find(event.command)
        command.check(event.arguments)
        transition = self._begin(now, in_pass=False)
        self._log.undoable = True
        failure = result = None
        try:
            result = copy_value(command.call(event.arguments), f"the result of {command.name}")
        except ExitApp as exit_app:
            self._end_app(exit_app.status)
        except BaseException as error:  # noqa: BLE001  # a command ends here, whatever user code raises
            self._undo(transition)
            failure = failure_of(error)
        finally:
            self._log.undoable = False
        outcome = CommandOutcome(result=result, failure=failure, revision=self._revision_read())
        self._remember(event, transition, outcome)
        return outcome

    def _update(self, event: UpdateRequested, now: Instant) -> UpdateOutcome:
        component = self._component(event.component)
        changed_at = self._last_change(component.name)
        if event.expected_revision is not None and changed_at > event.expected_revision:
            raise CallError(
                "REVISION_CONFLICT",
                f"{component.name} changed in revision {changed_at}, after {event.expected_revision}; read it again",
                component=component.name,
                revision=str(changed_at),
            )
        transition = self._begin(now, in_pass=False)
        self._log.undoable = True
        try:
            for change in event.changes:
                self._apply_outside(component, change)
        except BaseException:
            self._undo(transition)
            raise
        finally:
            self._log.undoable = False
        outcome = UpdateOutcome(revision=self._revision_read())
        self._remember(event, transition, outcome)
        return outcome

    def _apply_outside(self, component: Component, change: Change) -> None:
        name = str(change.path[0])
        try:
            if name not in component._var_names or name.startswith("_"):
                known = [name for name in component._var_names if not name.startswith("_")]
                raise CallError(
                    "INVALID_CHANGE", f"{component.name} has no var {name!r}; it has {', '.join(known)}"
                )
            if type(change) is Remove and len(change.path) == 1:
                raise CallError(
                    "INVALID_CHANGE", f"{component.name}.{name}: a var cannot be removed; set it to null"
                )
            apply_tracked(component, change)
        except FlowrpcError as error:
            place = format_path(change.path)
            raise CallError("INVALID_CHANGE", str(error), component=component.name, path=place) from error

    def _cancel_run(self, event: CancelRequested, now: Instant) -> None:
        self._begin(now, in_pass=False)
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
            self._agents.cancel(record, event.grace, now)
            self._reply(event.call_id, self._revision_read())

    def _list_commands(self, event: CommandsListed, now: Instant) -> None:
        try:
            self._reply(event.call_id, self._commands().infos())
        except FlowrpcError as error:
            self._reply(event.call_id, CallError("INTERNAL", str(error)))

    def _list_works(self, event: WorksListed, now: Instant) -> None:
        works = [c for c in self._components.values() if isinstance(c, LightningWork)]
        infos = tuple(self._work_info(work) for work in sorted(works, key=lambda work: work.name))
        self._reply(event.call_id, WorkList(infos, self._revision_read()))

    def _work_info(self, work: LightningWork) -> WorkInfo:
        latest = self._ledger.latest(work.name)
        return WorkInfo(
            name=work.name,
            type=type_name(type(work)),
            stage=_WORK_STAGES[latest.status] if latest else WorkStage.NOT_STARTED,
            parallel=work.parallel,
            cache_calls=work.cache_calls,
            raise_exception=work.raise_exception,
            latest_run=latest,
            succeeded_count=self._ledger.count(work.name, RunStatus.SUCCEEDED),
            failed_count=self._ledger.count(work.name, RunStatus.FAILED),
        )

    def _stop_app(self, event: StopRequested, now: Instant) -> None:
        if self._ended is None:
            self._end_app(AppStatus(stage=AppStage.STOPPED, message=event.message))
        if event.call_id:
            self._reply(event.call_id, self._revision_read())

    def _agent_attached(self, event: AgentAttached, now: Instant) -> None:
        self._begin(now, in_pass=False)
        self._agents.attach(event.session, event.hello, now)

    def _agent_spoke(self, event: AgentSpoke, now: Instant) -> None:
        self._begin(now, in_pass=False)
        self._agents.spoke(event.session, event.message, now)
        if isinstance(event.message, WorkDelta):
            record = self._ledger.record(event.message.run_id)
            if self._drain(by_work=record.run.work if record else ""):
                self.wants_pass = True

    def _agent_detached(self, event: AgentDetached, now: Instant) -> None:
        self._agents.detach(event.session, now)

    def _agent_exited(self, event: AgentExited, now: Instant) -> None:
        self._begin(now, in_pass=False)
        self._agents.exited(event.boot_id, now)

    _HANDLERS: ClassVar[dict[type, Any]] = {
        CommandCalled: _call_command,
        UpdateRequested: _update_state,
        CancelRequested: _cancel_run,
        CommandsListed: _list_commands,
        WorksListed: _list_works,
        StopRequested: _stop_app,
        AgentAttached: _agent_attached,
        AgentSpoke: _agent_spoke,
        AgentDetached: _agent_detached,
        AgentExited: _agent_exited,
    }

    # Inside

    def _commands(self) -> Catalogue:
        if self._catalogue is None:
            self._catalogue = Catalogue(self.root)
        return self._catalogue

    def _component(self, name: str) -> Component:
        component = self._components.get(name)
        if component is not None:
            return component
        close = next(iter(difflib.get_close_matches(name, self._components, n=1)), "")
        message = f"no component {name!r}" + (f"; did you mean {close!r}?" if close else "")
        raise CallError("UNKNOWN_COMPONENT", message, component=name, suggestion=close)

    def _last_change(self, name: str) -> int:
        if name in self._builder.components():
            return self._builder.number
        return self._changed_at.get(name, self._first_changed_at)

    def _revision_read(self) -> int:
        """Returns the revision that holds all that a transition just did or read."""
        return self._builder.number if self._has_open() else self._builder.number - 1

    def _remember(
        self, event: Writing, transition: _Transition, answer: CommandOutcome | UpdateOutcome
    ) -> None:
        """Keeps the answer for a retry, if the request changed something."""
        changed = self._log.mark() > transition.log or self._ledger.mark() > transition.ledger
        if event.request_id and (changed or self._ended is not None):
            stored = StoredAnswer(request_id=event.request_id, digest=event.digest, answer=answer)
            self._answers[event.request_id] = stored

    def _check_unmet(self) -> None:
        """Fails the app for a failed run that the flow should have met in this pass and did not."""
        for run_id in list(self._calls.unmet):
            del self._calls.unmet[run_id]
            record = self._ledger.record(run_id)
            work = self._find_work(record.run.work) if record else None
            if (
                record is not None
                and work is not None
                and work.raise_exception
                and record.run.failure is not None
            ):
                failure = record.run.failure
                message = f"{work.name}.run failed and the flow did not call it again: {failure.message}"
                self._fail(replace(failure, message=message))
                return

    def _fail(self, failure: Failure) -> None:
        logger.error("the app failed: %s", failure.traceback or failure.message)
        headline = failure.message.partition("\n")[0]
        self._end_app(AppStatus(stage=AppStage.FAILED, message=headline, failure=failure))

    def _end_app(self, status: AppStatus) -> None:
        self._ended = self.status = status
        self._builder.app = status
        self._agents.fence_all()
        self._emit(Exit(status))
