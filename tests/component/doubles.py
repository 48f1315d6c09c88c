"""Components to try, and a tree that is recorded as a flow service records it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from flowrpc.component import Dict, LightningFlow, LightningWork, List
from flowrpc.component.component import Component
from flowrpc.flow_service.revision_builder import RevisionBuilder
from flowrpc.state import ChangeLog, Value
from flowrpc.state.records import ComponentRecord, Run, RunStatus, Tally
from flowrpc.state.replica import Replica


class Leaf(LightningWork):
    """A work with a var and an argument."""

    def __init__(self, size: Any = 0) -> None:
        super().__init__()
        self.size = size if isinstance(size, int) else 0
        self.found: Any = []

    def run(self, *args: Any) -> None:
        self.found = list(args)


class Branch(LightningFlow):
    """A flow with a var, a work and a list of works."""

    def __init__(self, label: str = "b") -> None:
        super().__init__()
        self.label = label
        self.data: Any = {}
        self.spare: Any = None
        self.leaf = Leaf(1)
        self.leaves = List(Leaf(2))


class Root(LightningFlow):
    """A root with a bit of everything."""

    def __init__(self) -> None:
        super().__init__()
        self.count: Any = 0
        self.data: Any = {"a": [1, {"b": 2}]}
        self.late: Any = None
        self.branch = Branch()
        self.works_ = List(Leaf(), Leaf(1))
        self.table = Dict(a=Leaf(), b=Branch("table"))

    def run(self) -> None:
        self.count += 1


class Context:
    """Stands for the ledger: notes what components ask of it."""

    def __init__(self, *runs: Run) -> None:
        self.calls: list[tuple[str, tuple[Value, ...], dict[str, Value]]] = []
        self.runs = runs
        self.stopped: list[str] = []
        self.placements = 0
        self.gone: list[str] = []

    def call(self, work: LightningWork, args: tuple[Value, ...], kwargs: dict[str, Value]) -> None:
        self.calls.append((work.name, args, kwargs))

    def latest(self, work: LightningWork) -> Run | None:
        return self.runs[-1] if self.runs else None

    def recent(self, work: LightningWork) -> Sequence[Run]:
        return self.runs

    def tally(self, work: LightningWork) -> Tally:
        return Tally(sum(run.status is RunStatus.SUCCEEDED for run in self.runs))

    def changed_vars(self, component: Component) -> dict[str, None]:
        return {}

    def stop(self, work: LightningWork) -> None:
        self.stopped.append(work.name)

    def placed(self) -> None:
        self.placements += 1

    def displaced(self, components: Iterable[Component]) -> None:
        self.gone += [component.name for component in components]


class RecordedTree:
    """A tree whose changes are recorded and folded into a replica."""

    def __init__(self, root: Component, *, records: Iterable[ComponentRecord] = ()) -> None:
        self.root = root
        self.log = ChangeLog(undoable=True)
        self.context = Context()
        self.replica = Replica(components=records)
        self.builder = RevisionBuilder(1)
        for component in root._walk():
            component.__dict__.update(_log=self.log, _context=self.context)
            if component.name not in self.replica.components:
                self.builder.introduce(component._record(dynamic=False))
        self.commit()

    def commit(self) -> None:
        """Folds what was recorded into the replica."""
        list(self.builder.add(self.log.take()))
        self.replica.fold(self.builder.seal(datetime(2030, 1, 1, tzinfo=UTC)))

    def records(self) -> list[ComponentRecord]:
        """Commits and returns what the store would hold."""
        self.commit()
        return list(self.replica.components.values())

    def changes(self) -> list[object]:
        """Lists what was recorded since the last commit."""
        return [change for _, change, _ in self.log.entries]


def snapshot(root: Component) -> list[Any]:
    """Notes everything that an undo has to bring back: names, identities, attributes, vars and their order."""
    return [
        (
            component.name,
            id(component),
            list(component._plain_vars(private=True).items()),
            [(key, id(child)) for key, child in component._children.items()],
            [id(item) for item in _items(component)],
            sorted(
                name for name in component.__dict__ if not name.startswith("_") or name in ("_order", "_next")
            ),
            id(component._parent),
            id(component._log),
        )
        for component in root._walk()
    ]


def _items(component: Component) -> list[Any]:
    if isinstance(component, Dict):
        assert list(component) == list(component._children)
        return list(component.values())
    return list(component) if isinstance(component, List) else []


def vars_of(root: Component) -> dict[str, list[tuple[str, Value]]]:
    """Lists the vars of a tree in order, by component."""
    return {component.name: list(component._plain_vars(private=True).items()) for component in root._walk()}
