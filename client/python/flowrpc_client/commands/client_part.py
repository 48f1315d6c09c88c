"""The client parts of commands: `flowctl commands source` and `trust`, and what `flowctl call` does with them."""

from __future__ import annotations

import re
import shlex
import sys
from typing import TYPE_CHECKING, Any

import click

from flowrpc_client.commands.printing import one_line, shown, write_json, write_line
from flowrpc_client.commands.settings import Settings, client_command

if TYPE_CHECKING:
    from flowrpc_client.client import FlowClient
    from flowrpc_client.trust import Offer

_INVISIBLE = re.compile("[\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")
"""Letters that hide or reorder others, so that code reads as what it is not (CVE-2021-42574)."""


@client_command()
@click.argument("command")
@click.option("--raw", is_flag=True, help="Write the very bytes of the source, control characters too.")
def source(settings: Settings, command: str, raw: bool) -> None:
    """Shows the source of a command's client part; nothing of it is run.

    Control characters are shown as escapes.
    """
    with settings.connect() as client:
        found = client.command_source(command)
    if raw:
        sys.stdout.buffer.write(found.source)
        return
    text = found.source.decode("utf-8", "backslashreplace")
    if settings.json:
        facts = {"command": found.command, "class_name": found.class_name, "file_name": found.file_name}
        write_json(facts | {"sha256": found.sha256, "source": text})
        return
    about = f"# {found.file_name}: class {found.class_name}, sha256 {found.sha256}"
    click.echo(one_line(about), err=True)
    write_line(_INVISIBLE.sub(lambda letter: f"\\u{ord(letter[0]):04x}", shown(text)).removesuffix("\n"))


@client_command()
@click.argument("command")
@click.option("--sha256", metavar="SHA256", help="Only if the source has this digest.")
@click.option("--forget", is_flag=True, help="Take back that the command's client part is trusted.")
def trust(settings: Settings, command: str, sha256: str | None, forget: bool) -> None:
    """Lets `flowctl call` run a command's client part from now on, as long as its source stays the same.

    That is code of the app, which may do here all that you may. Look at it first: `flowctl commands source COMMAND`.
    """
    with settings.connect() as client:
        told = _forgotten(client, command) if forget else _remembered(client, command, sha256)
    if settings.json:
        write_json(told)
    elif forget:
        write_line(
            one_line(f"no client part of {told['command']!r} of the app {told['app']!r} is trusted any more")
        )
    else:
        about = f"class {told['class_name']}, sha256 {told['sha256']}"
        write_line(
            one_line(f"the client part of {told['command']!r} of the app {told['app']!r} is trusted: {about}")
        )


def _remembered(client: FlowClient, command: str, sha256: str | None) -> dict[str, str]:
    from flowrpc_client.client_part import fetch
    from flowrpc_client.trust import check_trust
    from flowrpc_client.trust_file import Part, remember

    offer = fetch(client, command)
    check_trust(offer, True if sha256 is None else sha256)
    part = Part(class_name=offer.source.class_name, sha256=offer.source.sha256)
    remember(offer.key, part)
    return {"app": offer.app, "command": offer.info.name, **part._asdict()}


def _forgotten(client: FlowClient, command: str) -> dict[str, str]:
    from flowrpc_client.commands.manual import find
    from flowrpc_client.trust_file import forget

    key = (client.app().name, find(client.commands(), command).name)
    forget(key)
    return dict(zip(("app", "command"), key, strict=True))


def call_client_part(
    client: FlowClient, command: str, arguments: dict[str, Any], allowed: str | bool, timeout: float
) -> Any:
    """Runs the client part of a command here, if that is allowed; returns what it returns, as a plain value."""
    from flowrpc_client.client_part import ClientPart, RemoteMethod, fetch

    offer = fetch(client, command)
    _check(offer, command, allowed)
    if allowed is True:
        about = f"running the client part of {offer.info.name!r}: class {offer.source.class_name}"
        click.echo(one_line(f"{about}, sha256 {offer.source.sha256}"), err=True)
    part = ClientPart(offer.source, RemoteMethod(client, offer.info, timeout))
    return _result_of(part, arguments)


def how_to_run(command: str) -> list[tuple[str, str]]:
    """Returns what can be done with a client part, and what does it."""
    name = shlex.quote(one_line(command))
    return [
        (f"flowctl commands source {name}", "shows the source"),
        (f"flowctl call {name} --trust", "runs it this once"),
        (f"flowctl call {name} --trust SHA256", "runs it if its source is exactly that"),
        (f"flowctl commands trust {name}", "lets it run from now on, until its source changes"),
        (f"flowctl call {name} --handler", "calls the method at the service, without it"),
    ]


def _check(offer: Offer, command: str, allowed: str | bool) -> None:
    """Checks that the user allowed it; tells what can be done if not."""
    from flowrpc_client.errors import NotTrustedError
    from flowrpc_client.trust import check_trust

    try:
        check_trust(offer, allowed)
    except NotTrustedError as error:
        rows = how_to_run(command)
        width = max(len(what) for what, _ in rows)
        choices = "".join(f"\n  {what:{width}}  {does}" for what, does in rows)
        raise NotTrustedError("", f"{one_line(error.problem)}\nNothing of it was run.{choices}") from None


def _result_of(part: Any, arguments: dict[str, Any]) -> Any:
    from flowrpc.errors import FlowrpcError, InvalidValueError
    from flowrpc.state.values import copy_value

    from flowrpc_client.client_part import traceback_of
    from flowrpc_client.commands.plain import as_plain
    from flowrpc_client.errors import ClientPartError

    try:
        result = part(**arguments)
    except FlowrpcError:
        raise
    except Exception as error:  # the client part is user code, and ends here
        click.echo(traceback_of(error, part.source), err=True)
        raised = f"the client part of {part.source.command!r} raised {type(error).__name__}: {error}"
        raise ClientPartError(raised) from error
    try:
        return copy_value(as_plain(result), f"the result of the client part of {part.source.command!r}")
    except InvalidValueError as error:
        raise ClientPartError(str(error)) from None
