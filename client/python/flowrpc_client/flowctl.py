"""The command line `flowctl`."""

from __future__ import annotations

import difflib
import importlib
import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import click
from flowrpc.errors import AppLoadError, CallError, FlowrpcError, InvalidValueError

from flowrpc_client.commands.printing import leave_quietly
from flowrpc_client.commands.settings import Settings, json_option
from flowrpc_client.errors import CommandFailed, NotReachableError, NotTrustedError

RAISED = 1
BAD_ARGUMENTS = 2
NOT_REACHABLE = 3
INTERRUPTED = 130
"""As a shell reports Ctrl-C: 128 and the number of the signal."""

_SERVER_SIDE = "flowrpc.cli"
"""The entry points of commands that need more than the client."""

_SECTIONS = {
    "Apps": ("run", "ps", "login", "stop", "bundle"),
    "State": ("state", "state export", "state import", "watch", "journal"),
    "Commands": ("commands", "call", "contract", "client"),
    "Works": ("works", "runs", "cancel", "logs", "agents", "work"),
}

# Imported when one is used, so that `flowctl call` starts fast.
_OWN = {
    "agents": "agents",
    "call": "call",
    "cancel": "works",
    "commands": "call",
    "login": "login",
    "logs": "logs",
    "ps": "apps",
    "runs": "works",
    "state": "state",
    "stop": "apps",
    "watch": "watch",
    "works": "works",
}

# Commands of two words: the second is an entry point of the group that the first names.
_TWO_WORDS = ("state export", "state import")

_CODES = {
    "UNAUTHENTICATED": NOT_REACHABLE,
    "PERMISSION_DENIED": NOT_REACHABLE,
    "UNIMPLEMENTED": NOT_REACHABLE,
    "OVERLOADED": NOT_REACHABLE,
    "READ_ONLY": NOT_REACHABLE,
    "INTERNAL": RAISED,
}


class _LazyGroup(click.Group):
    """Imports a command when it is used; lists the commands by what they are about."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*_OWN, *_TWO_WORDS, *_server_side_names()})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in _OWN:
            module = importlib.import_module(f"flowrpc_client.commands.{_OWN[cmd_name]}")
            command = getattr(module, cmd_name)
            assert isinstance(command, click.Command)
            return command
        if cmd_name in _TWO_WORDS:
            first, _, second = cmd_name.partition(" ")
            return _server_side_command(second, f"{_SERVER_SIDE}.{first}")
        return _server_side_command(cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if " ".join(args[:2]) in _TWO_WORDS:
            args = [" ".join(args[:2]), *args[2:]]
        if not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            close = difflib.get_close_matches(args[0], self.list_commands(ctx), n=1)
            hint = f"did you mean {close[0]!r}?" if close else "`flowctl --help` lists them"
            ctx.fail(f"no command {args[0]!r}; {hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        names = self.list_commands(ctx)
        listed = {name for section in _SECTIONS.values() for name in section}
        more = tuple(name for name in names if name not in listed)
        for title, section in (_SECTIONS | {"More": more}).items():
            rows = [(name, self._short_help(ctx, name)) for name in section if name in names]
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)

    def _short_help(self, ctx: click.Context, name: str) -> str:
        try:
            command = self.get_command(ctx, name)
        except click.UsageError as error:
            return f"({error.message})"
        return command.get_short_help_str(limit=80) if command is not None else ""


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--data-dir", type=click.Path(path_type=Path), help="The app that runs on this data directory.")
@click.option("--app", metavar="NAME", help="The running app of this name.")
@click.option("--address", metavar="HOST:PORT", help="The app at this address.  [env: FLOWCTL_ADDRESS]")
@click.option(
    "--token-file",
    type=click.Path(path_type=Path),
    help="File with the token to send.  [env: FLOWCTL_TOKEN_FILE]",
)
@click.option(
    "--tls-ca", type=click.Path(path_type=Path), help="Encrypt, and trust the certificates of this PEM file."
)
@json_option
@click.version_option(package_name="flowrpc", message="flowctl %(version)s")
@click.pass_context
def cli(ctx: click.Context, /, **options: Any) -> None:
    """Runs flowrpc apps and talks to running ones.

    A running app of yours is found by itself; with several, choose one with the options below.

    \b
    Exit codes: 0 done · 1 the command raised · 2 usage or bad arguments · 3 not reachable
    """  # noqa: D301  # click reads the control character
    ctx.ensure_object(Settings).choose(options, os.environ)


def main(args: Sequence[str] | None = None) -> NoReturn:
    """Runs flowctl and leaves with its exit code; tells users of their mistakes without a traceback."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # Text that the terminal's encoding does not have is escaped; it is no reason to fail.
        sys.stdout.reconfigure(errors="backslashreplace")
    sys.exit(_run(args))


def _run(args: Sequence[str] | None) -> int:
    try:
        code = cli.main(args=args, prog_name="flowctl", standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        return BAD_ARGUMENTS
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except BrokenPipeError:
        return leave_quietly()
    except FlowrpcError as error:
        return _report(error)
    return code if isinstance(code, int) else 0


def _report(error: FlowrpcError) -> int:
    if isinstance(error, CommandFailed):
        if error.failure.traceback:
            click.echo(error.failure.traceback.rstrip(), err=True)
        click.echo(f"Error: command {error.command!r} raised {error}", err=True)
        return RAISED
    click.echo(f"Error: {_with_suggestion(error)}", err=True)
    if isinstance(error, CallError):
        return _CODES.get(error.reason, BAD_ARGUMENTS)
    if isinstance(error, NotReachableError):
        return NOT_REACHABLE
    return BAD_ARGUMENTS if isinstance(error, InvalidValueError | AppLoadError | NotTrustedError) else RAISED


def _with_suggestion(error: FlowrpcError) -> str:
    suggestion = error.metadata.get("suggestion", "") if isinstance(error, CallError) else ""
    if not suggestion or suggestion in str(error).partition("did you mean")[2]:
        return str(error)
    return f"{error}; did you mean {suggestion!r}?"


def _server_side_names() -> list[str]:
    from importlib.metadata import entry_points

    return [entry.name for entry in entry_points(group=_SERVER_SIDE)]


def _server_side_command(name: str, group: str = _SERVER_SIDE) -> click.Command | None:
    from importlib.metadata import entry_points

    for entry in entry_points(group=group, name=name):
        try:
            command = entry.load()
        except ImportError as error:
            raise click.UsageError(f"{name!r} cannot be used here: {error}") from None
        assert isinstance(command, click.Command)
        return command
    return None


if __name__ == "__main__":
    main()
