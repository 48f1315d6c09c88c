"""A small flow service in memory, over a real socket: it keeps what the contract promises to clients."""

import difflib
import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
from flowrpc.errors import CallError
from flowrpc.protocol.answers import (
    AgentInfo,
    AppInfo,
    CommandInfo,
    CommandItem,
    CommandOutcome,
    CommandSource,
    ParameterInfo,
    StateSnapshot,
    UpdateOutcome,
    WatchEnd,
    WatchUpdate,
    WorkInfo,
    WorkStage,
)
from flowrpc.protocol.messages import LogRecord
from flowrpc.protocol.resources import Resources
from flowrpc.state.changes import Change, Set
from flowrpc.state.records import (
    AppStage,
    AppStatus,
    ComponentKind,
    ComponentRecord,
    Delta,
    Failure,
    FailureReason,
    Revision,
    Run,
    RunStatus,
)
from flowrpc.state.replica import Replica
from flowrpc.state.values import Value
from flowrpc.v1.flow_service_pb2_grpc import FlowServiceServicer, add_FlowServiceServicer_to_server
from flowrpc.wire import agents, answers, outcomes, requests, watch
from flowrpc.wire.errors import status_of

TOKEN = "the-token-of-the-fake"
JOURNAL = "journal-1"
BEGIN = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

# What the real service sets too: one port for one server, and pings as often as clients like.
_OPTIONS = {"grpc.so_reuseport": 0, "grpc.http2.max_ping_strikes": 0}

COMMANDS = {
    "echo": CommandInfo(
        name="echo",
        flow="root",
        help="Gives back what it gets.\n\nNothing else.",
        parameters=(ParameterInfo(name="value", annotation="object", required=True),),
    ),
    "rename": CommandInfo(
        name="rename",
        flow="root",
        help="",
        parameters=(
            ParameterInfo(name="name", annotation="str", required=True),
            ParameterInfo(name="times", annotation="int", required=False, default=1),
        ),
    ),
    "explode": CommandInfo(name="explode", flow="root", help="", parameters=()),
}


def run_of(number: int, **facts: Any) -> Run:
    """Makes a run of `root.train`."""
    plain: dict[str, Any] = {
        "run_id": f"run-{number}",
        "work": "root.train",
        "call_key": f"{number:064x}",
        "args": (number,),
        "requested_at": BEGIN.replace(minute=number % 60),
    }
    return Run(**(plain | facts))


def tree() -> list[ComponentRecord]:
    """Makes a root with a flow, a work, a list of works, and a dict of flows inside a list."""
    flow, work = ComponentKind.FLOW, ComponentKind.WORK

    def record(name: str, kind: ComponentKind, **own: Value) -> ComponentRecord:
        return ComponentRecord(name=name, kind=kind, type="app:Some", vars=own)

    return [
        record("root", flow, counter=1, names=["a"], big=2**70, _layout={"hidden": True}),
        record("root.child", flow, ratio=0.1),
        record("root.child.deep", work, loss=1.0),
        record("root.train", work, epoch=3),
        record("root.dags", ComponentKind.LIST),
        record("root.dags.0", work, left=5),
        record("root.dags.1", ComponentKind.DICT),
        record("root.dags.1.x", flow, inside=True),
    ]


