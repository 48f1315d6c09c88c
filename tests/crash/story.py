"""The story of a journal: what every revision says, folded once, beside a plain model of the app.

The model knows nothing of flowrpc. It takes the operations in the order in which they stand in the ledger, and knows
what each of them should have answered, and what the state should be after each revision.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from flowrpc.errors import FlowrpcError
from flowrpc.state.records import Revision, Run
from flowrpc.state.replica import Replica
from flowrpc.v1 import state_pb2
from flowrpc.wire.journal import revision_from_bytes

from tests.crash.apps.torture import ACCOUNTS, OPENING, PAGE
from tests.crash.history import Operation, bytes_digest, state_digest
from tests.crash.journal import Archive

WATCHED_PARTS = ("root.bank",)
WORKS = ("near", "flaky", "slow", "greedy", "far", "far_too")


@dataclass(slots=True)
class Model:
    """The app, as plainly as it can be written."""

    accounts: dict[str, int] = field(
        default_factory=lambda: {f"a{number}": OPENING for number in range(ACCOUNTS)}
    )
    values: dict[str, int] = field(default_factory=lambda: {"x": 0, "y": 0, "z": 0})
    count: int = 0
    hired: int = 0

    def do(self, operation: Operation) -> Any:
        """Returns what the operation should answer."""
        arguments = operation.arguments
        place, self.count = self.count, self.count + 1
        if operation.what == "transfer":
            source, target = arguments["source"], arguments["target"]
            self.accounts[source] -= arguments["amount"]
            self.accounts[target] += arguments["amount"]
            return [self.accounts[source], self.accounts[target]]
        if operation.what == "increment":
            self.values[arguments["name"]] += arguments["by"]
            return self.values[arguments["name"]]
        if operation.what == "hire":
            self.hired += 1
            return f"m{self.hired - 1}"
        return place


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An operation that happened."""

    op: str
    revision: int
    expected: Any
    """What the model says that it answered."""


@dataclass(slots=True, kw_only=True)
class Story:
    """What the journal tells."""

    last: int = 0
    numbers: list[int] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    notes: list[tuple[int, str]] = field(default_factory=list)
    """Revision and value of each note on the board."""
    digests: dict[tuple[str, int], str] = field(default_factory=dict)
    """By component and revision, where somebody saw it."""
    records: dict[int, str] = field(default_factory=dict)
    """The digest of each revision as clients see it."""
    touched: dict[str, list[int]] = field(default_factory=dict)
    """By component that is watched alone: the revisions that changed it."""
    runs: dict[str, list[tuple[int, Run]]] = field(default_factory=dict)
    """By run: each revision that tells of it."""
    final_digest: str = ""
    broken: list[str] = field(default_factory=list)
    """Revisions that cannot be folded, or hold a state that no sequence of whole operations makes."""
    work_problems: list[str] = field(default_factory=list)
    """Works whose items are not what one attempt of their run appended, each once and in order."""


