"""What `flowctl run` puts together: the app, its data directory, the flow service and the local agent."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import click

from flowrpc.cli.opening import open_in_browser
from flowrpc.cli.telling import Teller
from flowrpc.component.app import LightningApp
from flowrpc.component.app_file import load_app
from flowrpc.contract.lock_file import FILE_NAME as LOCK_NAME
from flowrpc.errors import StartError
from flowrpc.flow_service.door import Door, Gateway
from flowrpc.flow_service.serve import Agent, Hooks, ServeOptions, serve
from flowrpc.flow_service.server import Tls
from flowrpc.gateway.gateway import HttpGateway, HttpOptions
from flowrpc.placement.interface import Placed
from flowrpc.placement.local import LocalPlacement
from flowrpc.protocol.answers import AppInfo
from flowrpc.protocol.messages import LogRecord
from flowrpc.protocol.run_directory import AppEntry, publish, withdraw
from flowrpc.state.records import AppStatus
from flowrpc.storage.backend import storage_url
from flowrpc.store import fresh as begin_anew
from flowrpc.store import lock_holder

logger = logging.getLogger(__name__)


@dataclass(slots=True, kw_only=True)
class Serving:
    """One `flowctl run`."""

    app_file: Path
    data_dir: Path
    name: str
    address: str
    http_address: str
    """Where HTTP is served; empty: nowhere."""
    http_names: tuple[str, ...]
    ui: bool
    """Whether the dashboard is served."""
    open_page: bool
    """Whether a browser is told to open the page."""
    fresh: bool
    remote_works: tuple[str, ...]
    max_works: int | None
    storage: str | None
    cpus: float | None
    memory_bytes: int | None
    gpus: int | None
    labels: dict[str, str]
    tls_files: tuple[Path | None, Path | None]
    log_level: str | None
    tell_fd: int | None = None
    """Where to tell whoever waits for the start; None: nobody does."""
    _entry: AppEntry | None = None
    _gateway: HttpGateway | None = None

    def run(self) -> int:
        """Serves until the app ends; returns the exit code.

        Raises:
            FlowrpcError: The app, the data directory or the options do not work.
        """
        self._log_to_terminal()
        teller = Teller(self.tell_fd) if self.tell_fd is not None else None
        app = load_app(self.app_file)
        logging.getLogger().setLevel((self.log_level or app.log_level).upper())
        if self.fresh:
            begin_anew(self.data_dir)
        options = ServeOptions(
            name=self.name,
            data_dir=self.data_dir,
            address=self.address,
            last_address=_last_address(self.data_dir),
            remote_works=self.remote_works,
            storage_url=storage_url(self.storage) if self.storage else "",
            tls=self._tls(),
            contract_lock=self.app_file.resolve().parent / LOCK_NAME,
        )
        try:
            hooks = self._hooks(app)
            if teller is not None:
                self._tell_to(teller, hooks)
            return serve(app, options, hooks)
        finally:
            if self._entry is not None:
                withdraw(self._entry)

    def _hooks(self, app: LightningApp) -> Hooks:
        hooks = Hooks(ready=self._ready, place_agent=self._place_agent, ended=_tell_end, echo=_echo)
        if self.http_address:
            http = HttpOptions(
                address=self.http_address,
                data_dir=self.data_dir,
                names=self.http_names,
                ui=self.ui,
                tls=self._tls(),
                info=app.info,
            )
            http.check()
            hooks.open_gateway = partial(self._open_gateway, http)
        return hooks

    def _open_gateway(self, options: HttpOptions, door: Door) -> Gateway:
        self._gateway = HttpGateway(door, options)
        return self._gateway

    def _tls(self) -> Tls | None:
        certificate, key = self.tls_files
        if certificate is None and key is None:
            return None
        if certificate is None or key is None:
            raise StartError("--tls-cert and --tls-key belong together; give both")
        return Tls(certificate=certificate, key=key)

    def _ready(self, info: AppInfo, address: str, local_address: str) -> None:
        self._entry = AppEntry(
            name=info.name,
            address=local_address,
            data_dir=self.data_dir,
            pid=os.getpid(),
            journal_id=info.journal_id,
            token_file=self.data_dir / "tokens" / "admin",
            started_at=datetime.now(UTC),
            http_address=info.http_address,
        )
        publish(self._entry)
        click.echo(self._served(info, address))
        if self.open_page and self._gateway is not None:
            open_in_browser(self._gateway.login_url())

    def _tell_to(self, teller: Teller, hooks: Hooks) -> None:
        """Has whoever waits for the start told of it, too."""

        def ready(info: AppInfo, address: str, local_address: str) -> None:
            self._ready(info, address, local_address)
            teller.served(self._served(info, address))

        hooks.ready = ready
        hooks.readiness = teller.readiness

    def _served(self, info: AppInfo, address: str) -> str:
        served = f"{info.name} is served at {address}, revision {info.revision}"
        return served if self._gateway is None else f"{served}\nthe page is at {self._gateway.login_url()}"

    def _place_agent(self, address: str, on_exit: Callable[[str], None]) -> Agent:
        placed = Placed(
            app_file=self.app_file,
            address=address,
            token_file=self.data_dir / "tokens" / "work",
            max_works=self.max_works,
            files_dir=self.data_dir / "files" / "local",
            cpus=self.cpus,
            memory_bytes=self.memory_bytes,
            gpus=self.gpus,
            labels=self.labels,
        )
        return LocalPlacement(placed, _Watcher(on_exit))

    def _log_to_terminal(self) -> None:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
        logging.basicConfig(level=(self.log_level or "info").upper(), handlers=[handler])
        logging.getLogger("httpx").setLevel(
            logging.WARNING
        )  # of each request that is passed on to a frontend it tells


def _last_address(data_dir: Path) -> str:
    holder = lock_holder(data_dir)
    return holder.address if holder is not None else ""


class _Watcher:
    """Hears of the local agent."""

    def __init__(self, on_exit: Callable[[str], None]) -> None:
        self.on_exit = on_exit

    def on_line(self, line: str) -> None:
        """Logs what the agent itself had to say."""
        logger.info("agent: %s", line)


def _tell_end(status: AppStatus) -> None:
    """Tells how the app ended; the traceback of a failure is in the log already."""
    click.echo(f"{status.stage.value}: {status.message}" if status.message else status.stage.value, err=True)


def _echo(record: LogRecord) -> None:
    """Shows a log record of a work."""
    click.echo(f"[{record.component}] {record.message}", err=True)
