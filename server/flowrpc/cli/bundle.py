"""`flowctl bundle`: packs the folder of an app for another host."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
from flowrpc_client.commands.settings import Settings, json_option

from flowrpc.errors import AppLoadError, BundleError, ComponentError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flowrpc.bundle import Concern, Contents

USAGE = 2
SUFFIXES = (".tar.gz", ".tgz")


@click.command()
@click.argument("app_file", metavar="APP.py", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    metavar="FILE.tar.gz",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where the bundle is written.",
)
@click.option("--list", "list_entries", is_flag=True, help="List what would go in, and write nothing.")
@click.option(
    "--ignored", "list_ignored", is_flag=True, help="List what stays behind, and why; write nothing."
)
@json_option
@click.make_pass_decorator(Settings, ensure=True)
def bundle(
    settings: Settings, app_file: Path, output: Path | None, list_entries: bool, list_ignored: bool
) -> None:
    """Pack what another host needs to serve APP.py, or its works: its folder.

    What .lightningignore files and the components' `lightningignore` name stays behind, and so do version control,
    virtual environments, caches and the app's own state. The same folder gives the same bytes.

    Exit codes: 0 done, 2 wrong options or app file, or a folder that cannot be packed.
    """
    from flowrpc.cli import bundle_report as report

    lists = list_entries or list_ignored
    if output is None and not lists:
        raise click.UsageError("give -o FILE.tar.gz to write a bundle, or --list to see what would be in it")
    if output is not None and not output.name.endswith(SUFFIXES):
        raise click.BadParameter(f"{output.name!r} does not end with .tar.gz", param_hint="'-o'")
    try:
        contents, found = _looked_through(app_file, output)
        if lists:
            report.write_lists(contents, found, settings, entries=list_entries, ignored=list_ignored)
        else:
            assert output is not None, "it was asked for above"
            _write(contents, found, output, settings)
    except (AppLoadError, BundleError, ComponentError) as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(USAGE)


def _looked_through(app_file: Path, output: Path | None) -> tuple[Contents, list[Concern]]:
    from flowrpc.bundle import concerns, read_contents

    app_file = app_file.resolve()
    contents = read_contents(app_file.parent, _patterns_of(app_file), output)
    for ignored in contents.ignored:
        if ignored.path == app_file.name:
            raise BundleError(
                f"{app_file} is left out by {ignored.reason} ({ignored.source}), and nothing runs without it; "
                f"keep it by a line !/{app_file.name} after that one"
            )
    return contents, concerns(contents)


def _patterns_of(app_file: Path) -> dict[str, tuple[str, ...]]:
    """Loads the app, which leaves nothing behind, and asks its components."""
    from flowrpc.component.app_file import load_app
    from flowrpc.component.lightningignore import lightningignores

    sys.dont_write_bytecode = True  # for the rest of this process, which does nothing else
    with contextlib.redirect_stdout(sys.stderr):  # what the app prints is no part of our answer
        return lightningignores(load_app(app_file).root)


def _write(contents: Contents, found: Sequence[Concern], output: Path, settings: Settings) -> None:
    from flowrpc.bundle import write_archive
    from flowrpc.cli import bundle_report as report

    refused = [concern for concern in found if concern.kind == "link outside"]
    if refused:
        raise BundleError("\n".join(f"{concern.path} {concern.message}" for concern in refused))
    report.write_archived(write_archive(contents, output), contents, found, settings)
