"""Serving an app: builds the parts of a flow service, runs them, and ends them in order."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol

from flowrpc import failpoints
from flowrpc.component.app import LightningApp, may_be_same_app
from flowrpc.component.component import type_name
from flowrpc.errors import CallError, FlowrpcError, StartError, StoreError, StoreFullError
from flowrpc.flow_service.calls_waiting import WaitingCalls
from flowrpc.flow_service.core import Core
from flowrpc.flow_service.door import Door, Gateway
from flowrpc.flow_service.effects import (
    CloseSession,
    Effect,
    Exit,
    FrontendsChanged,
    ReadOnlyChanged,
    ReadyChanged,
    Reply,
    RoomMade,
    RoutesChanged,
    Send,
    StreamEnded,
    StreamItem,
)
from flowrpc.flow_service.engine import ENGINE_THREAD, Engine
from flowrpc.flow_service.events import AgentExited, StopRequested
from flowrpc.flow_service.files import default_storage, open_storage
from flowrpc.flow_service.flow_servicer import FlowServicer
from flowrpc.flow_service.health import Health
from flowrpc.flow_service.instant import Instant
from flowrpc.flow_service.logs import HubHandler, LogHub, OwnLane, Tee
from flowrpc.flow_service.publisher import Publisher
from flowrpc.flow_service.refusals import Refusals
from flowrpc.flow_service.security import Guard
from flowrpc.flow_service.server import Server, Tls, bind_checked
from flowrpc.flow_service.typed_contract import offer_contract
from flowrpc.flow_service.typed_service import TypedService
from flowrpc.flow_service.work_servicer import WorkServicer
from flowrpc.protocol.answers import AppInfo
from flowrpc.protocol.messages import LogRecord, LogSource
from flowrpc.protocol.run_directory import ensure_tokens, read_token
from flowrpc.state.extension import extension_json
from flowrpc.state.records import AppStatus, Revision
from flowrpc.store import Recovered, SQLiteStore

logger = logging.getLogger(__name__)

STORAGE_FAILED = 75
"""Exit code when the storage failed: nothing more was acknowledged. EX_TEMPFAIL of sysexits.h."""
FAULT = 70
"""Exit code of a fault of flowrpc itself. EX_SOFTWARE of sysexits.h."""

AUDIT_VARIABLE = "FLOWRPC_AUDIT"
"""Set to 1, it has every revision compared with the live tree, which finds changes that were not recorded."""

LOOPBACK = "127.0.0.1:0"
"""A free port that only this host can reach."""

STOP_SECONDS = 8.0
"""How long an orderly end may take altogether before what is left is ended by force."""


MAX_UNDELIVERED = 1_000
"""How many revisions may wait to be published before the engine waits, too."""


class Agent(Protocol):
    """The local agent, as this room sees it: something that is started and stopped."""

    async def start(self) -> None:
        """Starts it."""

    async def stop(self, grace_seconds: float) -> None:
        """Ends it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeOptions:
    """What is served, and how."""

    name: str
    data_dir: Path
    address: str = LOOPBACK
    last_address: str = ""
    """Where the last life on the data directory was served; empty if that is not known."""
    remote_works: tuple[str, ...] = ()
    storage_url: str = ""
    """Where works keep the files that they hand over; empty: in the data directory."""
    tls: Tls | None = None
    contract_lock: Path | None = None
    """The lock of the app's typed contract; None, or a file that is not there: numbers are made up at each start."""


@dataclass(slots=True, kw_only=True)
class Hooks:
    """What belongs to serving but not to this room."""

    ready: Callable[[AppInfo, str, str], None]
    """Is told once that the app is served: at which address, and at which one for this host only."""
    place_agent: Callable[[str, Callable[[str], None]], Agent]
    """Makes the local agent for an address; it calls back with the boot id of an agent process that ended."""
    ended: Callable[[AppStatus], None]
    """Is told how the app ended, if it did so by itself or in order."""
    open_gateway: Callable[[Door], Gateway] | None = None
    """Makes what serves HTTP; None: nothing does."""
    echo: Callable[[LogRecord], None] | None = None
    """Shows a log record of a work on the terminal."""
    readiness: Callable[[tuple[str, ...]], None] | None = None
    """Is told, once the app is served and then at each change, which flows are not ready; none: the app is ready."""


