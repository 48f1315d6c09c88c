"""The engine on a real store: commits, spinning flows in bounded disk, failing storage."""

from __future__ import annotations

import queue
import threading
from pathlib import Path
from typing import Any

import pytest
from flowrpc import LightningFlow
from flowrpc.errors import ComponentError, StoreError
from flowrpc.flow_service.audit import AuditError
from flowrpc.flow_service.core import Core
from flowrpc.flow_service.events import CommandCalled
from flowrpc.store import MemoryStore, SQLiteStore

from tests.flow_service.engine_harness import Harness


class Spinning(LightningFlow):
    def __init__(self) -> None:
        self.counter = 0
        self.text = "x" * 500

    def run(self) -> None:
        self.counter += 1
        self.text = "y" * (self.counter % 900)

    def read(self) -> int:
        return self.counter

    def configure_commands(self) -> Any:
        return {"read": self.read}


class Quiet(LightningFlow):
    def __init__(self) -> None:
        self.items: list[int] = []
        self.thread = ""

    def run(self) -> None:
        self.thread = threading.current_thread().name

    def bypass(self) -> None:
        list.append(self.items, 1)
        self.thread = ""

    def configure_commands(self) -> Any:
        return {"bypass": self.bypass}


def disk_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


@pytest.mark.slow
def test_a_flow_that_spins_runs_on_in_bounded_disk_and_answers_meanwhile(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "data", snapshot_revisions=50)
    harness = Harness(Spinning(), store)
    sizes = []
    answers = 0
    for revision in harness.revisions():
        if revision.number % 100 == 0:
            sizes.append(disk_bytes(tmp_path / "data"))
            harness.engine.submit(CommandCalled(call_id=revision.number, command="read", arguments={}))
            assert harness.answer(revision.number).result > answers
            answers += 1
        if revision.number >= 1200:
            break
    assert harness.engine.stop(5)
    counter = harness.root.counter  # type: ignore[attr-defined]
    store.close()

    assert len(sizes) > 5
    assert max(sizes[3:]) < 3 * max(sizes[:3]), sizes
    found = store.open().replica.components["root"].vars["counter"]
    store.close()
    assert isinstance(found, int)
    assert 0 < found <= counter
    assert counter > 1200, "many passes are one revision"


def test_user_code_runs_in_the_engines_thread_and_no_other_may_set_state() -> None:
    root = Quiet()
    harness = Harness(root, MemoryStore())
    list(zip(range(2), harness.revisions(), strict=False))

    assert root.thread == "flowrpc-engine"
    with pytest.raises(ComponentError, match="its own thread"):
        root.thread = "mine"
    with pytest.raises(ComponentError, match="its own thread"):
        root.items.append(1)
    assert root.items == []
    assert harness.engine.stop(5)


def test_a_failing_store_ends_the_engine_and_nothing_is_delivered_of_it() -> None:
    store = MemoryStore()
    harness = Harness(Spinning(), store)
    delivered = [next(harness.revisions()).number]
    store.fail_next_commit("no room")

    with pytest.raises(StoreError, match="no room"):
        delivered.extend(revision.number for revision in harness.revisions())

    store.close()
    # An extend that raises keeps what came before: nothing was delivered that the store does not have.
    assert store.open().replica.revision == delivered[-1]


def test_the_audit_finds_what_was_not_recorded() -> None:
    harness = Harness(Quiet(), MemoryStore(), audit=True)
    harness.next()
    harness.engine.submit(CommandCalled(call_id=1, command="bypass", arguments={}))

    with pytest.raises(AuditError, match=r"root\.items changed without being recorded"):
        harness.answer(1)


def test_an_idle_engine_wakes_for_nothing() -> None:
    harness = Harness(Quiet(), MemoryStore())
    list(zip(range(2), harness.revisions(), strict=False))
    core_deadlines: list[float | None] = []
    original = Core.deadline

    def counted(self: Core) -> float | None:
        core_deadlines.append(original(self))
        return core_deadlines[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Core, "deadline", counted)
        with pytest.raises(queue.Empty):
            harness.delivered.get(timeout=0.3)
    assert core_deadlines in ([], [None]), "nothing to wake up for"
    assert harness.engine.stop(5)
