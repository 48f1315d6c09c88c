"""The state of a component and what is below it, in the shape of a contract's message: nested, by Python's names."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from flowrpc.contract.runs import RUN_FIELD, RunParameters, run_value
from flowrpc.state.records import ComponentRecord, Run


def state_of(
    components: Iterable[ComponentRecord], works: RunParameters, newest_run: Callable[[str], Run | None]
) -> dict[str, Any]:
    """Nests the vars of components, parents first, and the newest runs of works; what is the framework's is left out.

    Args:
        components: The components.
        works: The parameters of each work whose runs have types.
        newest_run: Finds the newest run of a work.
    """
    built: dict[str, dict[str, Any]] = {}
    first: dict[str, Any] | None = None
    for record in components:
        node = built[record.name] = {name: value for name, value in record.vars.items() if name[0] != "_"}
        first = node if first is None else first
        parent, _, key = record.name.rpartition(".")
        if parent in built:
            built[parent][key] = node
        if record.name in works and (run := newest_run(record.name)) is not None:
            node[RUN_FIELD] = run_value(run, works[record.name])
    return first or {}