def serve(app: LightningApp, options: ServeOptions, hooks: Hooks) -> int:
    """Serves an app until it ends; returns the exit code: 0 stopped, 1 failed, 70 our fault, 75 storage failed.

    Raises:
        StartError: The address, the credentials or the app's commands do not work.
        StoreError: The data directory cannot be used.
        StorageError: The storage for files cannot be used.
    """
    failpoints.arm("flow")
    bind_checked(options.address, options.tls)
    store = SQLiteStore(options.data_dir)
    recovered = store.open()
    try:
        _check_same_app(app, recovered, options)
        open_storage(_storage_url(options), recovered)
        return asyncio.run(_serve(app, options, hooks, store, recovered))
    finally:
        store.close()


async def _serve(
    app: LightningApp, options: ServeOptions, hooks: Hooks, store: SQLiteStore, recovered: Recovered
) -> int:
    return await _Service(app, options, hooks, store, recovered).run()


def _check_same_app(app: LightningApp, recovered: Recovered, options: ServeOptions) -> None:
    """Refuses a data directory that holds another app's state."""
    root = recovered.replica.components.get("root")
    found = type_name(type(app.root))
    if root is not None and not may_be_same_app(root.type, found):
        raise StartError(
            f"{options.data_dir} holds the state of another app ({root.type}, not {found}); "
            "give this one its own --data-dir, or begin anew with --fresh"
        )


