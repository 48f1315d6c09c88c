"""`flowctl state export` and `flowctl state import`: moving a state to another app or host."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from flowrpc_client.commands.settings import Settings

from flowrpc.errors import FlowrpcError, StoreError

_STANDARD = Path("-")


@click.command()
@click.option("--app", metavar="NAME", help="The running app of this name.")
@click.option(
    "--data-dir", type=click.Path(path_type=Path), help="The data directory of an app that runs, or does not."
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    default=_STANDARD,
    metavar="FILE",
    help="Where to write it, readable for you only.  [default: standard output]",
)
@click.make_pass_decorator(Settings, ensure=True)
def export(settings: Settings, app: str | None, data_dir: Path | None, output: Path) -> None:
    """Write the state of an app as JSON.

    Without options it is that of your running app. Every component is written with its vars, also those that the
    framework keeps: schedules, loops, the order of a List. Runs are not: an app that starts from the state asks for
    them anew.
    """
    from flowrpc.cli.moving import export_directory, export_running, is_served, write_private
    from flowrpc.state.export import export_text

    _choose(settings, app, data_dir)
    try:
        if settings.data_dir is not None and not is_served(settings.data_dir):
            export = export_directory(settings.data_dir)
        else:
            export = export_running(settings)
    except StoreError as error:
        raise click.ClickException(str(error)) from None
    text = export_text(export)
    if output == _STANDARD:
        click.echo(text, nl=False)
        return
    write_private(output, text)
    click.echo(
        f"exported {len(export.components)} components at revision {export.revision} to {output}", err=True
    )


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True))
@click.argument("app_file", metavar="APP.py", type=click.Path(path_type=Path))
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path),
    help="Where the state is written.  [default: .flowrpc beside APP.py]",
)
@click.option(
    "--fresh", is_flag=True, help="Replace the state that is there; it is moved to DATA_DIR/previous."
)
@click.make_pass_decorator(Settings, ensure=True)
def import_(settings: Settings, file: Path, app_file: Path, data_dir: Path | None, fresh: bool) -> None:
    """Begin the app in APP.py with an exported state.

    The state of FILE (- is standard input) becomes that of the data directory; `flowctl run APP.py` goes on from it as
    after any stop, with `load_state_dict` and all. Nothing is written unless the app can start from it. Runs are not
    part of a state: the flow asks for them anew.
    """
    from flowrpc.cli.moving import import_state
    from flowrpc.cli.run import data_dir_of

    data_dir = data_dir_of(app_file, data_dir or settings.data_dir)
    try:
        imported = import_state(_read(file), str(file), app_file, data_dir, fresh=fresh)
    except FlowrpcError as error:
        raise click.ClickException(str(error)) from None
    if imported.without_place:
        names = ", ".join(imported.without_place)
        click.echo(f"the code has no place for {names}; the first start keeps that in a file", err=True)
    click.echo(f"imported {imported.components} components into {data_dir}")
    click.echo(f"start it:  {imported.start}", err=True)


def _choose(settings: Settings, app: str | None, data_dir: Path | None) -> None:
    """Takes the options that stand behind the command; they count like those before it."""
    if app is not None and data_dir is not None:
        raise click.UsageError("--data-dir already chooses the app; leave out --app")
    if app is not None or data_dir is not None:
        settings.app, settings.data_dir, settings.address = app, data_dir, None


def _read(file: Path) -> str:
    try:
        return sys.stdin.read() if file == _STANDARD else file.read_text(encoding="utf-8")
    except OSError as error:
        raise click.ClickException(f"{file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise click.ClickException(
            f"{file}: is no export of a state, which is UTF-8; `flowctl state export` writes one"
        ) from None
