"""`flowctl client`: makes typed clients of an app, in the languages that people call it from."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from flowrpc.cli.app_contract import BROKEN, contract_of, fail, lock_file, package_option, tell_breaks
from flowrpc.errors import ContractError

if TYPE_CHECKING:
    from flowrpc.clients.package import Package
    from flowrpc.contract.building import Built

LANGUAGES = ("python", "go", "typescript", "java", "rust")


@click.group()
def client() -> None:
    """Make typed clients of an app: its commands as methods, its state with its types."""


@client.command()
@click.argument("app_file", metavar="[APP.py]", default="app.py", type=click.Path(path_type=Path))
@click.option("--lang", required=True, type=click.Choice(LANGUAGES), help="The language.")
@click.option(
    "-o",
    "--out",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where the client goes.  [default: client/LANG beside APP.py]",
)
@package_option
@click.option(
    "--unlocked", is_flag=True, help="Make it although the lock lacks something: its numbers may change."
)
@click.option(
    "--client",
    "go_client",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="Go: the folder of flowrpc.dev/go.  [default: client/go of the checkout that flowctl is of]",
)
def generate(
    app_file: Path,
    lang: str,
    out: Path | None,
    package: str | None,
    *,
    unlocked: bool,
    go_client: Path | None,
) -> None:
    """Make a typed client of APP.py, by default the app.py that is here.

    It is made of the contract, with the numbers of contract.lock.json: flowctl contract build writes that. In DIR the
    code of an earlier run is replaced. What else is there is left alone, and so are files that name versions, such as
    go.mod, once they are there.

    \b
    python      dataclasses and services on flowrpc_client; needs nothing else
    go          needs protoc-gen-go and protoc-gen-go-grpc
    typescript  needs protoc-gen-es
    java, rust  a Maven project, a crate: their builds make the code

    Exit codes: 0 written, 1 the lock is not up to date and nothing was written, 2 wrong options, app file, types or
    lock, a tool is missing or fails, or a file of somebody else is in the way.
    """  # noqa: D301  # click reads the control character
    from flowrpc.clients.folder import write

    if go_client is not None and lang != "go":
        raise click.UsageError("--client is for --lang go")
    built = contract_of(app_file, package)
    if not unlocked:
        _check_lock(app_file, built)
    folder = out or app_file.resolve().parent / "client" / lang
    try:
        made = _made(built, lang, folder, go_client)
        for file in write(made, folder, lang):
            click.echo(str(file))
    except ContractError as error:
        fail(error)
    click.echo(f"next: {made.next_step}", err=True)


def _check_lock(app_file: Path, built: Built) -> None:
    """Leaves if the numbers of a contract are not those that were promised."""
    if not built.stale:
        return
    tell_breaks(built)
    problem = "there is no" if built.before is None else "something is new that is not in"
    click.echo(
        f"{problem} {lock_file(app_file).name}: run flowctl contract build first, or take --unlocked for a client "
        "whose numbers may change; nothing was written",
        err=True,
    )
    sys.exit(BROKEN)


def _made(built: Built, language: str, out: Path, go_client: Path | None) -> Package:
    """Makes the client; each language is imported when it is wanted."""
    match language:
        case "python":
            from flowrpc.clients.python import python_package

            return python_package(built)
        case "go":
            from flowrpc.clients.go import go_package

            return go_package(built, client=go_client)
        case "typescript":
            from flowrpc.clients.typescript import typescript_package

            return typescript_package(built, out)
        case "java":
            from flowrpc.clients.java import java_package

            return java_package(built)
        case _:
            from flowrpc.clients.rust import rust_package

            return rust_package(built)
