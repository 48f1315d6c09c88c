"""`flowctl contract`: makes an app's typed contract, checks it, and merges its lock."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import click

from flowrpc.cli.app_contract import (
    BROKEN,
    contract_of,
    fail,
    lock_file,
    package_option,
    tell_breaks,
    tell_unread,
)
from flowrpc.errors import ContractError

_app_file = click.argument("app_file", metavar="APP.py", type=click.Path(path_type=Path))
_FILE = click.Path(path_type=Path, dir_okay=False)


_folder_option = click.option(
    "-o",
    "--output",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where the .proto files are.  [default: contract beside APP.py]",
)


@click.group()
def contract() -> None:
    """Make the typed contract of an app: its commands and state as protobuf, for clients in any language."""


@contract.command()
@_app_file
@_folder_option
@package_option
@click.option("--allow-breaking", is_flag=True, help="Write it although clients of the last one break.")
def build(app_file: Path, output: Path | None, package: str | None, allow_breaking: bool) -> None:
    """Write the contract of APP.py, and the lock that keeps its numbers.

    DIR gets the .proto file of the app, what it imports, a buf.yaml and a descriptor set, and for HTTP openapi.json
    and schema.json; contract.lock.json goes beside APP.py. Commit the lock: it is what keeps the clients of yesterday
    working.

    Exit codes: 0 written, 1 clients would break and nothing was written, 2 wrong options, app file, types or lock.
    """
    from flowrpc.contract.lock_file import lock_text

    built = contract_of(app_file, package)
    tell_unread(built)
    if built.breaks and not allow_breaking:
        tell_breaks(built)
        click.echo("nothing was written; --allow-breaking writes it all the same", err=True)
        sys.exit(BROKEN)
    lock = lock_file(app_file)
    try:
        files = built.write(output or _folder(app_file))
        lock.write_text(lock_text(built.lock), encoding="utf-8")
    except (ContractError, OSError) as error:
        fail(error)
    for file in [*files, lock]:
        click.echo(str(file))


@contract.command()
@_app_file
@_folder_option
@package_option
def check(app_file: Path, output: Path | None, package: str | None) -> None:
    """Compare the types of APP.py with its lock, and with what was built of them.

    Says which change breaks whom. What is only new breaks nobody, but belongs into the lock before it is released. Of
    the files in DIR that contract build wrote, those that are there are to say what the app says now.

    Exit codes: 0 all is up to date, 1 clients would break, or the lock or a file is not up to date, 2 wrong options,
    app file, types or lock.
    """
    from flowrpc.contract.documents import stale_documents

    built = contract_of(app_file, package)
    tell_unread(built)
    if built.before is None:
        click.echo(f"there is no {lock_file(app_file)}; flowctl contract build writes it", err=True)
        sys.exit(BROKEN)
    if built.breaks:
        tell_breaks(built)
        sys.exit(BROKEN)
    stale = stale_documents(built, output or _folder(app_file))
    if built.stale:
        click.echo("no client breaks, but the lock lacks what is new: run flowctl contract build", err=True)
    for file in stale:
        click.echo(f"not up to date: {file}", err=True)
    if stale:
        where = f" -o {shlex.quote(str(output))}" if output else ""
        click.echo(f"run flowctl contract build {shlex.quote(str(app_file))}{where}", err=True)
    if built.stale or stale:
        sys.exit(BROKEN)
    click.echo(f"{lock_file(app_file).name} is up to date")


def _folder(app_file: Path) -> Path:
    return app_file.resolve().parent / "contract"


@contract.command()
@click.argument("base", type=_FILE)
@click.argument("ours", type=_FILE)
@click.argument("theirs", type=_FILE)
def merge(base: Path, ours: Path, theirs: Path) -> None:
    """Merge the locks of two branches into OURS; a merge driver of git.

    Numbers of OURS stay; what THEIRS added gets free ones where both took the same. Let git call it:

    \b
      git config merge.flowrpc.driver "flowctl contract merge %O %A %B"
      echo "contract.lock.json merge=flowrpc" >>.gitattributes

    Afterwards, flowctl contract build writes the .proto files again.

    Exit codes: 0 merged, 2 a file is no lock or of another package.
    """  # noqa: D301  # click reads the control character
    from flowrpc.contract.lock import Lock
    from flowrpc.contract.lock_file import lock_text, read_lock
    from flowrpc.contract.merge import merged

    try:
        mine, other = read_lock(ours), read_lock(theirs)
        if mine is None or other is None:
            raise ContractError(str(ours if mine is None else theirs), "is not there")
        # Git gives an empty base where both branches made the file.
        old = read_lock(base) if base.exists() and base.stat().st_size else None
        lock, moved = merged(old or Lock(package=mine.package), mine, other)
        ours.write_text(lock_text(lock), encoding="utf-8")
    except (ContractError, OSError) as error:
        fail(error)
    for one in moved:
        click.echo(f"renumbered: {one}", err=True)