class _Teller:
    def __init__(self, operations: Mapping[str, Operation], wanted: Iterable[tuple[str, int]]) -> None:
        self.story = Story()
        self._operations = operations
        self._wanted: dict[int, set[str]] = {}
        for component, revision in wanted:
            self._wanted.setdefault(revision, set()).add(component)
        self._model = Model()
        self._replica = Replica()
        self._newest_run: dict[str, Run] = {}

    def tell(self, archive: Archive) -> Story:
        story = self.story
        for number, data in archive.in_order():
            story.numbers.append(number)
            message = state_pb2.Revision.FromString(data)
            story.records[number] = bytes_digest(message.SerializeToString(deterministic=True))
            if not story.broken or number == self._replica.revision + 1:
                self._take(number, revision_from_bytes(data))
        story.last = self._replica.revision
        story.final_digest = state_digest(self._replica.components.values())
        return story

    def _take(self, number: int, revision: Revision) -> None:
        count = self._count()
        try:
            self._replica.fold(revision)
        except FlowrpcError as error:
            self.story.broken.append(f"revision {number} does not follow: {error}")
            return
        touched = {delta.component for delta in revision.deltas}
        for component in WATCHED_PARTS:
            if component in touched or revision.app is not None:  # the app's status belongs to every part
                self.story.touched.setdefault(component, []).append(number)
        if touched & {"root.ledger", "root.bank", "root.counters"}:
            self._take_entries(number, count)
        self._take_note(number, revision)
        self._take_runs(number, revision)
        for name in WORKS:
            if f"root.{name}" in touched or any(run.work == f"root.{name}" for run in revision.runs):
                self._check_work(number, name)
        for component in self._wanted.get(number, ()):
            self.story.digests[component, number] = self._digest(component)

    def _count(self) -> int:
        ledger = self._replica.components.get("root.ledger")
        return int(ledger.vars["count"]) if ledger is not None else 0  # type: ignore[arg-type]

    def _take_entries(self, number: int, before: int) -> None:
        vars_: Any = self._replica.components["root.ledger"].vars
        for index in range(before, vars_["count"]):
            page, place = divmod(index, PAGE)
            try:
                op = vars_["pages"][str(page)][place]
            except (KeyError, IndexError):
                self.story.broken.append(f"revision {number}: the ledger counts entry {index} and has it not")
                continue
            operation = self._operations.get(op)
            expected = self._model.do(operation) if operation is not None else None
            self.story.entries.append(Entry(op=op, revision=number, expected=expected))
        if vars_["count"] < before:
            self.story.broken.append(
                f"revision {number}: the ledger has {vars_['count']} entries, had {before}"
            )
        self._compare(number)

    def _compare(self, number: int) -> None:
        components: Any = self._replica.components
        for name, var, expected in (
            ("root.bank", "accounts", self._model.accounts),
            ("root.counters", "values", self._model.values),
        ):
            found = components[name].vars[var]
            if found != expected and len(self.story.broken) < 20:
                self.story.broken.append(
                    f"revision {number}: {name}.{var} is {found}; whole operations make it {expected}"
                )

    def _take_note(self, number: int, revision: Revision) -> None:
        for delta in revision.deltas:
            if delta.component == "root.board" and any(change.path[0] == "note" for change in delta.changes):
                note: Any = self._replica.components["root.board"].vars["note"]
                if note:
                    self.story.notes.append((number, note))
                return

    def _take_runs(self, number: int, revision: Revision) -> None:
        for run in revision.runs:
            self.story.runs.setdefault(run.run_id, []).append((number, run))
            newest = self._newest_run.get(run.work)
            if newest is None or _number_of(run) >= _number_of(newest):
                self._newest_run[run.work] = run

    def _check_work(self, number: int, name: str) -> None:
        run = self._newest_run.get(f"root.{name}")
        record = self._replica.components.get(f"root.{name}")
        if run is None or record is None:
            return
        items: Any = record.vars["items"]
        problem = _problem_with(items, run)
        if problem:
            self.story.work_problems.append(
                f"revision {number}: root.{name}, run {run.run_id} ({run.status.value}, attempt {run.attempt}, "
                f"number {_number_of(run)}): {problem}"
            )

    def _digest(self, component: str) -> str:
        components = self._replica.components
        if component == "root":
            return state_digest(components.values())
        return state_digest([components[component]] if component in components else [])


def tell(archive: Archive, operations: Mapping[str, Operation], wanted: Iterable[tuple[str, int]]) -> Story:
    """Folds a journal.

    Args:
        archive: Every revision.
        operations: What clients wanted, by token.
        wanted: Components and revisions whose digests are wanted.
    """
    return _Teller(operations, wanted).tell(archive)


def _number_of(run: Run) -> int:
    return int(run.args[0]) if run.args else 0  # type: ignore[arg-type]


def _problem_with(items: list[list[int]], run: Run) -> str:
    """Says what is wrong with the items of a work; nothing if they are what one attempt appended."""
    if not items:
        succeeded = run.status.value == "succeeded" and not run.prepares
        return "it succeeded and has no items" if succeeded else ""
    number, attempt, _ = items[-1]
    if items[-1][2] != len(items) - 1 or items[0] != [number, attempt, 0]:
        return f"{len(items)} items begin with {items[0]} and end with {items[-1]}"
    if number > _number_of(run):
        return f"items of call {number}, which was not made yet"
    if number == _number_of(run) and attempt != run.attempt:
        return f"its items are of attempt {attempt}"
    if run.status.value == "succeeded":
        wanted = [[_number_of(run), run.attempt, item] for item in range(int(str(run.args[1])))]
        if items != wanted:
            return f"it succeeded with {len(items)} items, the last is {items[-1]}"
    return ""
