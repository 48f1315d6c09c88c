"""The contract of the app in a file, as `flowctl contract` and `flowctl client` need it."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from flowrpc.errors import AppLoadError, ComponentError, ContractError

if TYPE_CHECKING:
    from flowrpc.contract.building import Built

BROKEN = 1
USAGE = 2

package_option = click.option(
    "--package",
    metavar="NAME.vN",
    help="The protobuf package.  [default: the lock's, else made of the file's or its folder's name]",
)


def contract_of(app_file: Path, package: str | None) -> Built:
    """Makes the contract of an app with the numbers of the lock beside it; leaves with a message if it cannot."""
    from flowrpc.component.app_file import load_app
    from flowrpc.contract.building import build as build_contract
    from flowrpc.contract.building import package_of
    from flowrpc.contract.lock_file import read_lock
    from flowrpc.flow_service.catalogue import Catalogue

    sys.dont_write_bytecode = True  # for the rest of this process, which does nothing else
    try:
        with contextlib.redirect_stdout(sys.stderr):  # what the app prints is no part of our answer
            root = load_app(app_file).root
        before = read_lock(lock_file(app_file))
        name = app_file.stem if app_file.stem != "app" else app_file.resolve().parent.name
        chosen = package or (before.package if before else package_of(name))
        return build_contract(root, Catalogue(root).commands(), chosen, before)
    except (AppLoadError, ComponentError, ContractError) as error:
        fail(error)


def fail(error: Exception) -> NoReturn:
    """Tells what is wrong with the app file, its types or its lock, and leaves."""
    click.echo(f"Error: {error}", err=True)
    sys.exit(USAGE)


def lock_file(app_file: Path) -> Path:
    """Returns where the lock of an app is, or is to be."""
    from flowrpc.contract.lock_file import FILE_NAME

    return app_file.resolve().parent / FILE_NAME


def tell_breaks(built: Built) -> None:
    """Tells which changes break whom."""
    for one in built.breaks:
        click.echo(f"breaks: {one}", err=True)


def tell_unread(built: Built) -> None:
    """Tells which annotations of vars could not be read, once each."""
    for one in built.contract.unread:
        click.echo(f"note: {one}", err=True)
