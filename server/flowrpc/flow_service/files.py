"""The flow's part in handing files over: it marks the storage, holds references, and has what nobody needs removed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from threading import Thread

from flowrpc.storage.depot import Depot
from flowrpc.storage.exchange import contents_in
from flowrpc.storage.process import enter_flow
from flowrpc.storage.sweep import Referred, sweep_quietly
from flowrpc.store import Recovered


def default_storage(data_dir: Path) -> str:
    """Returns the URL of the storage of an app that was given none."""
    return (data_dir / "storage").resolve().as_uri()


def open_storage(url: str, recovered: Recovered) -> None:
    """Marks the storage as this app's, makes this process the flow's, and begins to sweep.

    Raises:
        StorageError: The storage cannot be used.
    """
    depot = Depot(url, recovered.journal_id)
    depot.mark()
    enter_flow(depot)
    if not depot.surely_empty:
        # Noted before anything can change; what is published from now on is too young for the sweep.
        referred = set(referred_to(recovered))
        Thread(target=sweep_quietly, args=[depot, referred], name="flowrpc-sweep", daemon=True).start()


def referred_to(recovered: Recovered) -> Iterator[Referred]:
    """Yields every content that state, runs and recipes refer to."""
    for component in recovered.replica.components.values():
        yield from contents_in(component.vars)
        if component.recipe is not None:
            yield from contents_in([list(component.recipe.args), component.recipe.kwargs])
    for record in recovered.records:
        yield from contents_in([list(record.run.args), record.run.kwargs, record.begin_vars])
