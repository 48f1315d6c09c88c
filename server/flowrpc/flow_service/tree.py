"""The head: the live component tree, what was recorded of it, and the open revision that takes it in."""

from __future__ import annotations

import difflib
from typing import Any

from flowrpc.component.building import Restored, restore
from flowrpc.component.component import Component
from flowrpc.component.flow import LightningFlow
from flowrpc.component.work import LightningWork
from flowrpc.errors import CallError
from flowrpc.flow_service.catalogue import Catalogue
from flowrpc.flow_service.revision_builder import RevisionBuilder
from flowrpc.flow_service.routes import RouteTable
from flowrpc.state import Change, ChangeLog
from flowrpc.state.records import ComponentRecord
from flowrpc.state.replica import Replica


class Tree:
    """Holds every component of an app, newer than anything that is durable.

    Args:
        root: The freshly built root flow.
        replica: What the store recovered; the root gets it.
    """

    def __init__(self, root: LightningFlow, replica: Replica) -> None:
        self.root = root
        self.restored: Restored = restore(root, replica.components.values())
        """What was recorded and has no place in the code any more."""
        self.log = ChangeLog()
        self.builder = RevisionBuilder(replica.revision + 1)
        self._components: dict[str, Component] = {}
        self._catalogue: Catalogue | None = None
        self._routes: RouteTable | None = None
        self._changed_at: dict[str, int] = {}
        self._recovered_at = replica.revision

    def begin_life(self, recorded: dict[str, ComponentRecord], context: Any) -> None:
        """Begins to record, and adds how the tree that the code built differs from the recorded one.

        Raises:
            ComponentError: Commands or routes of the tree cannot be served, or a work needs what nothing gives it.
        """
        self.root._check_supported(self.root.name)
        for component in self.root._walk():
            component.__dict__.update(_log=self.log, _context=context)
        gone = tuple(record.name for record in self.restored.missing)
        for name in gone:
            self.builder.drop(name)
        for component in self.root._walk():
            name = component.name
            if name in recorded and not any(name == top or name.startswith(top + ".") for top in gone):
                self.builder.catch_up(component, recorded[name].vars, migrated=name in self.restored.loaded)
            else:
                self.builder.introduce(component._record(dynamic=False))
        self.index()
        self.commands()
        self.routes()

    def index(self) -> None:
        """Looks at the tree anew after components came or went."""
        self._components = {component.name: component for component in self.root._walk()}
        self._catalogue = self._routes = None

    def find(self, name: str) -> Component:
        """Finds a component.

        Raises:
            CallError: There is none of that name.
        """
        component = self._components.get(name)
        if component is not None:
            return component
        close = next(iter(difflib.get_close_matches(name, self._components, n=1)), "")
        message = f"no component {name!r}" + (f"; did you mean {close!r}?" if close else "")
        raise CallError("UNKNOWN_COMPONENT", message, component=name, suggestion=close)

    def holds(self, component: Component) -> bool:
        """Tells whether a component is part of the tree (still)."""
        return self._components.get(component.name) is component

    def find_work(self, name: str) -> LightningWork | None:
        """Finds a work; None if there is none of that name (any more)."""
        component = self._components.get(name)
        return component if isinstance(component, LightningWork) else None

    def works(self) -> list[LightningWork]:
        """Returns all works by name."""
        works = [component for component in self._components.values() if isinstance(component, LightningWork)]
        return sorted(works, key=lambda work: work.name)

    def commands(self) -> Catalogue:
        """Returns the commands of all flows.

        Raises:
            ComponentError: They cannot be served.
        """
        if self._catalogue is None:
            self._catalogue = Catalogue(self.root)
        return self._catalogue

    def routes(self) -> RouteTable:
        """Returns the HTTP routes of all flows.

        Raises:
            ComponentError: They cannot be served.
        """
        if self._routes is None:
            self._routes = RouteTable(self.root)
        return self._routes

    def check_commands(self) -> None:
        """Checks that the commands and routes of the tree as it is now can be served.

        Raises:
            ComponentError: They cannot.
        """
        Catalogue(self.root)
        RouteTable(self.root)

    def fold(self) -> list[tuple[Any, str, Change]]:
        """Takes what was recorded into the open revision; returns owner, name and change of each change of a var."""
        entries = self.log.take()
        return list(self.builder.add(entries)) if entries else []

    def last_change(self, name: str) -> int:
        """Returns the revision that changed a component last, which may be the open one."""
        if name in self.builder.components():
            return self.builder.number
        return self._changed_at.get(name, self._recovered_at)

    def note_sealing(self) -> None:
        """Notes which components the open revision changes, before it is sealed."""
        for name in self.builder.components():
            self._changed_at[name] = self.builder.number
