"""The log of what happened to a tree of components."""

from __future__ import annotations

from threading import get_ident
from typing import Any, TypeAlias

from flowrpc.errors import ComponentError
from flowrpc.state.changes import Inverse, Remove, Set, Splice
from flowrpc.state.owner import owner_name
from flowrpc.state.undo import restore

Entry: TypeAlias = tuple[Any, Any, Inverse | None]
"""An owner, what happened to it, and what takes that back, if the log is undoable.

What happened is a `Change`, or a marker of another room (attached, detached) that has `undo(owner)`.
"""


class ChangeLog:
    """Records the changes of one tree of components, in order."""

    __slots__ = ("entries", "thread", "undoable")

    def __init__(self, *, undoable: bool = False, thread: int | None = None) -> None:
        self.entries: list[Entry] = []
        """What happened since the last `take`."""
        self.undoable = undoable
        """Whether those who record give inverses."""
        self.thread = thread
        """The ident of the one thread that may set state; None lets any thread."""

    def record(self, owner: object, change: object, inverse: Inverse | None = None) -> None:
        """Adds an entry; those who record call it before they change anything.

        Raises:
            ComponentError: The calling thread may not set state.
        """
        if self.thread is not None and self.thread != get_ident():
            self.check_thread(owner)
        self.entries.append((owner, change, inverse))

    def check_thread(self, owner: object) -> None:
        """Raises ComponentError if the calling thread may not set state."""
        if self.thread is not None and self.thread != get_ident():
            raise ComponentError(
                f"{owner_name(owner)}: state may only be set from its own thread; "
                "hand the value over in a queue and set it in run"
            )

    def mark(self) -> int:
        """Returns a mark that `undo` goes back to; `take` ends it."""
        return len(self.entries)

    def undo(self, mark: int) -> None:
        """Takes back and drops every entry since the mark, the last one first, without recording.

        An entry without inverse is a marker of another room: its `undo(owner)` is called.
        """
        while len(self.entries) > mark:
            owner, change, inverse = self.entries.pop()
            if inverse is not None:
                restore(owner, inverse)
            elif isinstance(change, Set | Remove | Splice):
                raise RuntimeError(f"{change} of {owner_name(owner)} was recorded while undoable was False")
            else:
                change.undo(owner)

    def take(self) -> list[Entry]:
        """Returns the entries and starts with none."""
        taken = self.entries
        self.entries = []
        return taken