class _Service:
    """One life of a flow service. It is built and lives in the running loop."""

    def __init__(
        self, app: LightningApp, options: ServeOptions, hooks: Hooks, store: SQLiteStore, recovered: Recovered
    ) -> None:
        self._app = app
        self._options = options
        self._hooks = hooks
        self._store = store
        self._recovered = recovered
        self._started_at = datetime.now(UTC)
        self._version = version("flowrpc")
        self._status: AppStatus | None = None
        self._failure: BaseException | None = None
        self._agent: Agent | None = None
        self._gateway: Gateway | None = None
        self._http_address = ""
        self._read_only = ""
        self._loop = asyncio.get_running_loop()
        self._started = asyncio.Event()
        self._ended = asyncio.Event()
        self._is_served = False
        self._undelivered = threading.Semaphore(MAX_UNDELIVERED)
        self._build()

    async def run(self) -> int:
        """Serves until the app ends."""
        self._address = self._bind()
        self._local_address = self._bind_local()
        self._http_address = self._gateway.bind() if self._gateway is not None else ""
        self._store.write_address(self._address)
        try:
            await self._live()
        finally:
            await self._end()
        return self._exit_code()

    def _bind(self) -> str:
        """Takes the port; of free ones the one of the last life, so that clients find the app where it was."""
        host, _, port = self._options.address.rpartition(":")
        last = self._options.last_address
        if port == "0" and last.startswith(f"{host}:"):
            with suppress(StartError):
                return self._server.bind(last, self._options.tls)
        return self._server.bind(self._options.address, self._options.tls)

    def _bind_local(self) -> str:
        """Takes another port for this host only if the first one is encrypted.

        The certificate names what strangers dial; the local agent and the user's own clients need none.
        """
        return self._address if self._options.tls is None else self._server.bind(LOOPBACK, None)

    def _build(self) -> None:
        recovered = self._recovered
        self._refusals = Refusals()
        self._logs = LogHub(self._hooks.echo, self._refusals)
        self._engine = Engine(self._make_core, self._store, self._deliver, self._fail)
        self._waiting = WaitingCalls(self._engine.submit, self._engine.inbox.check_room)
        self._publisher = Publisher(
            recovered.replica, journal_id=recovered.journal_id, refusals=self._refusals
        )
        self._work_servicer = WorkServicer(
            self._engine.submit, self._logs, self._refusals, self._engine.inbox.is_full_of_frames
        )
        flow_servicer = FlowServicer(self._waiting, self._publisher, self._logs, self._refusals, self._info)
        tokens = _tokens(self._options.data_dir)
        typed = TypedService(self._waiting, self._publisher, self._refusals)
        offer_contract(typed, self._app.root, self._options.name, self._options.contract_lock)
        guard = Guard(tokens, typed.role_needed, self._refusals)
        self._server = Server(flow_servicer, self._work_servicer, typed, guard)
        self._health = Health(self._server)
        if self._hooks.open_gateway is not None:
            self._gateway = self._hooks.open_gateway(
                Door(
                    waiting=self._waiting,
                    publisher=self._publisher,
                    tokens=tokens,
                    info=self._info,
                    logs=self._logs,
                    refusals=self._refusals,
                    passes=lambda: self._engine.passes,
                )
            )

    async def _live(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._loop.add_signal_handler(number, self._interrupt, number)
        with self._user_output():
            await self._serve_until_end()

    async def _serve_until_end(self) -> None:
        self._engine.start()
        await _first(self._started, self._ended)
        if self._failure is not None:
            return
        await self._health.begin()
        if self._gateway is not None:
            await self._gateway.start()
        await self._server.start()
        self._agent = self._hooks.place_agent(self._local_address, self._agent_exited)
        await self._agent.start()
        await self._health.serve()
        self._hooks.ready(self._info(), self._address, self._local_address)
        self._is_served = True
        self._tell_readiness()
        await self._ended.wait()

    @contextmanager
    def _user_output(self) -> Iterator[None]:
        """Sends what the flow's code prints and logs to the app's log, too."""
        submit = OwnLane(self._logs, self._loop.call_soon_threadsafe).submit
        handler = HubHandler(submit)
        logging.getLogger().addHandler(handler)
        tee = Tee(sys.stdout, LogSource.STDOUT, submit, ENGINE_THREAD)
        try:
            with (
                redirect_stdout(tee),
                redirect_stderr(Tee(sys.stderr, LogSource.STDERR, submit, ENGINE_THREAD)),
            ):
                yield
        finally:
            logging.getLogger().removeHandler(handler)

    async def _end(self) -> None:
        """Ends in order: what clients see first, then works, then the engine."""
        await self._health.end()
        status = self._status
        message = f"the app has ended: {status.stage.value}" if status else "the service ended"
        self._waiting.close(CallError("STOPPING", message))
        self._publisher.end(message, status)
        self._work_servicer.close_all()
        if self._agent is not None:
            await self._agent.stop(STOP_SECONDS / 2)
        self._logs.end()
        if self._gateway is not None:
            await self._gateway.stop()
        await self._server.stop(1.0)
        if not await asyncio.to_thread(self._engine.stop, 1.0):
            logger.error("user code of the flow did not return; it was in:\n%s", _stack_of_engine())

    def _exit_code(self) -> int:
        failure = self._failure
        if failure is None and self._status is not None:
            self._hooks.ended(self._status)
            return self._status.exit_code
        if failure is None:
            return 1  # ended by force
        if isinstance(failure, StoreError):
            if isinstance(failure, StoreFullError):
                logger.critical("%s", failure)
                return STORAGE_FAILED
            logger.critical("the storage failed, nothing more was acknowledged: %s", failure)
            return STORAGE_FAILED
        if isinstance(failure, FlowrpcError) and not self._started.is_set():
            raise StartError(str(failure)) from failure
        logger.critical("a fault of flowrpc ended the service", exc_info=failure)
        return FAULT

    # In the engine's thread

    def _make_core(self, now: Instant) -> Core:
        core = Core(
            self._app.root,
            self._recovered,
            now,
            remote_works=self._options.remote_works,
            storage_url=_storage_url(self._options),
            audit=os.environ.get(AUDIT_VARIABLE) == "1",
        )
        _keep_aside(core, self._options.data_dir, self._recovered.replica.revision)
        return core

    def _deliver(self, revision: Revision | None, data: bytes, effects: list[Effect]) -> None:
        self._undelivered.acquire()  # the engine waits while watchers and agents keep the other thread too busy
        self._loop.call_soon_threadsafe(self._carry_out, revision, data, effects)

    def _fail(self, error: BaseException) -> None:
        self._loop.call_soon_threadsafe(self._failed, error)

    # In the asyncio thread

    def _carry_out(self, revision: Revision | None, data: bytes, effects: list[Effect]) -> None:
        self._undelivered.release()
        if revision is not None:
            self._publisher.publish(revision, data)
            self._started.set()
        for effect in effects:
            self._CARRIERS[type(effect)](self, effect)

    def _reply(self, effect: Reply) -> None:
        self._waiting.settle(effect)

    def _deliver_to_stream(self, effect: StreamItem | StreamEnded) -> None:
        self._waiting.streams.deliver(effect)

    def _send(self, effect: Send) -> None:
        self._work_servicer.send(effect)

    def _close_session(self, effect: CloseSession) -> None:
        self._work_servicer.close(effect)

    def _exit(self, effect: Exit) -> None:
        self._status = effect.status
        self._ended.set()

    def _ready_changed(self, effect: ReadyChanged) -> None:
        self._health.change(effect.unready)
        self._tell_readiness()

    def _read_only_changed(self, effect: ReadOnlyChanged) -> None:
        self._read_only = effect.reason
        self._health.change_writing(not effect.reason)

    def _room_made(self, effect: RoomMade) -> None:
        self._work_servicer.read_on()

    def _tell_readiness(self) -> None:
        if self._is_served and self._hooks.readiness is not None:
            self._hooks.readiness(self._health.unready)

    def _routes_changed(self, effect: RoutesChanged) -> None:
        if self._gateway is not None:
            self._gateway.set_routes(effect.routes)

    def _frontends_changed(self, effect: FrontendsChanged) -> None:
        if self._gateway is not None:
            self._gateway.set_frontends(effect.frontends)

    _CARRIERS: Any = {  # noqa: RUF012
        Reply: _reply,
        StreamItem: _deliver_to_stream,
        StreamEnded: _deliver_to_stream,
        Send: _send,
        CloseSession: _close_session,
        ReadyChanged: _ready_changed,
        ReadOnlyChanged: _read_only_changed,
        RoomMade: _room_made,
        RoutesChanged: _routes_changed,
        FrontendsChanged: _frontends_changed,
        Exit: _exit,
    }

    def _failed(self, error: BaseException) -> None:
        self._failure = error
        self._ended.set()

    def _interrupt(self, number: int) -> None:
        if self._ended.is_set():
            return
        self._engine.submit(StopRequested(message=f"by {signal.Signals(number).name}"))
        self._loop.call_later(STOP_SECONDS / 4, self._ended.set)

    def _agent_exited(self, boot_id: str) -> None:
        if not self._ended.is_set():
            self._engine.submit(AgentExited(boot_id=boot_id))

    def _info(self) -> AppInfo:
        status = self._publisher.replica.app
        assert status is not None, "the first revision of a life sets it"
        return AppInfo(
            name=self._options.name,
            journal_id=self._recovered.journal_id,
            life=self._recovered.life,
            revision=self._publisher.replica.revision,
            status=status,
            root_type=type_name(type(self._app.root)),
            started_at=self._started_at,
            version=self._version,
            pid=os.getpid(),
            ready=self._health.ready,
            unready=self._health.unready,
            http_address=self._http_address,
            read_only=self._read_only,
            refused=self._refusals.counts(),
        )


async def _first(*events: asyncio.Event) -> None:
    """Waits until one of the events is set."""
    waiting = [asyncio.create_task(event.wait()) for event in events]
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    for task in waiting:
        task.cancel()


def _storage_url(options: ServeOptions) -> str:
    return options.storage_url or default_storage(options.data_dir)


def _tokens(data_dir: Path) -> dict[str, str]:
    return {role: read_token(path) for role, path in ensure_tokens(data_dir).items()}


def _keep_aside(core: Core, data_dir: Path, revision: int) -> None:
    """Writes what the code has no place for any more to a file, and says so."""
    restored = core.restored
    if not restored.dropped and not restored.missing:
        return
    path = data_dir / f"dropped-{revision}.json"
    content = {
        "vars": restored.dropped,
        "components": {r.name: {"type": r.type, "vars": r.vars} for r in restored.missing},
    }
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False, default=extension_json))
    names = [f"{name}.{var}" for name, values in restored.dropped.items() for var in values]
    names += [record.name for record in restored.missing]
    logger.warning(
        "the code has no place for %s any more; what they held is kept in %s", ", ".join(names), path
    )


def _stack_of_engine() -> str:
    for thread in threading.enumerate():
        frame = sys._current_frames().get(thread.ident or 0)
        if thread.name == ENGINE_THREAD and frame is not None:
            return "".join(traceback.format_stack(frame))
    return "(ended meanwhile)"
