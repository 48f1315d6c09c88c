"""`flowctl work`: executing works by hand, on any host."""

from __future__ import annotations

import socket
from pathlib import Path

import click

from flowrpc.cli.offer import offer_options


@click.group()
def work() -> None:
    """Execute works of an app that runs elsewhere."""


@work.command()
@click.argument("app_file", metavar="APP.py", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--work",
    "works",
    metavar="NAME",
    multiple=True,
    required=True,
    help="A work to execute, such as root.train, or a pattern: root.workers.*, or * for all. Repeatable.",
)
@click.option(
    "--flow", "address", metavar="HOST:PORT", required=True, help="Where the app's flow service is."
)
@click.option(
    "--token-file",
    metavar="FILE",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Holds the token of the role `work`.",
)
@click.option(
    "--agent-id", metavar="ID", help="Name of this agent, constant over restarts. [default: host name]"
)
@click.option(
    "--tls-ca",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Root certificates of the flow service; absent: no TLS.",
)
@click.option(
    "--files-dir",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where works have their files on this host.  [default: .flowrpc/files/ID beside APP.py]",
)
@click.option(
    "--max-works",
    type=click.IntRange(min=1),
    help="How many works to execute at a time, each in a process of its own.  [default: 64]",
)
@offer_options
@click.option(
    "--internal-ip",
    metavar="IP",
    help="Address of this host for the flow and other works.  [default: the one towards the flow]",
)
@click.option(
    "--public-ip",
    metavar="IP",
    default="",
    help="Address of this host on the internet, for works that serve.",
)
def serve(  # noqa: PLR0917 - click passes them by name
    app_file: Path,
    works: tuple[str, ...],
    address: str,
    token_file: Path,
    agent_id: str | None,
    tls_ca: Path | None,
    files_dir: Path | None,
    max_works: int | None,
    cpus: float | None,
    memory: int | None,
    gpus: int | None,
    labels: tuple[tuple[str, str], ...],
    internal_ip: str | None,
    public_ip: str,
) -> None:
    """Execute works of APP.py for the flow service at HOST:PORT, until Ctrl-C.

    Exit codes: 0 stopped, 2 wrong usage, 3 refused by the flow service.
    """
    from flowrpc.work_service.serve import MAX_WORKS, options_from
    from flowrpc.work_service.serve import serve as serve_works

    _check_address(address)
    options = options_from(
        app_file=app_file,
        works=works,
        address=address,
        token_file=token_file,
        agent_id=agent_id or socket.gethostname(),
        tls_ca=tls_ca,
        files_dir=files_dir,
        max_works=max_works or MAX_WORKS,
        cpus=cpus,
        memory=memory,
        gpus=gpus,
        labels=dict(labels),
        internal_ip=internal_ip,
        public_ip=public_ip,
    )
    raise SystemExit(serve_works(options))


def _check_address(address: str) -> None:
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise click.BadParameter(f"{address!r} is no HOST:PORT; write 127.0.0.1:50051", param_hint="'--flow'")
