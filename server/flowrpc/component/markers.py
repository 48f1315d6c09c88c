"""What a change log holds beside changes of vars: components that came and went."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from flowrpc.state import Value
from flowrpc.state.records import ComponentRecord

if TYPE_CHECKING:
    from flowrpc.component.component import Component


class Attached(NamedTuple):
    """A component took its place in the tree, or came along below one that did."""

    record: ComponentRecord
    """The component with the vars it had then."""
    parent: Component | None
    """Who it was placed in; None if it came along."""

    def undo(self, component: Component) -> None:
        """Takes the component out again."""
        if self.parent is not None:
            key = component.name.rpartition(".")[2]
            del self.parent._children[key]
            self.parent._forget_child(key)
            component._leave()


class Detached(NamedTuple):
    """A component lost its place, with everything below it."""

    name: str
    """The name that it had."""
    names: dict[Component, str]
    """The names that it and everything below it had."""
    parent: Component
    order: list[str]
    """The keys of all the parent's children before, in order."""
    content: tuple[tuple[Component, dict[str, Value], dict[str, Component]], ...] = ()
    """Vars and children that they had, as nothing records what happens to them outside; empty if never undone."""

    def undo(self, component: Component) -> None:
        """Puts the component back where it was, as it was."""
        for owner, vars_, children in self.content:
            owner._take_back(vars_, children)
        parent, key = self.parent, self.name.rpartition(".")[2]
        children = {**parent._children, key: component}
        parent._children.clear()
        parent._children.update({key: children[key] for key in self.order})
        component.__dict__["_parent"] = parent
        component._rename(self.name)
        assert parent._log is not None, "only a recorded tree is undone"
        component._enter(parent._log, parent._context, record=False)
        parent._recall_child(key)
