"""What clients ask of a flow service ⇄ messages.

`encode_*` is the client's side. `decode_*` is the service's: it puts defaults in place and refuses what the
contract does not allow, with the CallError that goes back to the caller. What needs the app to be judged is
not judged here: names, revisions, request ids, page tokens.
"""

from __future__ import annotations

import hashlib
from datetime import timedelta

from google.protobuf.message import Message

from flowrpc.errors import CallError, InvalidChangeError, InvalidValueError
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
from flowrpc.state.values import Value, copy_value
from flowrpc.v1 import flow_service_pb2 as pb
from flowrpc.wire.changes import decode_changes, fill_changes
from flowrpc.wire.enums import LOG_LEVELS, RUN_STATUSES, members
from flowrpc.wire.logs import encode_level
from flowrpc.wire.times import decode_span, fill_span
from flowrpc.wire.values import decode_value, fill_value

ROOT = "root"
"""The component that an empty name means."""
PAGE_SIZE = 100
"""How many a page holds if the caller does not say."""
MAX_PAGE_SIZE = 1000
"""How many a page holds at most."""
GRACE = timedelta(seconds=5)
"""How long a cancelled run may take to end by itself if the caller does not say."""
MAX_GRACE = timedelta(seconds=60)
"""How long a cancelled run may take to end by itself at most."""
TAIL = 100
"""How many kept log records a stream begins with if the caller does not say."""

_STATUSES = members(RUN_STATUSES)


def request_digest(request: Message) -> bytes:
    """Makes the SHA-256 of what a request asks for: its type and its fields, without its `request_id`.

    The type is part of it, because a `CallCommand` and an `UpdateState` can have the same bytes.
    """
    bare = type(request)()
    bare.CopyFrom(request)
    bare.ClearField("request_id")
    digest = hashlib.sha256(request.DESCRIPTOR.full_name.encode() + b"\0")
    digest.update(bare.SerializeToString(deterministic=True))
    return digest.digest()


def encode_get_app(*, with_state_hash: bool = False) -> pb.GetAppRequest:
    """Asks what app this is."""
    return pb.GetAppRequest(with_state_hash=with_state_hash)


def decode_get_app(message: pb.GetAppRequest) -> bool:
    """Tells whether the hash of the state is asked for."""
    return message.with_state_hash


def encode_get_command_source(command: str) -> pb.GetCommandSourceRequest:
    """Asks for the source of a command's client part."""
    return pb.GetCommandSourceRequest(command=command)


def decode_get_command_source(message: pb.GetCommandSourceRequest) -> str:
    """Reads the name of the command whose source is asked for."""
    return message.command


def encode_call_command(request: CallCommand) -> pb.CallCommandRequest:
    """Asks for a command.

    Raises:
        InvalidValueError: An argument is no value.
    """
    message = pb.CallCommandRequest(command=request.command, request_id=request.request_id)
    _fill_arguments(message, request.arguments)
    return message


def encode_stream_command(request: StreamCommand) -> pb.StreamCommandRequest:
    """Asks for a command that streams.

    Raises:
        InvalidValueError: An argument is no value.
    """
    message = pb.StreamCommandRequest(command=request.command)
    _fill_arguments(message, request.arguments)
    return message


def _fill_arguments(
    message: pb.CallCommandRequest | pb.StreamCommandRequest, arguments: dict[str, Value]
) -> None:
    for name, value in arguments.items():
        fill_value(message.arguments.add(key=name).value, copy_value(value, f"arguments.{name}"))


def decode_call_command(message: pb.CallCommandRequest) -> CallCommand:
    """Reads a call of a command.

    Raises:
        CallError: INVALID_VALUE or INVALID_ARGUMENTS.
    """
    arguments = _decode_arguments(message)
    return CallCommand(command=message.command, arguments=arguments, request_id=message.request_id)


def decode_stream_command(message: pb.StreamCommandRequest) -> StreamCommand:
    """Reads a call of a command that streams.

    Raises:
        CallError: INVALID_VALUE or INVALID_ARGUMENTS.
    """
    return StreamCommand(command=message.command, arguments=_decode_arguments(message))


def _decode_arguments(message: pb.CallCommandRequest | pb.StreamCommandRequest) -> dict[str, Value]:
    arguments: dict[str, Value] = {}
    for entry in message.arguments:
        if entry.key in arguments:
            problem = f"argument {entry.key!r} of {message.command!r} comes twice; send it once"
            raise CallError("INVALID_ARGUMENTS", problem, command=message.command, parameter=entry.key)
        try:
            arguments[entry.key] = decode_value(entry.value, f"arguments.{entry.key}")
        except InvalidValueError as error:
            raise _invalid_value(error) from None
    return arguments


