"""`flowctl login`: a link that logs a browser in."""

from __future__ import annotations

import click

from flowrpc_client.commands.printing import write_json, write_line
from flowrpc_client.commands.settings import Settings, json_option


@click.command()
@click.option("--read-only", is_flag=True, help="The browser sees everything and changes nothing.")
@json_option
@click.make_pass_decorator(Settings, ensure=True)
def login(settings: Settings, read_only: bool) -> None:
    """Prints a link to the app's page, which logs one browser in, once."""
    from flowrpc_client.login_link import new_login_link
    from flowrpc_client.target import find_target

    with settings.connect() as client:
        address = client.app().http_address
    target = find_target(
        address=settings.address,
        token_file=settings.token_file,
        data_dir=settings.data_dir,
        app=settings.app,
        tls_ca=settings.tls_ca,
    )
    link = new_login_link(address, target.token(), "read" if read_only else "call", settings.tls_ca)
    if settings.json:
        write_json({"url": link})
    else:
        write_line(link)
