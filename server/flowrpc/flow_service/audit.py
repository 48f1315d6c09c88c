"""The audit: finds state that changed without being recorded."""

from __future__ import annotations

from collections.abc import Iterable

from flowrpc.component.component import Component
from flowrpc.errors import FlowrpcError
from flowrpc.state import same, untrack
from flowrpc.state.records import ComponentRecord, Revision
from flowrpc.state.replica import Replica


class AuditError(FlowrpcError):
    """Tells that a component's state is not what its recorded changes make of it."""


class Audit:
    """Folds every revision and compares the result with the live tree. It costs O(state) for each revision.

    It finds code in C that changes a tracked container without its methods: `heapq.heappush(self.items, x)`,
    `list.append(self.items, x)`.
    """

    def __init__(self, revision: int, components: Iterable[ComponentRecord]) -> None:
        """Begins at what the store recovered."""
        self._replica = Replica(revision=revision, components=[_copy(record) for record in components])

    def check(self, revision: Revision, root: Component) -> None:
        """Compares the tree with the fold up to this revision.

        Raises:
            AuditError: They differ.
        """
        self._replica.fold(revision)
        known = self._replica.components
        tree = {component.name: component for component in root._walk()}
        if known.keys() != tree.keys():
            raise AuditError(f"components came or went unrecorded: {sorted(known.keys() ^ tree.keys())}")
        for name, component in tree.items():
            _compare(component, known[name])


def _compare(component: Component, record: ComponentRecord) -> None:
    for var in {**component._var_names, **record.vars}:
        live = untrack(component.__dict__.get(var))
        if var not in record.vars or var not in component._var_names or not same(live, record.vars[var]):
            raise AuditError(
                f"{component.name}.{var} changed without being recorded: it is {live!r}, but the recorded changes "
                f"make {record.vars.get(var)!r}; "
                "something bypasses the methods of the container, such as heapq on a list"
            )


def _copy(record: ComponentRecord) -> ComponentRecord:
    vars_ = {name: untrack(value) for name, value in record.vars.items()}
    return ComponentRecord(
        name=record.name, kind=record.kind, type=record.type, vars=vars_, recipe=record.recipe
    )
