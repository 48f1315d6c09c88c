"""Transitions: a pass, a command, an update or a frame of an agent, whole or not at all."""

from __future__ import annotations

from typing import NamedTuple

from flowrpc.flow_service.calls import FlowCalls
from flowrpc.flow_service.instant import Instant
from flowrpc.flow_service.ledger import Ledger
from flowrpc.flow_service.tree import Tree


class Transition(NamedTuple):
    """What a transition can be taken back to."""

    log: int
    ledger: int
    stopped: int


class Transitions:
    """Begins transitions, and takes back what one of them did to state, runs and works."""

    def __init__(self, tree: Tree, ledger: Ledger, calls: FlowCalls) -> None:
        """Takes what transitions change."""
        self._tree = tree
        self._log = tree.log
        self._ledger = ledger
        self._calls = calls

    def begin(self, now: Instant, *, in_pass: bool, undoable: bool = False) -> Transition:
        """Begins a transition.

        Args:
            now: When it happens.
            in_pass: Whether calls of blocking works may unwind it.
            undoable: Whether `undo` will restore the tree; otherwise only the record of it.
        """
        self._log.undoable = undoable
        mark = len(self._log.entries)
        self._calls.begin(in_pass=in_pass, now=now.wall, mark=mark)
        return Transition(mark, self._ledger.mark(), len(self._calls.stopped))

    def complete(self) -> None:
        """Ends an undoable transition."""
        self._calls.end()
        self._log.undoable = False

    def changed_since(self, transition: Transition) -> bool:
        """Tells whether anything was recorded since the transition began."""
        return len(self._log.entries) > transition.log or self._ledger.mark() > transition.ledger

    def check_tree(self) -> None:
        """Checks a tree that components came into, while the transition can still be taken back.

        Raises:
            ComponentError: Its commands could not be served.
        """
        if self._calls.tree_changed:
            self._tree.check_commands()

    def undo(self, transition: Transition) -> None:
        """Takes an undoable transition back."""
        self._calls.discard()
        self._log.undo(transition.log)
        self._undo_runs(transition)

    def drop(self, transition: Transition) -> None:
        """Drops the record of a transition, not what it did to the tree, which must not be used any more."""
        self._calls.discard()
        del self._log.entries[transition.log :]
        self._undo_runs(transition)

    def _undo_runs(self, transition: Transition) -> None:
        self._ledger.undo(transition.ledger)
        del self._calls.stopped[transition.stopped :]
