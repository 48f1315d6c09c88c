"""The client of one app: reads and follows its state, calls its commands, looks after its works."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from flowrpc.protocol.answers import (
    AgentInfo,
    AppInfo,
    CommandInfo,
    CommandItem,
    CommandOutcome,
    CommandSource,
    StateSnapshot,
    UpdateOutcome,
    WatchUpdate,
    WorkInfo,
)
from flowrpc.protocol.messages import LogRecord
from flowrpc.protocol.requests import (
    CallCommand,
    CancelRun,
    DrainAgent,
    GetState,
    ListPage,
    ListRuns,
    StopApp,
    StreamCommand,
    StreamLogs,
    UpdateState,
    WatchState,
)
from flowrpc.state.changes import Change, Set
from flowrpc.state.records import Run, RunStatus
from flowrpc.state.values import Value, copy_value
from flowrpc.wire import agents, answers, outcomes, requests, watch

from flowrpc_client.connection import Connection
from flowrpc_client.errors import CommandFailed
from flowrpc_client.nested import nested_state
from flowrpc_client.pages import PAGE_SIZE, all_pages
from flowrpc_client.replica import Position, StateReplica
from flowrpc_client.request_id import new_request_id
from flowrpc_client.stream import Stream
from flowrpc_client.target import find_target

if TYPE_CHECKING:
    from flowrpc_client.client_part import ClientPart

PathLike = str | Path
T = TypeVar("T")


class FlowClient:
    """Talks to one app; safe to use from several threads. Close it, or use it in a `with` statement.

    Without an address the running app of this user is found by itself; `data_dir` or `app` (its name) choose
    one of several. Every method raises `NotReachableError` if the app cannot be reached or does not answer in
    time, and `flowrpc.errors.CallError` if it refuses the request.
    """

    def __init__(
        self,
        address: str | None = None,
        token_file: PathLike | None = None,
        *,
        data_dir: PathLike | None = None,
        app: str | None = None,
        tls_ca: PathLike | None = None,
        timeout: float = 10.0,
    ) -> None:
        """Finds the app; `timeout` in seconds is the deadline of calls that are given none."""
        self._timeout = timeout
        self._connection = Connection(
            find_target(
                address=address,
                token_file=_path(token_file),
                data_dir=_path(data_dir),
                app=app,
                tls_ca=_path(tls_ca),
            )
        )

    @property
    def address(self) -> str:
        """The address of the app."""
        return self._connection.address

    def app(self, *, with_state_hash: bool = False) -> AppInfo:
        """Tells what app this is and how it is, with the hash of its state if that is asked for."""
        request = requests.encode_get_app(with_state_hash=with_state_hash)
        return answers.decode_app(self._send("GetApp", request))

    def snapshot(
        self, component: str = "root", *, exclude_children: bool = False, with_state_hash: bool = False
    ) -> StateSnapshot:
        """Reads the state of a component and everything below it, with its revision and the runs."""
        request = GetState(
            component=component, exclude_children=exclude_children, with_state_hash=with_state_hash
        )
        return watch.decode_state(self._send("GetState", requests.encode_get_state(request)))

    def state(self, component: str = "root", *, exclude_children: bool = False) -> dict[str, Any]:
        """Reads the state in the shape that `flow.state` has in the app: `["vars"]["counter"]`."""
        return nested_state(self.snapshot(component, exclude_children=exclude_children))

    def watch(self, component: str = "root", *, after: Position | None = None) -> Stream[WatchUpdate]:
        """Follows a component and everything below it; closing the stream ends the watch.

        Each revision comes once, whole and in order; a bookmark tells how far the watch is when it is idle.

        Args:
            component: full name.
            after: the revision to continue after and the journal it is of; without it, or if that is too
                old, the watch begins with a snapshot.
        """
        revision, journal_id = after or (None, "")
        request = WatchState(component=component, after_revision=revision, journal_id=journal_id)
        reader = watch.WatchReader()

        def updates(message: Any) -> Iterator[WatchUpdate]:
            update = reader.read(message)
            if update is not None:  # a newer service may say what we do not know
                yield update

        return self._connection.stream("WatchState", requests.encode_watch_state(request), updates)

    def replica(self, component: str = "root") -> StateReplica:
        """Keeps a copy of a component and everything below it up to date, in a thread of its own."""
        return StateReplica(lambda after: self.watch(component, after=after), component)

    def call(
        self, command: str, /, request_id: str | None = None, timeout: float | None = None, **arguments: Value
    ) -> Value:
        """Calls a command and returns its result.

        The command happens once, however often the request has to be sent. For a command that has parameters
        of the names `request_id` or `timeout`, use `call_outcome`.

        Raises:
            CommandFailed: the command raised; what it changed was undone.
        """
        outcome = self.call_outcome(command, arguments, request_id=request_id, timeout=timeout)
        if outcome.failure is not None:
            raise CommandFailed(command, outcome.failure)
        return outcome.result

    def call_outcome(
        self,
        command: str,
        arguments: Mapping[str, Value] | None = None,
        *,
        request_id: str | None = None,
        timeout: float | None = None,
    ) -> CommandOutcome:
        """Calls a command and returns its result or failure, with the revision that holds what it did."""
        request = CallCommand(
            command=command, arguments=dict(arguments or {}), request_id=request_id or new_request_id()
        )
        seconds = self._timeout if timeout is None else timeout
        answer = self._connection.repeat("CallCommand", requests.encode_call_command(request), seconds)
        return outcomes.decode_command_outcome(answer)

    def stream(self, command: str, /, timeout: float | None = None, **arguments: Value) -> Stream[Value]:
        """Calls a command that streams; yields its items as they come, each when what was done up to it is durable.

        Closing the stream closes the command. It is never sent again by itself: what a stream sent is not kept. For a
        command that has a parameter of the name `timeout`, use `stream_items`.

        Args:
            command: its name.
            timeout: seconds that the whole stream may take; None: as long as it takes.
            arguments: those of the command.

        Raises:
            CommandFailed: the command raised, from the `next` that comes after its last item; what it did after that
                item was undone.
        """
        return self._stream(command, arguments, timeout, lambda item: item.value)

    def stream_items(
        self, command: str, arguments: Mapping[str, Value] | None = None, *, timeout: float | None = None
    ) -> Stream[CommandItem]:
        """Calls a command that streams; yields its items with the revisions that hold what was done up to them.

        Raises:
            CommandFailed: as `stream`.
        """
        return self._stream(command, arguments or {}, timeout, lambda item: item)

    def update(
        self,
        component: str,
        changes: Mapping[str, Value] | Iterable[Change],
        expected_revision: int | None = None,
    ) -> UpdateOutcome:
        """Changes vars of a component from outside, all or none.

        Args:
            component: full name.
            changes: vars with their new values, or changes of places inside them.
            expected_revision: refuse if the component changed after this revision.
        """
        if isinstance(changes, Mapping):
            changes = [
                Set((name,), copy_value(value, f"{component}.{name}")) for name, value in changes.items()
            ]
        request = UpdateState(
            component=component,
            changes=tuple(changes),
            expected_revision=expected_revision,
            request_id=new_request_id(),
        )
        message = requests.encode_update_state(request)
        return outcomes.decode_update_outcome(self._connection.repeat("UpdateState", message, self._timeout))

    def commands(self) -> list[CommandInfo]:
        """Lists the commands of the app, by name."""
        return all_pages(self._command_page)

    def command_source(self, command: str) -> CommandSource:
        """Fetches the source of a command's client part, to look at it; nothing of it is run."""
        request = requests.encode_get_command_source(command)
        return answers.decode_command_source(self._send("GetCommandSource", request))

    def client_command(
        self, command: str, *, trust: str | bool = False, timeout: float | None = None
    ) -> ClientPart:
        """Makes a command's client part ready to run in this process; call it with the arguments of its `run`.

        That is code of the app, executed with all that this process may do. It is executed only if it is trusted.

        Args:
            command: the command; it has to have a client part.
            trust: the SHA-256 of the source, at least its first 12 digits; True runs whatever the app gives; False
                what was remembered by `flowctl commands trust`.
            timeout: seconds that each call of the method may take.

        Raises:
            NotTrustedError: its source is none of these; nothing of it was run.
            ClientPartError: it does not run here.
        """
        from flowrpc_client.client_part import ClientPart, RemoteMethod, fetch
        from flowrpc_client.trust import check_trust

        offer = fetch(self, command)
        check_trust(offer, trust)
        return ClientPart(offer.source, RemoteMethod(self, offer.info, timeout))

    def works(self) -> list[WorkInfo]:
        """Lists the works of the app, by name."""
        return all_pages(self._work_page)

    def agents(self) -> list[AgentInfo]:
        """Lists the attached agents with what they have and what is taken of it, by name."""
        return all_pages(self._agent_page)

    def drain(self, agent_id: str, *, grace: timedelta | None = None) -> None:
        """Drains an agent: it gets no more runs, finishes what it has, and leaves. Returns when it has heard it.

        Args:
            agent_id: the agent.
            grace: how long it may take; what runs then is made again elsewhere. None: as long as it takes.
        """
        self._send("DrainAgent", requests.encode_drain_agent(DrainAgent(agent_id=agent_id, grace=grace)))

    def runs(self, work: str | None = None, statuses: Iterable[RunStatus] = ()) -> list[Run]:
        """Lists runs, newest first: of one work or of all, in some statuses or in any."""
        wanted = frozenset(statuses)

        def page(token: str) -> answers.Page[Run]:
            request = ListRuns(work=work or "", statuses=wanted, page_size=PAGE_SIZE, page_token=token)
            return answers.decode_runs(self._send("ListRuns", requests.encode_list_runs(request)))

        return all_pages(page)

    def cancel(self, run_id: str, *, grace: timedelta = timedelta(seconds=5)) -> int:
        """Cancels a run that has not ended; returns the revision of the request.

        Args:
            run_id: the run.
            grace: how long its process may take to end by itself, at most 60 s, before it is killed.
        """
        request = requests.encode_cancel_run(CancelRun(run_id=run_id, grace=grace))
        return answers.decode_cancelled(self._send("CancelRun", request))

    def logs(
        self,
        component: str | None = None,
        minimum_level: int | None = None,
        tail: int = 100,
        *,
        follow: bool = False,
    ) -> Stream[LogRecord]:
        """Reads log records, the newest `tail` of them first; with `follow` it goes on until the app ends.

        Args:
            component: only of this component and everything below it; of all by default.
            minimum_level: only of this level of `logging` or graver.
            tail: how many kept records to begin with.
            follow: whether to go on with new ones.
        """
        request = StreamLogs(
            component=component or "", minimum_level=minimum_level or 0, tail=tail, follow=follow
        )
        deadline = None if follow else self._timeout
        return self._connection.stream("StreamLogs", requests.encode_stream_logs(request), _records, deadline)

    def stop(self, message: str = "") -> int:
        """Stops the app in order; returns the last revision of this life."""
        request = requests.encode_stop_app(StopApp(message=message))
        return answers.decode_stopped(self._send("StopApp", request))

    def close(self) -> None:
        """Closes the connection; streams and replicas of this client end."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _stream(
        self,
        command: str,
        arguments: Mapping[str, Value],
        timeout: float | None,
        wanted: Callable[[CommandItem], T],
    ) -> Stream[T]:
        def items(message: Any) -> Iterator[T]:
            item = outcomes.decode_command_item(message)
            if item.failure is not None:
                raise CommandFailed(command, item.failure)
            yield wanted(item)

        request = requests.encode_stream_command(StreamCommand(command=command, arguments=dict(arguments)))
        return self._connection.stream("StreamCommand", request, items, timeout)

    def _command_page(self, token: str) -> answers.Page[CommandInfo]:
        request = requests.encode_list_commands(ListPage(page_size=PAGE_SIZE, page_token=token))
        return answers.decode_commands(self._send("ListCommands", request))

    def _work_page(self, token: str) -> answers.Page[WorkInfo]:
        request = requests.encode_list_works(ListPage(page_size=PAGE_SIZE, page_token=token))
        return answers.decode_works(self._send("ListWorks", request))

    def _agent_page(self, token: str) -> answers.Page[AgentInfo]:
        request = requests.encode_list_agents(ListPage(page_size=PAGE_SIZE, page_token=token))
        return agents.decode_agents(self._send("ListAgents", request))

    def _send(self, method: str, request: Any) -> Any:
        return self._connection.send(method, request, self._timeout)


def _path(path: PathLike | None) -> Path | None:
    return None if path is None else Path(path)


def _records(message: Any) -> Iterator[LogRecord]:
    record, dropped = answers.decode_log_update(message)
    if dropped:
        text = f"{dropped} records were dropped here because this reader was too slow"
        yield LogRecord(time=record.time, message=text, level=logging.WARNING, logger="flowrpc_client")
    yield record
