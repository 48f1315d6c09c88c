"""The settings of one `flowctl` call: which app, and how to print."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from flowrpc_client.client import FlowClient

_Command = TypeVar("_Command", bound=Callable[..., Any])


@dataclass(slots=True)
class Settings:
    """Holds the options that stand before the command's name."""

    data_dir: Path | None = None
    app: str | None = None
    address: str | None = None
    token_file: Path | None = None
    tls_ca: Path | None = None
    json: bool = False
    """Whether to print JSON, for programs."""

    def choose(self, options: Mapping[str, Any], environment: Mapping[str, str]) -> None:
        """Takes the options; the environment counts only where none of them chose an app."""
        for name, value in options.items():
            setattr(self, name, value)
        if self.address is not None and (self.data_dir is not None or self.app is not None):
            raise click.UsageError("--address already chooses the app; leave out --data-dir and --app")
        if self.data_dir is not None and self.app is not None:
            raise click.UsageError("--data-dir already chooses the app; leave out --app")
        if self.data_dir is None and self.app is None:
            self._take(environment)

    def _take(self, environment: Mapping[str, str]) -> None:
        self.address = self.address or environment.get("FLOWCTL_ADDRESS") or None
        token_file = environment.get("FLOWCTL_TOKEN_FILE")
        if self.token_file is None and token_file:
            self.token_file = Path(token_file)

    def connect(self, timeout: float = 10.0) -> FlowClient:
        """Makes a client of the app that the settings choose."""
        # What grpc has to say of a connection is told by our errors, in words for users.
        os.environ.setdefault("GRPC_VERBOSITY", "NONE")
        from flowrpc_client.client import FlowClient

        return FlowClient(
            self.address,
            self.token_file,
            data_dir=self.data_dir,
            app=self.app,
            tls_ca=self.tls_ca,
            timeout=timeout,
        )


def json_option(command: _Command) -> _Command:
    """Adds `--json`, before the command's name and after it alike."""
    return click.option(
        "--json",
        is_flag=True,
        expose_value=False,
        is_eager=True,
        callback=_set_json,
        help="Print JSON, for programs.",
    )(command)


def client_command() -> Callable[[Callable[..., None]], click.Command]:
    """Makes a command that talks to an app: it takes the settings first, and has `--json`."""

    def decorate(function: Callable[..., None]) -> click.Command:
        return click.command()(json_option(click.make_pass_decorator(Settings, ensure=True)(function)))

    return decorate


def _set_json(ctx: click.Context, _: click.Parameter, given: bool) -> None:
    if given:
        ctx.ensure_object(Settings).json = True
