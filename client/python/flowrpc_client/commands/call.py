"""`flowctl call` and `flowctl commands`."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import click
from click.core import ParameterSource
from flowrpc.errors import CallError

from flowrpc_client.commands.client_part import call_client_part, source, trust
from flowrpc_client.commands.printing import json_text, one_line, write_json, write_line, write_table
from flowrpc_client.commands.settings import Settings, json_option
from flowrpc_client.errors import CommandFailed

if TYPE_CHECKING:
    from flowrpc.protocol.answers import CommandInfo, ParameterInfo

    from flowrpc_client.client import FlowClient


_ANY = "\0"
"""What `--trust` without a digest says, and nobody can write."""


class _Way(NamedTuple):
    """Whether a client part is to be run, if there is one."""

    trust: str | None
    handler: bool


class _Call(click.Command):
    """Has a `--help` that does not answer by itself: for a command of the app, the app is asked."""

    def get_help_option(self, ctx: click.Context) -> click.Option:
        return click.Option(["-h", "--help", "wants_help"], is_flag=True, help="Show this message and exit.")


@click.command(cls=_Call)
@json_option
@click.make_pass_decorator(Settings, ensure=True)
@click.argument("command", required=False, metavar="COMMAND")
@click.option(
    "--args", "pairs", multiple=True, metavar="KEY=VALUE", help="An argument; give it once for each."
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=60.0,
    show_default=True,
    help="Seconds to wait for the result; a stream may take longer, unless this is given.",
)
@click.option(
    "--trust",
    is_flag=False,
    flag_value=_ANY,
    metavar="[SHA256]",
    help="Run the command's client part here: whatever it is, or only the source of this digest.",
)
@click.option("--handler", is_flag=True, help="Leave the client part out: call the method at the service.")
def call(
    settings: Settings,
    command: str | None,
    *,
    pairs: tuple[str, ...],
    timeout: float,
    trust: str | None,
    handler: bool,
    wants_help: bool,
) -> None:
    """Calls a command of the app and prints its result; of one that streams, each item as a line of JSON.

    A VALUE is read as JSON where it is JSON (3, true, "3", [1, 2]), else as text.

    \b
    Example: flowctl call my_command --args name=x
    """  # noqa: D301  # click reads the control character
    if trust is not None and handler:
        raise click.UsageError("--handler leaves out the client part; leave out --trust, too")
    if command is not None and wants_help:
        _describe(settings, command, handler=handler)
    elif command is not None:
        _call(settings, command, _arguments(pairs), timeout, _Way(trust, handler))
    elif wants_help:
        click.echo(click.get_current_context().get_help())
    elif trust is not None and trust != _ANY:
        raise click.UsageError(f"--trust took {trust!r} for a SHA256; put it behind the name of the command")
    else:
        raise click.MissingParameter(param_hint="'COMMAND'", param_type="argument")


def _call(settings: Settings, command: str, arguments: dict[str, Any], timeout: float, way: _Way) -> None:
    with settings.connect() as client:
        info = _info(client, command)
        if info is not None and info.streams and way.trust is None:
            _print_items(client, command, arguments, timeout)
            return
        if info is not None and info.client_part is not None and not way.handler:
            allowed = way.trust == _ANY or (way.trust if way.trust is not None else False)
            result = call_client_part(client, command, arguments, allowed, timeout)
        elif way.trust is not None:
            raise click.UsageError(f"{command!r} has no client part; leave out --trust")
        else:
            result = _result(client, command, arguments, timeout)
    if settings.json:
        write_json(result)
    elif result is not None:
        write_line(result if isinstance(result, str) else json_text(result, indent=2))


def _print_items(client: FlowClient, command: str, arguments: dict[str, Any], timeout: float) -> None:
    given = click.get_current_context().get_parameter_source("timeout") is not ParameterSource.DEFAULT
    with client.stream_items(command, arguments, timeout=timeout if given else None) as items:
        for item in items:
            write_json(item.value, lines=True)


def _info(client: FlowClient, command: str) -> CommandInfo | None:
    """Asks the app what a command is; what it does not have, it is to refuse itself.

    A call is repeated until the app answers: right for one that comes back, not for one that never was. So it is well
    that this comes first, and fails at once.
    """
    from flowrpc_client.commands.manual import find

    try:
        return find(client.commands(), command)
    except CallError as error:
        if error.reason != "UNKNOWN_COMMAND":
            raise
        return None


def _result(client: FlowClient, command: str, arguments: dict[str, Any], timeout: float) -> Any:
    outcome = client.call_outcome(command, arguments, timeout=timeout)
    if outcome.failure is not None:
        raise CommandFailed(command, outcome.failure)
    return outcome.result


class _Commands(click.Group):
    """Has subcommands; any other word is a command of the app, which it tells about."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return super().get_command(ctx, cmd_name) or _description_of(cmd_name)


