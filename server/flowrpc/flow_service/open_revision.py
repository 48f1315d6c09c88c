"""The open revision: what was recorded since the last one, and is not durable yet."""

from __future__ import annotations

from datetime import datetime

from flowrpc.component.work import LightningWork
from flowrpc.flow_service.dispatcher import Dispatcher
from flowrpc.flow_service.ledger import Ledger
from flowrpc.flow_service.tree import Tree
from flowrpc.state import Change
from flowrpc.state.records import Revision, RunRecord


class OpenRevision:
    """Gathers what the tree and the ledger recorded.

    Args:
        tree: The components, with the log of their changes.
        ledger: The runs.
        dispatcher: Tells works what the flow changed in them, and owes acknowledgements.
    """

    def __init__(self, tree: Tree, ledger: Ledger, dispatcher: Dispatcher) -> None:
        self._tree = tree
        self._log = tree.log
        self._builder = tree.builder
        self._ledger = ledger
        self._dispatcher = dispatcher

    @property
    def has_entries(self) -> bool:
        """Whether changes were recorded that are not folded yet."""
        return bool(self._log.entries)

    @property
    def is_empty(self) -> bool:
        """Whether nothing is in it, folded or not."""
        return not (
            self._log.entries
            or self._ledger.changed()
            or self._dispatcher.under_way.owes_acks
            or not self._builder.empty
        )

    @property
    def number_read(self) -> int:
        """The number of the revision that holds all that a transition just did or read."""
        return self._builder.number - self.is_empty

    def fold_if(self, count: int) -> None:
        """Folds what was recorded if there are so many entries."""
        if len(self._log.entries) >= count:
            self.fold()

    def fold(self, by_work: str = "") -> bool:
        """Folds what was recorded into the revision, and tells works what the flow changed in them.

        Args:
            by_work: The work that made the changes, which need not be told of them.

        Returns:
            Whether there was anything.
        """
        if not self._log.entries:
            return False
        told: dict[str, list[Change]] = {}
        for owner, name, change in self._tree.fold():
            if name != by_work and isinstance(owner, LightningWork) and str(change.path[0])[0] != "_":
                told.setdefault(name, []).append(change)
        busy = self._dispatcher.busy_works() if told else {}
        for name, changes in told.items():
            if name in busy:
                self._dispatcher.under_way.tell_changes(busy[name], tuple(changes))
        return True

    def take_runs(self) -> tuple[RunRecord, ...]:
        """Takes the runs that changed into the revision."""
        records: list[RunRecord] = []
        self._ledger.take(records.append, self._builder.forget_run)
        for record in records:
            self._builder.add_run(record.run)
        return tuple(records)

    @property
    def holds_nothing(self) -> bool:
        """Whether the revision itself is empty, after everything was folded and taken."""
        return self._builder.empty

    def seal(self, time: datetime) -> Revision:
        """Ends it; the next one is open then."""
        self._tree.note_sealing()
        return self._builder.seal(time)
