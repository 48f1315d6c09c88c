"""Transitions: a pass, a command, an update or a frame of an agent, whole or not at all."""

from __future__ import annotations

from typing import NamedTuple

from flowrpc.flow_service.calls import FlowCalls
from flowrpc.flow_service.instant import Instant
from flowrpc.flow_service.ledger import Ledger
from flowrpc.state import ChangeLog


class Transition(NamedTuple):
    """What a transition can be taken back to."""

    log: int
    ledger: int
    stopped: int


class Transitions:
    """Begins transitions, and takes back what one of them did to state, runs and works."""

    def __init__(self, log: ChangeLog, ledger: Ledger, calls: FlowCalls) -> None:
        """Takes what transitions change."""
        self._log = log
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
        self._calls.begin(in_pass=in_pass, now=now.wall)
        return Transition(len(self._log.entries), self._ledger.mark(), len(self._calls.stopped))

    def complete(self) -> None:
        """Ends an undoable transition."""
        self._log.undoable = False

    def changed_since(self, transition: Transition) -> bool:
        """Tells whether anything was recorded since the transition began."""
        return len(self._log.entries) > transition.log or self._ledger.mark() > transition.ledger

    def undo(self, transition: Transition) -> None:
        """Takes an undoable transition back."""
        self._log.undo(transition.log)
        self._undo_runs(transition)

    def drop(self, transition: Transition) -> None:
        """Drops the record of a transition, not what it did to the tree, which must not be used any more."""
        del self._log.entries[transition.log :]
        self._undo_runs(transition)

    def _undo_runs(self, transition: Transition) -> None:
        self._ledger.undo(transition.ledger)
        del self._calls.stopped[transition.stopped :]