def encode_update_state(request: UpdateState) -> pb.UpdateStateRequest:
    """Asks for changes of vars."""
    message = pb.UpdateStateRequest(
        component=request.component,
        expected_revision=request.expected_revision,
        request_id=request.request_id,
    )
    fill_changes(message.changes, request.changes)
    return message


def decode_update_state(message: pb.UpdateStateRequest) -> UpdateState:
    """Reads an update of vars.

    Raises:
        CallError: INVALID_VALUE, INVALID_CHANGE or INVALID_REQUEST.
    """
    name = message.component or ROOT
    expected = message.expected_revision if message.HasField("expected_revision") else None
    if expected is not None and expected < 0:
        raise _invalid_request("expected_revision", f"{expected} is no revision; leave it out for no check")
    try:
        changes = decode_changes(message.changes, name)
    except InvalidValueError as error:
        raise _invalid_value(error) from None
    except InvalidChangeError as error:
        raise CallError("INVALID_CHANGE", str(error), component=name, path=error.place) from None
    return UpdateState(
        component=name, changes=changes, expected_revision=expected, request_id=message.request_id
    )


def encode_get_state(request: GetState) -> pb.GetStateRequest:
    """Asks for the state of a component."""
    return pb.GetStateRequest(
        component=request.component,
        exclude_children=request.exclude_children,
        with_state_hash=request.with_state_hash,
    )


def decode_get_state(message: pb.GetStateRequest) -> GetState:
    """Reads which state is asked for."""
    return GetState(
        component=message.component or ROOT,
        exclude_children=message.exclude_children,
        with_state_hash=message.with_state_hash,
    )


def encode_watch_state(request: WatchState) -> pb.WatchStateRequest:
    """Asks to follow a component."""
    return pb.WatchStateRequest(
        component=request.component, after_revision=request.after_revision, journal_id=request.journal_id
    )


def decode_watch_state(message: pb.WatchStateRequest) -> WatchState:
    """Reads what is to be followed.

    Raises:
        CallError: INVALID_REQUEST.
    """
    after = message.after_revision if message.HasField("after_revision") else None
    if after is not None and after < 0:
        raise _invalid_request("after_revision", f"{after} is no revision; leave it out for a snapshot")
    if after is not None and not message.journal_id:
        raise _invalid_request("journal_id", "is empty; send the journal that `after_revision` is of")
    return WatchState(
        component=message.component or ROOT, after_revision=after, journal_id=message.journal_id
    )


def encode_list_commands(request: ListPage) -> pb.ListCommandsRequest:
    """Asks for a page of the commands."""
    return pb.ListCommandsRequest(page_size=request.page_size, page_token=request.page_token)


def encode_list_works(request: ListPage) -> pb.ListWorksRequest:
    """Asks for a page of the works."""
    return pb.ListWorksRequest(page_size=request.page_size, page_token=request.page_token)


def encode_list_agents(request: ListPage) -> pb.ListAgentsRequest:
    """Asks for a page of the agents."""
    return pb.ListAgentsRequest(page_size=request.page_size, page_token=request.page_token)


def decode_list_page(
    message: pb.ListCommandsRequest | pb.ListWorksRequest | pb.ListAgentsRequest,
) -> ListPage:
    """Reads which page of the commands, works or agents is asked for.

    Raises:
        CallError: INVALID_REQUEST.
    """
    return ListPage(page_size=_page_size(message.page_size), page_token=message.page_token)


def encode_list_runs(request: ListRuns) -> pb.ListRunsRequest:
    """Asks for a page of the runs."""
    return pb.ListRunsRequest(
        work=request.work,
        statuses=sorted(RUN_STATUSES[status] for status in request.statuses),
        page_size=request.page_size,
        page_token=request.page_token,
    )


def decode_list_runs(message: pb.ListRunsRequest) -> ListRuns:
    """Reads which runs are asked for.

    Raises:
        CallError: INVALID_REQUEST.
    """
    unknown = [number for number in message.statuses if number not in _STATUSES]
    if unknown:
        raise _invalid_request(
            "statuses", f"{unknown[0]} is no status of a run; send one of {sorted(_STATUSES)}"
        )
    return ListRuns(
        work=message.work,
        statuses=frozenset([_STATUSES[number] for number in message.statuses]),
        page_size=_page_size(message.page_size),
        page_token=message.page_token,
    )