class FakeService(FlowServiceServicer):
    """Holds one app; tests change its state with `commit` and look at what was called."""

    def __init__(self) -> None:
        self.replica = Replica(revision=5, components=tree())
        self.replica.app = AppStatus(stage=AppStage.RUNNING)
        self.journal_id = JOURNAL
        self.token = TOKEN
        self.executed: list[str] = []
        self.lost_answers = 0
        self.page_limit = 1_000
        self.works: list[WorkInfo] = [
            WorkInfo(
                name="root.train",
                type="app:Train",
                stage=WorkStage.RUNNING,
                parallel=True,
                cache_calls=True,
                raise_exception=True,
                latest_run=run_of(1),
                succeeded_count=2,
                failed_count=0,
            )
        ]
        self.agents = [
            AgentInfo(
                agent_id="gpu-box",
                host="b",
                works=("root.train",),
                capacity=64,
                attempt_count=1,
                resources=Resources(cpu_millis=8000, memory_bytes=16 * 2**30, gpus=2),
                taken=Resources(cpu_millis=500, gpus=1),
                labels={"zone": "a", "gpu": "a100"},
            ),
            AgentInfo(agent_id="local"),
        ]
        self.drained: list[tuple[str, timedelta | None]] = []
        self.sources: dict[str, CommandSource] = {}
        self.sources_given: list[str] = []
        self.logs: list[LogRecord] = []
        self.dropped = 0
        self.stop_message: str | None = None
        self.watch_requests: list[Any] = []
        self.watching = threading.Event()
        self.watch_ended = threading.Event()
        self._lock = threading.Lock()
        self._watchers: list[queue.SimpleQueue[WatchUpdate | None]] = []
        self._answers: dict[str, CommandOutcome] = {}

    # What tests do.

    def commit(
        self, component: str, *changes: Change, runs: Iterable[Run] = (), app: AppStatus | None = None
    ) -> int:
        """Makes the next revision and sends it to the watchers."""
        with self._lock:
            deltas = (Delta(component=component, changes=changes),) if changes else ()
            revision = Revision(
                number=self.replica.revision + 1,
                time=BEGIN,
                deltas=deltas,
                runs=tuple(runs),
                app=app,
            )
            self.replica.fold(revision)
            self._send(revision)
            return revision.number

    def skip(self, revisions: int) -> None:
        """Makes revisions that change nothing of what is watched."""
        self.replica.revision += revisions

    def send(self, *updates: WatchUpdate) -> None:
        """Sends what a test wants, right or wrong."""
        for update in updates:
            self._send(update)

    def break_watches(self) -> None:
        """Ends every watch without a word."""
        for watcher in self._watchers:
            watcher.put(None)

    def end(self, message: str = "the app stopped") -> None:
        """Ends every watch as the end of the app does."""
        status = AppStatus(stage=AppStage.STOPPED, message="bye")
        self._send(WatchEnd(revision=self.replica.revision, message=message, app=status))
        self.break_watches()

    def snapshot(self, component: str = "root", *, children: bool = True) -> StateSnapshot:
        """Takes a snapshot as `GetState` answers it."""
        self._check_component(component)
        records = [
            replace(record, vars=deepcopy(record.vars))
            for record in self.replica.subtree(component)
            if children or record.name == component
        ]
        names = {record.name for record in records}
        runs = tuple(run for run in self.replica.runs.values() if run.work in names)
        return StateSnapshot(
            journal_id=self.journal_id,
            revision=self.replica.revision,
            components=tuple(records),
            runs=runs,
            app=self.replica.app,
        )

    # What clients call.

    def GetApp(self, request: Any, context: Any) -> Any:
        info = AppInfo(
            name="fake",
            journal_id=self.journal_id,
            life=1,
            revision=self.replica.revision,
            status=self.replica.app or AppStatus(stage=AppStage.RUNNING),
            root_type="app:Root",
            started_at=BEGIN,
            version="0.1.0",
            pid=1,
        )
        return self._answer(context, lambda: answers.encode_app(info))

    def GetState(self, request: Any, context: Any) -> Any:
        def answer() -> Any:
            asked = requests.decode_get_state(request)
            return watch.encode_state(self.snapshot(asked.component, children=not asked.exclude_children))

        return self._answer(context, answer)

    def WatchState(self, request: Any, context: Any) -> Iterator[Any]:
        asked = requests.decode_watch_state(request)
        self.watch_requests.append(asked)
        self._answer(context, lambda: self._check_component(asked.component))
        updates: queue.SimpleQueue[WatchUpdate | None] = queue.SimpleQueue()
        with self._lock:
            if asked.after_revision is None or asked.journal_id != self.journal_id:
                for part in _parts(self.snapshot(asked.component)):
                    updates.put(part)
            self._watchers.append(updates)
        self.watching.set()
        context.add_callback(self.watch_ended.set)
        context.add_callback(lambda: updates.put(None))
        while (update := updates.get()) is not None:
            yield watch.encode_watch_update(update)

    def UpdateState(self, request: Any, context: Any) -> Any:
        def answer() -> Any:
            asked = requests.decode_update_state(request)
            self._check_component(asked.component)
            if asked.expected_revision not in (None, self.replica.revision):
                raise CallError("REVISION_CONFLICT", "root changed", component=asked.component)
            revision = self.commit(asked.component, *asked.changes)
            return outcomes.encode_update_outcome(UpdateOutcome(revision=revision))

        return self._answer(context, answer)

    def ListCommands(self, request: Any, context: Any) -> Any:
        return self._list(context, requests.decode_list_page(request), list(COMMANDS.values()), _command_page)

    def GetCommandSource(self, request: Any, context: Any) -> Any:
        def answer() -> Any:
            name = requests.decode_get_command_source(request)
            if name not in self.sources:
                raise CallError("NO_CLIENT_PART", f"{name!r} has no client part", command=name)
            source = self.sources[name]
            self.sources_given.append(name)
            return answers.encode_command_source(source)

        return self._answer(context, answer)

    def ListWorks(self, request: Any, context: Any) -> Any:
        return self._list(context, requests.decode_list_page(request), self.works, self._work_page)

    def ListAgents(self, request: Any, context: Any) -> Any:
        return self._list(context, requests.decode_list_page(request), self.agents, agents.encode_agents)

    def ListRuns(self, request: Any, context: Any) -> Any:
        asked = requests.decode_list_runs(request)
        runs = [
            run
            for run in reversed(self.replica.runs.values())
            if asked.work in ("", run.work) and (not asked.statuses or run.status in asked.statuses)
        ]
        return self._list(context, asked, runs, self._run_page)

    def CallCommand(self, request: Any, context: Any) -> Any:
        def answer() -> Any:
            asked = requests.decode_call_command(request)
            with self._lock:
                known = self._answers.get(asked.request_id)
                outcome = replace(known, replayed=True) if known else self._execute(asked)
                self._answers[asked.request_id] = outcome
                if self.lost_answers:
                    self.lost_answers -= 1
                    raise CallError("STOPPING", "the app is ending")
            return outcomes.encode_command_outcome(outcome)

        return self._answer(context, answer)

    def StreamCommand(self, request: Any, context: Any) -> Iterator[Any]:
        """Sends the letters of `value`; a `!` among them is what it raises at."""
        asked = requests.decode_stream_command(request)
        for letter in str(asked.arguments.get("value", "")):
            if letter == "!":
                failure = Failure(reason=FailureReason.EXCEPTION, type="ValueError", message="a !")
                yield outcomes.encode_command_item(CommandItem(failure=failure, revision=7))
                return
            yield outcomes.encode_command_item(CommandItem(value=letter, revision=7))

    def CancelRun(self, request: Any, context: Any) -> Any:
        def answer() -> Any:
            asked = requests.decode_cancel_run(request)
            if asked.run_id not in self.replica.runs:
                raise CallError("UNKNOWN_RUN", f"no run {asked.run_id!r}", run_id=asked.run_id)
            run = self.replica.runs[asked.run_id]
            revision = self.commit("root.train", runs=[replace(run, status=RunStatus.CANCELLED)])
            return answers.encode_cancelled(revision)

        return self._answer(context, answer)

    def DrainAgent(self, request: Any, context: Any) -> Any:
        def answer() -> Any:
            asked = requests.decode_drain_agent(request)
            if all(agent.agent_id != asked.agent_id for agent in self.agents):
                raise CallError("UNKNOWN_AGENT", f"no agent {asked.agent_id!r}", agent_id=asked.agent_id)
            self.drained.append((asked.agent_id, asked.grace))
            self.agents = [
                replace(agent, draining=agent.draining or agent.agent_id == asked.agent_id)
                for agent in self.agents
            ]
            return answers.encode_drained()

        return self._answer(context, answer)

    def StreamLogs(self, request: Any, context: Any) -> Iterator[Any]:
        asked = requests.decode_stream_logs(request)
        self._answer(context, lambda: None)
        kept = [record for record in self.logs if record.level >= asked.minimum_level]
        kept = [record for record in kept if record.component.startswith(asked.component)]
        for index, record in enumerate(kept[-asked.tail :]):
            yield answers.encode_log_update(record, 0 if index else self.dropped)

    def StopApp(self, request: Any, context: Any) -> Any:
        def answer() -> Any:
            self.stop_message = requests.decode_stop_app(request).message
            return answers.encode_stopped(self.replica.revision)

        return self._answer(context, answer)

    # What both rest on.

    def _answer(self, context: Any, answer: Callable[[], Any]) -> Any:
        try:
            if f"Bearer {self.token}" != dict(context.invocation_metadata()).get("authorization"):
                raise CallError("UNAUTHENTICATED", "no token, or one that this app does not know")
            return answer()
        except CallError as error:
            code, message, trailer = status_of(error)
            context.set_trailing_metadata(trailer)
            context.abort(code, message)

    def _execute(self, asked: Any) -> CommandOutcome:
        if asked.command not in COMMANDS:
            close = difflib.get_close_matches(asked.command, COMMANDS, n=1)
            facts = {"command": asked.command} | ({"suggestion": close[0]} if close else {})
            raise CallError("UNKNOWN_COMMAND", f"no command {asked.command!r}", **facts)
        self.executed.append(asked.request_id)
        if asked.command == "explode":
            failure = Failure(
                reason=FailureReason.EXCEPTION,
                type="builtins.ValueError",
                message="boom",
                traceback='Traceback (most recent call last):\n  File "app.py", line 3\nValueError: boom\n',
            )
            return CommandOutcome(failure=failure, revision=self.replica.revision)
        if asked.command == "echo":
            return self._echo(asked)
        return CommandOutcome(result=dict(asked.arguments), revision=self.replica.revision)

    def _echo(self, asked: Any) -> CommandOutcome:
        if set(asked.arguments) != {"value"}:
            problem = "echo takes value"
            raise CallError("INVALID_ARGUMENTS", problem, command="echo", parameter="value")
        return CommandOutcome(result=asked.arguments["value"], revision=self.replica.revision)

    def _check_component(self, name: str) -> None:
        if name not in self.replica.components:
            close = difflib.get_close_matches(name, self.replica.components, n=1)
            facts = {"component": name} | ({"suggestion": close[0]} if close else {})
            raise CallError("UNKNOWN_COMPONENT", f"no component {name!r}", **facts)

    def _send(self, update: WatchUpdate) -> None:
        for watcher in self._watchers:
            watcher.put(update)

    def _list(self, context: Any, asked: Any, items: list[Any], encode: Callable[..., Any]) -> Any:
        first = int(asked.page_token or 0)
        size = min(asked.page_size, self.page_limit)
        token = str(first + size) if first + size < len(items) else ""
        return self._answer(context, lambda: encode(items[first : first + size], token))

    def _work_page(self, works: list[WorkInfo], token: str) -> Any:
        return answers.encode_works(works, self.replica.revision, token)

    def _run_page(self, runs: list[Run], token: str) -> Any:
        return answers.encode_runs(runs, self.replica.revision, token)


class RunningFake:
    """Serves a fake on loopback; can stop and come back at the same port."""

    def __init__(self, service: FakeService, port: int = 0) -> None:
        self.service = service
        self._server = grpc.server(ThreadPoolExecutor(16), options=list(_OPTIONS.items()))
        add_FlowServiceServicer_to_server(service, self._server)
        self.port = self._server.add_insecure_port(f"127.0.0.1:{port}")
        self._server.start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def close(self) -> None:
        self.service.break_watches()
        self._server.stop(grace=None).wait()


def set_counter(value: int) -> Set:
    """Makes the change that most tests make."""
    return Set(("counter",), value)


def _command_page(commands: list[CommandInfo], token: str) -> Any:
    return answers.encode_commands(commands, token)


def _parts(snapshot: StateSnapshot) -> list[StateSnapshot]:
    """Splits a snapshot: the root's vars over two entries, the rest into a last part."""
    head, *rest = snapshot.components
    names = list(head.vars)
    first = replace(head, vars={name: head.vars[name] for name in names[:1]})
    second = replace(head, vars={name: head.vars[name] for name in names[1:]})
    return [
        replace(snapshot, components=(first,), runs=(), last=False),
        replace(snapshot, components=(second, *rest), first=False, app=None),
    ]
