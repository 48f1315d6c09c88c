"""What a flow service answers ⇄ messages; the outcomes of commands and updates are in `wire.outcomes`.

`encode_*` is the service's side, `decode_*` the client's, which raises InvalidValueError for an answer that
breaks the contract.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Generic, NamedTuple, TypeVar

from flowrpc.errors import InvalidValueError
from flowrpc.protocol.answers import (
    AppInfo,
    ClientPartInfo,
    CommandInfo,
    CommandSource,
    ParameterInfo,
    WorkInfo,
)
from flowrpc.protocol.messages import LogRecord
from flowrpc.state.records import Run
from flowrpc.v1 import flow_service_pb2 as pb
from flowrpc.wire.enums import WORK_STAGES, decode_member, members
from flowrpc.wire.logs import decode_log_record, fill_log_record
from flowrpc.wire.runs import decode_app_status, decode_run, fill_app_status, fill_run
from flowrpc.wire.times import decode_time, fill_time
from flowrpc.wire.values import decode_value, fill_value

_Item = TypeVar("_Item")

_WORK_STAGES = members(WORK_STAGES)


class Page(NamedTuple, Generic[_Item]):
    """One page of a list."""

    items: tuple[_Item, ...]
    next_page_token: str
    """Empty on the last page."""
    revision: int
    """The revision that the page is of; 0 for commands, which no revision changes."""


class LogUpdate(NamedTuple):
    """One log record of a stream."""

    record: LogRecord
    dropped: int
    """How many records were dropped before this one."""


def encode_app(info: AppInfo) -> pb.GetAppResponse:
    """Tells what app this is."""
    message = pb.GetAppResponse(
        name=info.name,
        journal_id=info.journal_id,
        life=info.life,
        revision=info.revision,
        root_type=info.root_type,
        version=info.version,
        pid=info.pid,
        ready=info.ready,
        unready=info.unready,
        http_address=info.http_address,
        read_only=info.read_only,
        state_hash=info.state_hash,
        refused=info.refused,
    )
    fill_app_status(message.status, info.status)
    fill_time(message.started_at, info.started_at)
    return message


def decode_app(message: pb.GetAppResponse) -> AppInfo:
    """Reads what app this is."""
    return AppInfo(
        name=message.name,
        journal_id=message.journal_id,
        life=message.life,
        revision=message.revision,
        status=decode_app_status(message.status, "app"),
        root_type=message.root_type,
        started_at=decode_time(message.started_at, "app: started_at"),
        version=message.version,
        pid=message.pid,
        ready=message.ready,
        unready=tuple(message.unready),
        http_address=message.http_address,
        read_only=message.read_only,
        state_hash=message.state_hash,
        refused=dict(sorted(message.refused.items())),
    )


def encode_commands(commands: Iterable[CommandInfo], next_page_token: str = "") -> pb.ListCommandsResponse:
    """Tells a page of the commands."""
    message = pb.ListCommandsResponse(next_page_token=next_page_token)
    for command in commands:
        entry = message.commands.add(
            name=command.name,
            flow=command.flow,
            help=command.help,
            streams=command.streams,
            item_annotation=command.item_annotation,
        )
        for parameter in command.parameters:
            _fill_parameter(entry.parameters.add(), parameter)
        if command.client_part is not None:
            _fill_client_part(entry.client_part, command.client_part)
    return message


def decode_commands(message: pb.ListCommandsResponse) -> Page[CommandInfo]:
    """Reads a page of the commands."""
    return Page(tuple([_decode_command(entry) for entry in message.commands]), message.next_page_token, 0)


def encode_command_source(source: CommandSource) -> pb.GetCommandSourceResponse:
    """Gives the source of a client part."""
    return pb.GetCommandSourceResponse(
        command=source.command,
        class_name=source.class_name,
        file_name=source.file_name,
        source=source.source,
    )


def decode_command_source(message: pb.GetCommandSourceResponse) -> CommandSource:
    """Reads the source of a client part; it stays bytes."""
    return CommandSource(
        command=message.command,
        class_name=message.class_name,
        file_name=message.file_name,
        source=message.source,
    )


def encode_works(works: Iterable[WorkInfo], revision: int, next_page_token: str = "") -> pb.ListWorksResponse:
    """Tells a page of the works."""
    message = pb.ListWorksResponse(next_page_token=next_page_token, revision=revision)
    for work in works:
        _fill_work(message.works.add(), work)
    return message


def decode_works(message: pb.ListWorksResponse) -> Page[WorkInfo]:
    """Reads a page of the works."""
    works = tuple([_decode_work(work) for work in message.works])
    return Page(works, message.next_page_token, message.revision)


def encode_runs(runs: Iterable[Run], revision: int, next_page_token: str = "") -> pb.ListRunsResponse:
    """Tells a page of the runs."""
    message = pb.ListRunsResponse(next_page_token=next_page_token, revision=revision)
    for run in runs:
        fill_run(message.runs.add(), run)
    return message


def decode_runs(message: pb.ListRunsResponse) -> Page[Run]:
    """Reads a page of the runs."""
    runs = tuple([decode_run(run, "runs") for run in message.runs])
    return Page(runs, message.next_page_token, message.revision)


def encode_cancelled(revision: int) -> pb.CancelRunResponse:
    """Tells the revision that holds the request to cancel a run."""
    return pb.CancelRunResponse(revision=revision)


def decode_cancelled(message: pb.CancelRunResponse) -> int:
    """Reads the revision that holds the request to cancel a run."""
    return message.revision


def encode_drained() -> pb.DrainAgentResponse:
    """Tells that the agent has heard that it is to drain, or is gone."""
    return pb.DrainAgentResponse()


def encode_log_update(record: LogRecord, dropped: int) -> pb.StreamLogsResponse:
    """Sends a log record, and how many were dropped before it."""
    message = pb.StreamLogsResponse(dropped=dropped)
    fill_log_record(message.record, record)
    return message


def decode_log_update(message: pb.StreamLogsResponse) -> LogUpdate:
    """Reads a log record, and how many were dropped before it."""
    return LogUpdate(decode_log_record(message.record), message.dropped)


def encode_stopped(revision: int) -> pb.StopAppResponse:
    """Tells the last revision of this life."""
    return pb.StopAppResponse(revision=revision)


def decode_stopped(message: pb.StopAppResponse) -> int:
    """Reads the last revision of this life."""
    return message.revision


def _fill_parameter(message: pb.Parameter, parameter: ParameterInfo) -> None:
    message.name = parameter.name
    message.annotation = parameter.annotation
    message.required = parameter.required
    if not parameter.required:
        fill_value(message.default_value, parameter.default)


def _decode_parameter(message: pb.Parameter) -> ParameterInfo:
    given = message.HasField("default_value")
    return ParameterInfo(
        name=message.name,
        annotation=message.annotation,
        required=message.required,
        default=decode_value(message.default_value, f"default of {message.name}") if given else None,
    )


def _decode_command(message: pb.Command) -> CommandInfo:
    return CommandInfo(
        name=message.name,
        flow=message.flow,
        help=message.help,
        parameters=tuple([_decode_parameter(parameter) for parameter in message.parameters]),
        client_part=_decode_client_part(message.client_part) if message.HasField("client_part") else None,
        streams=message.streams,
        item_annotation=message.item_annotation,
    )


def _fill_client_part(message: pb.ClientPart, part: ClientPartInfo) -> None:
    message.class_name = part.class_name
    message.help = part.help
    message.source_sha256 = part.source_sha256
    for parameter in part.parameters:
        _fill_parameter(message.parameters.add(), parameter)


def _decode_client_part(message: pb.ClientPart) -> ClientPartInfo:
    return ClientPartInfo(
        class_name=message.class_name,
        help=message.help,
        parameters=tuple([_decode_parameter(parameter) for parameter in message.parameters]),
        source_sha256=message.source_sha256,
    )


def _fill_work(message: pb.Work, work: WorkInfo) -> None:
    message.name = work.name
    message.type = work.type
    message.stage = WORK_STAGES[work.stage]
    message.parallel = work.parallel
    message.cache_calls = work.cache_calls
    message.raise_exception = work.raise_exception
    message.succeeded_count = work.succeeded_count
    message.failed_count = work.failed_count
    message.pending_reason = work.pending_reason
    message.timed_out_count = work.timed_out_count
    message.display_name = work.display_name
    message.url = work.url
    message.internal_ip = work.internal_ip
    message.public_ip = work.public_ip
    if work.latest_run is not None:
        fill_run(message.latest_run, work.latest_run)


def _decode_work(message: pb.Work) -> WorkInfo:
    if not message.name:
        raise InvalidValueError("works", "a work has no name; set `Work.name`")
    started = message.HasField("latest_run")
    return WorkInfo(
        name=message.name,
        type=message.type,
        stage=decode_member(_WORK_STAGES, message.stage, f"{message.name}: stage"),
        parallel=message.parallel,
        cache_calls=message.cache_calls,
        raise_exception=message.raise_exception,
        latest_run=decode_run(message.latest_run, message.name) if started else None,
        succeeded_count=message.succeeded_count,
        failed_count=message.failed_count,
        pending_reason=message.pending_reason,
        timed_out_count=message.timed_out_count,
        display_name=message.display_name,
        url=message.url,
        internal_ip=message.internal_ip,
        public_ip=message.public_ip,
    )