def encode_cancel_run(request: CancelRun) -> pb.CancelRunRequest:
    """Asks to cancel a run."""
    message = pb.CancelRunRequest(run_id=request.run_id)
    fill_span(message.grace, request.grace)
    return message


def decode_cancel_run(message: pb.CancelRunRequest) -> CancelRun:
    """Reads which run is to be cancelled.

    Raises:
        CallError: INVALID_REQUEST.
    """
    if not message.HasField("grace"):
        return CancelRun(run_id=message.run_id, grace=GRACE)
    try:
        grace = decode_span(message.grace, "grace")
    except InvalidValueError as error:
        raise _invalid_request("grace", error.problem) from None
    if not timedelta() <= grace <= MAX_GRACE:
        seconds = f"{grace.total_seconds():g} s is not between 0 and {MAX_GRACE.total_seconds():g} s"
        raise _invalid_request("grace", f"{seconds}; leave it out for {GRACE.total_seconds():g} s")
    return CancelRun(run_id=message.run_id, grace=grace)


def encode_drain_agent(request: DrainAgent) -> pb.DrainAgentRequest:
    """Asks to drain an agent."""
    message = pb.DrainAgentRequest(agent_id=request.agent_id)
    if request.grace is not None:
        fill_span(message.grace, request.grace)
    return message


def decode_drain_agent(message: pb.DrainAgentRequest) -> DrainAgent:
    """Reads which agent is to be drained.

    Raises:
        CallError: INVALID_REQUEST.
    """
    if not message.agent_id:
        raise _invalid_request("agent_id", "is empty; name an agent of the list")
    if not message.HasField("grace"):
        return DrainAgent(agent_id=message.agent_id)
    try:
        grace = decode_span(message.grace, "grace")
    except InvalidValueError as error:
        raise _invalid_request("grace", error.problem) from None
    if grace < timedelta():
        raise _invalid_request("grace", f"{grace.total_seconds():g} s is negative; leave it out for no limit")
    return DrainAgent(agent_id=message.agent_id, grace=grace)


def encode_stream_logs(request: StreamLogs) -> pb.StreamLogsRequest:
    """Asks for log records."""
    message = pb.StreamLogsRequest(component=request.component, tail=request.tail, follow=request.follow)
    if request.minimum_level > 0:
        message.minimum_level = encode_level(request.minimum_level)
    return message


def decode_stream_logs(message: pb.StreamLogsRequest) -> StreamLogs:
    """Reads which log records are asked for.

    Raises:
        CallError: INVALID_REQUEST.
    """
    level = message.minimum_level
    if level != 0 and level not in LOG_LEVELS:
        raise _invalid_request("minimum_level", f"{level} is no level; send one of {sorted(LOG_LEVELS)}")
    if message.tail < 0:
        raise _invalid_request("tail", f"{message.tail} is negative; leave it out for {TAIL}")
    return StreamLogs(
        component=message.component, minimum_level=level, tail=message.tail or TAIL, follow=message.follow
    )


def encode_stop_app(request: StopApp) -> pb.StopAppRequest:
    """Asks to stop the app."""
    return pb.StopAppRequest(message=request.message)


def decode_stop_app(message: pb.StopAppRequest) -> StopApp:
    """Reads with what message the app is to be stopped."""
    return StopApp(message=message.message)


def _page_size(size: int) -> int:
    if not 0 <= size <= MAX_PAGE_SIZE:
        raise _invalid_request(
            "page_size", f"{size} is not between 0 and {MAX_PAGE_SIZE}; 0 means {PAGE_SIZE}"
        )
    return size or PAGE_SIZE


def _invalid_request(field: str, problem: str) -> CallError:
    return CallError("INVALID_REQUEST", f"{field}: {problem}", field=field)


def _invalid_value(error: InvalidValueError) -> CallError:
    return CallError("INVALID_VALUE", str(error), place=error.place, problem=error.problem)


def state_request_from_bytes(data: bytes) -> pb.GetStateRequest:
    """Parses the request of `GetState`, whose handler is not a generated one."""
    return pb.GetStateRequest.FromString(data)


def watch_request_from_bytes(data: bytes) -> pb.WatchStateRequest:
    """Parses the request of `WatchState`, whose handler is not a generated one."""
    return pb.WatchStateRequest.FromString(data)
