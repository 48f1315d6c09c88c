"""`flowctl run`: serves the app of a file."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import click

from flowrpc.errors import FlowrpcError

USAGE = 2


@click.command()
@click.argument("app_file", metavar="APP.py", type=click.Path(path_type=Path))
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path),
    help="Where state is kept.  [default: .flowrpc beside APP.py]",
)
@click.option(
    "--address", default="127.0.0.1:0", show_default=True, help="HOST:PORT to serve on; port 0: a free one."
)
@click.option("--fresh", is_flag=True, help="Begin anew; the old state is moved to DATA_DIR/previous.")
@click.option("--name", help="Name of the app for --app.  [default: the file's or its folder's name]")
@click.option(
    "--remote-work",
    "remote_works",
    multiple=True,
    metavar="PATTERN",
    help="A work, or works (root.train, root.workers.*), that `flowctl work serve` executes elsewhere; repeatable.",
)
@click.option(
    "--max-works",
    type=click.IntRange(min=1),
    help="How many works to execute here at a time, each in a process of its own; others wait.  [default: 64]",
)
@click.option(
    "--storage",
    metavar="URL",
    help="Where works keep the files that they hand over: a folder that all hosts see, or what fsspec knows, such as "
    "s3://bucket/app; credentials come from the environment.  [default: DATA_DIR/storage]",
)
@click.option("--tls-cert", type=click.Path(path_type=Path), help="Certificate of the server, PEM.")
@click.option("--tls-key", type=click.Path(path_type=Path), help="Its private key, PEM.")
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    help="What is shown of the log, on stderr.  [default: as the app says, else info]",
)
def run(  # noqa: PLR0917  # click passes them by name
    app_file: Path,
    data_dir: Path | None,
    address: str,
    fresh: bool,
    name: str | None,
    remote_works: tuple[str, ...],
    max_works: int | None,
    storage: str | None,
    tls_cert: Path | None,
    tls_key: Path | None,
    log_level: str | None,
) -> None:
    """Serve the app in APP.py until it ends.

    State is kept in the data directory: an app that was stopped or killed goes on where it was. Ctrl-C stops it.

    Exit codes: 0 stopped, 1 failed, 2 wrong options, app file or data directory, 75 the storage failed.
    """
    from flowrpc.cli.serving import Serving

    serving = Serving(
        app_file=app_file.resolve(),
        data_dir=(data_dir or app_file.resolve().parent / ".flowrpc").resolve(),
        name=name or default_name(app_file.resolve()),
        address=address,
        fresh=fresh,
        remote_works=remote_works,
        max_works=max_works,
        storage=storage,
        tls_files=(tls_cert, tls_key),
        log_level=log_level,
    )
    sys.exit(_tell_errors(serving.run))


def default_name(app_file: Path) -> str:
    """Names an app after its file, or after its folder if the file is called `app` or `main` like so many."""
    return (
        app_file.parent.name if app_file.stem in ("app", "main") and app_file.parent.name else app_file.stem
    )


def _tell_errors(serve: Callable[[], int]) -> int:
    """Tells the user's mistakes in words, without our traceback."""
    try:
        return serve()
    except FlowrpcError as error:
        click.echo(f"Error: {error}", err=True)
        return USAGE