def _description_of(name: str) -> click.Command:
    @click.command(name, help=f"Tells all about {name}.")
    @json_option
    @click.make_pass_decorator(Settings, ensure=True)
    def describe(settings: Settings) -> None:
        _describe(settings, name)

    return describe


@click.group(cls=_Commands, invoke_without_command=True, subcommand_metavar="[COMMAND]")
@json_option
@click.make_pass_decorator(Settings, ensure=True)
@click.pass_context
def commands(ctx: click.Context, settings: Settings) -> None:
    """Lists the commands of the app.

    With COMMAND, tells all about that one, as `flowctl call COMMAND --help` does.
    """
    if ctx.invoked_subcommand is not None:
        return
    with settings.connect() as client:
        found = client.commands()
    if settings.json:
        from flowrpc_client.commands.plain import as_plain

        write_json(as_plain(found))
    else:
        rows = [(each.name, _signature(each), one_line(_what_it_does(each))) for each in found]
        write_table(("NAME", "ARGUMENTS", "WHAT IT DOES"), rows)


commands.add_command(source)
commands.add_command(trust)


def _describe(settings: Settings, name: str, *, handler: bool = False) -> None:
    from flowrpc_client.commands.manual import find, write_manual

    with settings.connect() as client:
        found = find(client.commands(), name)
    if settings.json:
        from flowrpc_client.commands.plain import as_plain

        write_json(as_plain(found))
    else:
        write_manual(replace(found, client_part=None) if handler else found, name)


def _arguments(pairs: tuple[str, ...]) -> dict[str, Any]:
    arguments: dict[str, Any] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals or not name:
            raise click.BadParameter(f"{pair!r} is not KEY=VALUE; write --args name=x", param_hint="--args")
        if name in arguments:
            raise click.BadParameter(f"{name!r} comes twice; give it once", param_hint="--args")
        arguments[name] = _value(text)
    return arguments


def _value(text: str) -> Any:
    """Reads JSON where it is some, else takes the text; NaN and infinities are no JSON."""
    try:
        return json.loads(text, parse_constant=_refuse, parse_float=_finite)
    except (ValueError, RecursionError):
        return text


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"{text} is too large for a double")
    return number


def _signature(command: CommandInfo) -> str:
    takes = command.client_part or command
    return ", ".join(_parameter(parameter) for parameter in takes.parameters)


def _what_it_does(command: CommandInfo) -> str:
    if command.streams:
        return f"{_first_line(command.help)} [streams]".lstrip()
    if command.client_part is None:
        return _first_line(command.help)
    return f"{_first_line(command.client_part.help or command.help)} [client part]".lstrip()


def _parameter(parameter: ParameterInfo) -> str:
    text = f"{parameter.name}: {parameter.annotation}" if parameter.annotation else parameter.name
    if parameter.required:
        return text
    equals = " = " if parameter.annotation else "="
    return text + equals + json_text(parameter.default)


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0]
