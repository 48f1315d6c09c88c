"""FlowService: decodes a request, asks the engine or the publisher, encodes the answer."""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from functools import partial, wraps
from typing import Any

from flowrpc.errors import CallError
from flowrpc.flow_service.calls_waiting import WaitingCalls
from flowrpc.flow_service.events import (
    AgentsListed,
    CancelRequested,
    CommandCalled,
    CommandsListed,
    DrainRequested,
    SourceRequested,
    StopRequested,
    UpdateRequested,
    WorksListed,
)
from flowrpc.flow_service.list_page import cut_page
from flowrpc.flow_service.logs import LogHub
from flowrpc.flow_service.parts import Parts
from flowrpc.flow_service.publisher import Publisher
from flowrpc.flow_service.refusals import Refusals
from flowrpc.protocol.answers import AppInfo, WatchEnd
from flowrpc.v1 import flow_service_pb2_grpc
from flowrpc.wire import agents, answers, outcomes, requests, watch
from flowrpc.wire.errors import internal_error
from flowrpc.wire.sizes import size_of

logger = logging.getLogger(__name__)


def unary(method: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """Turns errors of a method into a status; who has the method has `_refusals`."""

    @wraps(method)
    async def call(self: Any, request: Any, context: Any) -> Any:
        try:
            return await method(self, request, context)
        except CallError as error:
            await self._refusals.abort(context, error)
        except Exception as error:  # noqa: BLE001  # the request ends here; its text is for our log only
            await self._refusals.abort(context, _logged(method.__name__, error))

    return call


def streaming(method: Callable[..., AsyncIterator[Any]]) -> Callable[..., AsyncIterator[Any]]:
    """Turns errors of a streaming method into a status, as `unary`."""

    @wraps(method)
    async def call(self: Any, request: Any, context: Any) -> AsyncIterator[Any]:
        try:
            async for update in method(self, request, context):
                yield update
        except CallError as error:
            await self._refusals.abort(context, error)
        except Exception as error:  # noqa: BLE001  # the request ends here; its text is for our log only
            await self._refusals.abort(context, _logged(method.__name__, error))

    return call


def _logged(method: str, error: Exception) -> CallError:
    error_id = secrets.token_hex(8)
    logger.error("fault %s in %s", error_id, method, exc_info=error)
    return internal_error(error_id)


class FlowServicer(flow_service_pb2_grpc.FlowServiceServicer):
    """Serves clients."""

    def __init__(
        self,
        waiting: WaitingCalls,
        publisher: Publisher,
        logs: LogHub,
        refusals: Refusals,
        app_info: Callable[[], AppInfo],
    ) -> None:
        self._refusals = refusals
        self._waiting = waiting
        self._publisher = publisher
        self._logs = logs
        self._app_info = app_info

    @unary
    async def GetApp(self, request: Any, context: Any) -> Any:
        info = self._app_info()
        if requests.decode_get_app(request):
            info = replace(info, state_hash=self._publisher.state_hash())
        return answers.encode_app(info)

    @unary
    async def GetState(self, request: Any, context: Any) -> bytes:
        """Answers bytes: what did not change is not encoded again."""
        return self._publisher.state_bytes(requests.decode_get_state(request))

    @unary
    async def WatchState(  # type: ignore[override]  # it writes its answers, which costs less than to yield them
        self, request: Any, context: Any
    ) -> None:
        """Sends bytes: a revision is passed on as it is stored, and encoded once for all watchers."""
        with self._publisher.follow(requests.decode_watch_state(request)) as following:
            while not following.over:
                update = following.step()
                if update is None:
                    await following.wait()
                elif isinstance(update, WatchEnd):
                    await context.write(watch.encode_watch_update(update).SerializeToString())
                else:
                    messages = self._publisher.messages(following, update)
                    for message in messages:
                        await context.write(message)
                    if isinstance(messages, Parts) and messages.dropped:
                        following.fall_behind()
                    del messages

    @unary
    async def UpdateState(self, request: Any, context: Any) -> Any:
        update = requests.decode_update_state(request)
        event = partial(
            UpdateRequested,
            component=update.component,
            changes=update.changes,
            expected_revision=update.expected_revision,
            **_writing(request, update.request_id, context),
        )
        return outcomes.encode_update_outcome(await self._ask(event))

    @unary
    async def CallCommand(self, request: Any, context: Any) -> Any:
        call = requests.decode_call_command(request)
        event = partial(
            CommandCalled,
            command=call.command,
            arguments=call.arguments,
            **_writing(request, call.request_id, context),
        )
        return outcomes.encode_command_outcome(await self._ask(event))

    @unary
    async def StreamCommand(  # type: ignore[override]  # it writes its answers: what is cancelled then ends at once
        self, request: Any, context: Any
    ) -> None:
        call = requests.decode_stream_command(request)
        facts = _arrival(request, context)
        async with self._waiting.streams.open(call.command, call.arguments, **facts) as stream:
            async for item in stream:
                message = outcomes.encode_command_item(item)
                await context.write(message)
                stream.took(size_of(message))

    @unary
    async def ListCommands(self, request: Any, context: Any) -> Any:
        page = requests.decode_list_page(request)
        commands = await self._ask(CommandsListed)
        chosen, token = cut_page(commands, page.page_size, page.page_token)
        return answers.encode_commands(chosen, token)

    @unary
    async def GetCommandSource(self, request: Any, context: Any) -> Any:
        command = requests.decode_get_command_source(request)
        return answers.encode_command_source(await self._ask(partial(SourceRequested, command=command)))

    @unary
    async def ListWorks(self, request: Any, context: Any) -> Any:
        page = requests.decode_list_page(request)
        listed = await self._ask(WorksListed)
        chosen, token = cut_page(listed.works, page.page_size, page.page_token)
        return answers.encode_works(chosen, listed.revision, token)

    @unary
    async def ListAgents(self, request: Any, context: Any) -> Any:
        page = requests.decode_list_page(request)
        chosen, token = cut_page(await self._ask(AgentsListed), page.page_size, page.page_token)
        return agents.encode_agents(chosen, token)

    @unary
    async def DrainAgent(self, request: Any, context: Any) -> Any:
        drain = requests.decode_drain_agent(request)
        await self._ask(partial(DrainRequested, agent_id=drain.agent_id, grace=drain.grace))
        return answers.encode_drained()

    @unary
    async def ListRuns(self, request: Any, context: Any) -> Any:
        runs, token = self._publisher.runs(requests.decode_list_runs(request))
        return answers.encode_runs(runs, self._publisher.replica.revision, token)

    @unary
    async def CancelRun(self, request: Any, context: Any) -> Any:
        cancel = requests.decode_cancel_run(request)
        event = partial(CancelRequested, run_id=cancel.run_id, grace=cancel.grace)
        return answers.encode_cancelled(await self._ask(event))

    @streaming
    async def StreamLogs(self, request: Any, context: Any) -> AsyncIterator[Any]:
        wanted = requests.decode_stream_logs(request)
        if wanted.component and not self._logs.knows(wanted.component):
            self._publisher.check_component(wanted.component)
        async for record, dropped in self._logs.read(wanted):
            yield answers.encode_log_update(record, dropped)

    @unary
    async def StopApp(self, request: Any, context: Any) -> Any:
        stop = requests.decode_stop_app(request)
        return answers.encode_stopped(await self._ask(partial(StopRequested, message=stop.message)))

    async def _ask(self, make: Callable[..., Any]) -> Any:
        return await self._waiting.ask(lambda call_id: make(call_id=call_id))


def _writing(request: Any, request_id: str, context: Any) -> dict[str, Any]:
    """Tells what makes a request that changes things happen once, and not too late."""
    facts = _arrival(request, context)
    if request_id:
        facts |= {"request_id": request_id, "digest": requests.request_digest(request)}
    return facts


def _arrival(request: Any, context: Any) -> dict[str, Any]:
    """Tells how large a request is, and until when somebody waits."""
    remaining = context.time_remaining()
    return {
        "deadline": time.monotonic() + remaining if remaining is not None else None,
        "size_bytes": size_of(request),
    }
