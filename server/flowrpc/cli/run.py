"""`flowctl run`: serves the app of a file."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from flowrpc.cli.offer import offer_options
from flowrpc.errors import FlowrpcError, StoreFullError

if TYPE_CHECKING:
    from flowrpc.cli.background import Background
    from flowrpc.cli.reloading import Reloading

USAGE = 2
STORAGE_FAILED = 75


@click.command()
@click.argument("app_file", metavar="APP.py", type=click.Path(path_type=Path))
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path),
    callback=lambda ctx, parameter, given: (
        given or ctx.find_root().params.get("data_dir")
    ),  # before `run`, too
    help="Where state is kept.  [default: .flowrpc beside APP.py]",
)
@click.option(
    "--address", default="127.0.0.1:0", show_default=True, help="HOST:PORT to serve on; port 0: a free one."
)
@click.option(
    "--http",
    default="127.0.0.1:0",
    show_default=True,
    metavar="HOST:PORT",
    help="Where pages and HTTP routes are served; port 0: the one of the last time, or a free one.",
)
@click.option("--no-http", is_flag=True, help="Serve no HTTP.")
@click.option("--no-ui", is_flag=True, help="Leave out the dashboard; pages, routes and /docs stay.")
@click.option("--open", "open_page", is_flag=True, help="Open the page of the app in the browser, logged in.")
@click.option(
    "--http-name",
    "http_names",
    multiple=True,
    metavar="NAME",
    help="Another host name that HTTP is asked for by, behind a proxy for example; repeatable.",
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
@offer_options
@click.option("--tls-cert", type=click.Path(path_type=Path), help="Certificate of the server, PEM.")
@click.option("--tls-key", type=click.Path(path_type=Path), help="Its private key, PEM.")
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    help="What is shown of the log, on stderr.  [default: as the app says, else info]",
)
@click.option("--detach", "-d", is_flag=True, help="Run in the background; return when the app is served.")
@click.option(
    "--wait", is_flag=True, help="Run in the background; return when the app is ready, or has ended."
)
@click.option(
    "--wait-timeout",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="How long to wait at most; the app goes on all the same.  [default: no limit]",
)
@click.option(
    "--reload",
    "reloads",
    is_flag=True,
    help="Start the app anew, on the same state and address, when a Python file beside or below APP.py changes.",
)
@click.option("--tell-fd", type=int, hidden=True, help="Tells whoever waits for the start.")
@click.option(
    "--parent", type=int, hidden=True, help="Stops in order when this process, which started it, ends."
)
@click.pass_context
def run(  # noqa: PLR0917  # click passes them by name
    ctx: click.Context,
    app_file: Path,
    data_dir: Path | None,
    address: str,
    http: str,
    no_http: bool,
    no_ui: bool,
    open_page: bool,
    http_names: tuple[str, ...],
    fresh: bool,
    name: str | None,
    remote_works: tuple[str, ...],
    max_works: int | None,
    storage: str | None,
    cpus: float | None,
    memory: int | None,
    gpus: int | None,
    labels: tuple[tuple[str, str], ...],
    tls_cert: Path | None,
    tls_key: Path | None,
    log_level: str | None,
    detach: bool,
    wait: bool,
    wait_timeout: float | None,
    reloads: bool,
    tell_fd: int | None,
    parent: int | None,
) -> None:
    """Serve the app in APP.py until it ends.

    State is kept in the data directory: an app that was stopped or killed goes on where it was. Ctrl-C stops it.

    With --detach or --wait it runs in the background, and its output is in app.log in the data directory. Ctrl-C then
    ends the wait only; `flowctl stop` ends the app.

    Exit codes: 0 stopped, or in the background; 1 failed, 2 wrong options, app file or data directory, 70 a fault of
    flowrpc, 75 the storage failed or is full, 124 not ready in time and 130 Ctrl-C while waiting: the app still runs.
    """
    _refuse_choices(ctx)
    if open_page and no_http:
        raise click.UsageError("--open needs HTTP; leave out --no-http")
    if reloads:
        if detach or wait:
            raise click.UsageError(
                "--reload is for development, in the foreground: leave out --detach and --wait"
            )
        sys.exit(_tell_errors(_reloading(ctx).run))
    if detach or wait:
        sys.exit(_tell_errors(_background(ctx).start))
    if wait_timeout is not None:
        raise click.UsageError("--wait-timeout needs --wait or --detach")
    from flowrpc.cli.serving import Serving

    if parent is not None:
        from flowrpc.work_service.parent import die_with_parent

        die_with_parent(parent, signal.SIGTERM)
    serving = Serving(
        app_file=app_file.resolve(),
        data_dir=data_dir_of(app_file, data_dir),
        name=name or default_name(app_file.resolve()),
        address=address,
        http_address="" if no_http else http,
        http_names=http_names,
        ui=not no_ui,
        open_page=open_page,
        fresh=fresh,
        remote_works=remote_works,
        max_works=max_works,
        storage=storage,
        cpus=cpus,
        memory_bytes=memory,
        gpus=gpus,
        labels=dict(labels),
        tls_files=(tls_cert, tls_key),
        log_level=log_level,
        tell_fd=tell_fd,
    )
    sys.exit(_tell_errors(serving.run))


def data_dir_of(app_file: Path, given: Path | None) -> Path:
    """Returns the data directory of an app: the given one, else `.flowrpc` beside its file."""
    return (given or app_file.resolve().parent / ".flowrpc").resolve()


def default_name(app_file: Path) -> str:
    """Names an app after its file, or after its folder if the file is called `app` or `main` like so many."""
    return (
        app_file.parent.name if app_file.stem in ("app", "main") and app_file.parent.name else app_file.stem
    )


def _background(ctx: click.Context) -> Background:
    from flowrpc.cli.background import Background

    given = ctx.params
    app_file: Path = given["app_file"].resolve()
    return Background(
        app_file=app_file,
        data_dir=data_dir_of(app_file, given["data_dir"]),
        name=given["name"] or default_name(app_file),
        command=_again(ctx, "detach", "wait", "wait_timeout", "tell_fd"),
        wait=given["wait"],
        timeout=given["wait_timeout"],
    )


def _reloading(ctx: click.Context) -> Reloading:
    from flowrpc.cli.reloading import Reloading

    app_file = ctx.params["app_file"].resolve()
    return Reloading(
        app_file=app_file,
        data_dir=data_dir_of(app_file, ctx.params["data_dir"]),
        first=_again(ctx, "reloads"),
        again=_again(ctx, "reloads", "fresh", "open_page"),
    )


def _again(ctx: click.Context, *leave_out: str) -> list[str]:
    """Writes the call again, for another process, but for some parameters; the app's file is to be added."""
    from flowrpc.cli.background import foreground_command

    # It may have been said before `run`, which is written without what stands there.
    where = data_dir_of(ctx.params["app_file"], ctx.params["data_dir"])
    return [*foreground_command(ctx, frozenset({*leave_out, "data_dir"})), f"--data-dir={where}"]


def _refuse_choices(ctx: click.Context) -> None:
    """Refuses the options before `run` that choose a running app: this one is only about to run.

    Raises:
        click.UsageError: There is one.
    """
    before = ctx.parent.params if ctx.parent is not None else {}
    for name, instead in _CHOICES.items():
        if before.get(name) is not None:
            option = "--" + name.replace("_", "-")
            raise click.UsageError(
                f"{option} before `run` says how to reach a running app, and `run` starts one; {instead}"
            )


_CHOICES = {
    "app": "leave it out, or write --name after `run`",
    "address": "to serve there, write it after `run`",
    "token_file": "leave it out",
    "tls_ca": "leave it out; --tls-cert and --tls-key, after `run`, are what it serves with",
}


def _tell_errors(serve: Callable[[], int]) -> int:
    """Tells the user's mistakes in words, without our traceback."""
    try:
        return serve()
    except FlowrpcError as error:
        click.echo(f"Error: {error}", err=True)
        return STORAGE_FAILED if isinstance(error, StoreFullError) else USAGE
