"""`flowctl call` and `flowctl commands`."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, NoReturn

import click

from flowrpc_client.commands.printing import json_text, one_line, write_json, write_line, write_table
from flowrpc_client.commands.settings import Settings, client_command, json_option
from flowrpc_client.errors import CommandFailed

if TYPE_CHECKING:
    from flowrpc.protocol.answers import CommandInfo, ParameterInfo


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
    help="Seconds to wait for the result.",
)
def call(
    settings: Settings, command: str | None, *, pairs: tuple[str, ...], timeout: float, wants_help: bool
) -> None:
    """Calls a command of the app and prints its result.

    A VALUE is read as JSON where it is JSON (3, true, "3", [1, 2]), else as text.

    \b
    Example: flowctl call my_command --args name=x
    """  # noqa: D301  # click reads the control character
    if command is not None and wants_help:
        _describe(settings, command)
    elif command is not None:
        _call(settings, command, pairs, timeout)
    elif wants_help:
        click.echo(click.get_current_context().get_help())
    else:
        raise click.MissingParameter(param_hint="'COMMAND'", param_type="argument")


def _call(settings: Settings, command: str, pairs: tuple[str, ...], timeout: float) -> None:
    arguments = _arguments(pairs)
    with settings.connect() as client:
        # A call is repeated until the app answers: right for one that comes back, not for one that never was.
        client.app()
        outcome = client.call_outcome(command, arguments, timeout=timeout)
    if outcome.failure is not None:
        raise CommandFailed(command, outcome.failure)
    if settings.json:
        write_json(outcome.result)
    elif outcome.result is not None:
        write_line(outcome.result if isinstance(outcome.result, str) else json_text(outcome.result, indent=2))


@client_command()
@click.argument("command", required=False)
def commands(settings: Settings, command: str | None) -> None:
    """Lists the commands of the app.

    With COMMAND, tells all about that one, as `flowctl call COMMAND --help` does.
    """
    if command is not None:
        _describe(settings, command)
        return
    with settings.connect() as client:
        found = client.commands()
    if settings.json:
        from flowrpc_client.commands.plain import as_plain

        write_json(as_plain(found))
    else:
        rows = [(each.name, _signature(each), one_line(_first_line(each.help))) for each in found]
        write_table(("NAME", "ARGUMENTS", "WHAT IT DOES"), rows)


def _describe(settings: Settings, name: str) -> None:
    from flowrpc_client.commands.manual import find, write_manual

    with settings.connect() as client:
        found = find(client.commands(), name)
    if settings.json:
        from flowrpc_client.commands.plain import as_plain

        write_json(as_plain(found))
    else:
        write_manual(found, name)


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
    return ", ".join(_parameter(parameter) for parameter in command.parameters)


def _parameter(parameter: ParameterInfo) -> str:
    text = f"{parameter.name}: {parameter.annotation}" if parameter.annotation else parameter.name
    if parameter.required:
        return text
    equals = " = " if parameter.annotation else "="
    return text + equals + json_text(parameter.default)


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0]
