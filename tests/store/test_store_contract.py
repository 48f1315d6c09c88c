"""What every store promises, tried on each of them."""

import dataclasses
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from flowrpc.errors import StoreError, StoreLockedError
from flowrpc.protocol.answers import CommandOutcome, UpdateOutcome
from flowrpc.protocol.stored_answer import StoredAnswer
from flowrpc.state.records import AppStage, AppStatus, Revision, Run, RunRecord, RunStatus
from flowrpc.store import Applied, Commit, MemoryStore, SQLiteStore, Store
from flowrpc.wire.journal import revision_from_bytes

from tests.store.failing import failing_at

Counting = Callable[..., Revision]
Failing = Callable[[], AbstractContextManager[None]]

WINDOW = timedelta(hours=1)


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """Yields a store that was never opened."""
    made: Store
    if request.param == "memory":
        made = MemoryStore(answer_window=WINDOW)
    else:
        made = SQLiteStore(tmp_path / "data", answer_window=WINDOW)
    yield made
    made.close()


@pytest.fixture
def failing(store: Store) -> Failing:
    """Returns a context in which the store's next commit fails."""

    @contextmanager
    def no_sync() -> Iterator[None]:
        if isinstance(store, MemoryStore):
            store.fail_next_commit("no sync")
            yield
            return
        assert isinstance(store, SQLiteStore)
        failing_at(store, "COMMIT", sqlite3.SQLITE_IOERR_FSYNC)
        yield

    return no_sync


def run_record(ordinal: int, status: RunStatus = RunStatus.PENDING, applied_seq: int = 0) -> RunRecord:
    run = Run(run_id=f"run-{100 - ordinal}", work="root.train", call_key="k", args=(1, "a"), status=status)
    return RunRecord(
        run=run, ordinal=ordinal, begin_vars={"loss": 0.5}, applied_seq=applied_seq, consumed=True
    )


def command_answer(request_id: str, result: int) -> StoredAnswer:
    return StoredAnswer(
        request_id=request_id, digest=b"d" * 32, answer=CommandOutcome(result=result, revision=1)
    )


def test_new_store_is_empty_and_unseen(store: Store) -> None:
    recovered = store.open()

    assert (recovered.life, recovered.seen, recovered.replica.revision) == (1, False, 0)
    assert recovered.replica.components == {}
    assert recovered.journal_id


def test_open_again_recovers_the_state_and_counts_the_life(store: Store, counting: Counting) -> None:
    first = store.open()
    for number in range(1, 4):
        store.commit(Commit(revision=counting(number)))
    store.close()

    second = store.open()

    assert (second.journal_id, second.life, second.seen) == (first.journal_id, 2, True)
    assert second.replica.revision == 3
    assert second.replica.components["root"].vars == {"counter": 3, "text": ""}


def test_commit_returns_the_revision_as_clients_read_it(store: Store, counting: Counting) -> None:
    store.open()

    assert revision_from_bytes(store.commit(Commit(revision=counting(1)))) == counting(1)


def test_app_status_is_recovered(store: Store, counting: Counting) -> None:
    status = AppStatus(stage=AppStage.STOPPED, message="done")
    store.open()
    store.commit(Commit(revision=dataclasses.replace(counting(1), app=status)))
    store.close()

    assert store.open().replica.app == status


def test_newest_run_records_are_recovered_whole_in_the_order_of_requests(
    store: Store, counting: Counting
) -> None:
    ended = run_record(1, RunStatus.SUCCEEDED, applied_seq=7)
    store.open()
    store.commit(Commit(revision=counting(1), records=(run_record(1), run_record(2))))
    store.commit(Commit(revision=counting(2), records=(ended,)))
    store.close()

    assert store.open().records == (ended, run_record(2))


def test_answer_is_found_now_and_in_the_next_life(store: Store, counting: Counting) -> None:
    update = StoredAnswer(request_id="b", digest=b"e" * 32, answer=UpdateOutcome(revision=1))
    store.open()
    store.commit(Commit(revision=counting(1), answers=(command_answer("a", 5), update)))

    assert store.answer("a") == command_answer("a", 5)
    store.close()
    store.open()
    assert store.answer("a") == command_answer("a", 5)
    assert store.answer("b") == update
    assert store.answer("c") is None


def test_answers_are_forgotten_after_the_window_alone(store: Store, counting: Counting) -> None:
    """The n-th revision is of second n and the window is an hour."""
    store.open()
    store.commit(Commit(revision=counting(1), answers=(command_answer("old", 1),)))
    store.commit(Commit(revision=counting(2), answers=(command_answer("young", 2),)))
    at_the_edge = counting(1).time + WINDOW
    store.commit(Commit(revision=dataclasses.replace(counting(3), time=at_the_edge)))
    assert store.answer("old") is not None

    store.commit(Commit(revision=dataclasses.replace(counting(4), time=at_the_edge + timedelta(seconds=1))))

    assert store.answer("old") is None
    assert store.answer("young") is not None


def test_answers_are_forgotten_in_slices_until_all_are_gone(store: Store, counting: Counting) -> None:
    store.open()
    ids = [f"id-{number}" for number in range(1200)]
    store.commit(
        Commit(revision=counting(1), answers=tuple([command_answer(request_id, 1) for request_id in ids]))
    )
    later = counting(1).time + 2 * WINDOW
    for number in range(2, 20):
        store.commit(Commit(revision=dataclasses.replace(counting(number), time=later)))

    assert [request_id for request_id in ids if store.answer(request_id)] == []


@pytest.mark.parametrize("number", [1, 3])
def test_revision_that_does_not_follow_is_refused_and_nothing_happens(
    store: Store, counting: Counting, number: int
) -> None:
    store.open()
    store.commit(Commit(revision=counting(1)))

    with pytest.raises(ValueError, match=f"revision {number} does not follow 1"):
        store.commit(Commit(revision=counting(number)))

    store.commit(Commit(revision=counting(2)))
    store.close()
    assert store.open().replica.revision == 2


def test_failed_commit_stops_the_store_until_it_is_opened_again(
    store: Store, counting: Counting, failing: Failing
) -> None:
    store.open()
    store.commit(Commit(revision=counting(1), answers=(command_answer("a", 1),)))
    with failing(), pytest.raises(StoreError):
        store.commit(Commit(revision=counting(2, text="x" * 100_000), answers=(command_answer("b", 2),)))

    with pytest.raises(StoreError, match="failed before"):
        store.commit(Commit(revision=counting(2)))
    with pytest.raises(StoreError, match="failed before"):
        store.answer("a")

    store.close()
    recovered = store.open()
    assert recovered.replica.revision == 1
    assert recovered.replica.components["root"].vars["counter"] == 1
    assert store.answer("b") is None
    store.commit(Commit(revision=counting(2)))


def test_request_that_is_answered_twice_fails_the_store(store: Store, counting: Counting) -> None:
    """Whoever commits looks for the first answer before; a second one may not replace it."""
    store.open()
    store.commit(Commit(revision=counting(1), answers=(command_answer("a", 1),)))
    with pytest.raises(StoreError):
        store.commit(Commit(revision=counting(2), answers=(command_answer("a", 2),)))

    store.close()
    assert store.open().replica.revision == 1
    assert store.answer("a") == command_answer("a", 1)


def test_store_that_is_not_open_refuses(store: Store, counting: Counting) -> None:
    with pytest.raises(StoreError, match="open"):
        store.commit(Commit(revision=counting(1)))
    store.open()
    store.close()
    with pytest.raises(StoreError, match="open"):
        store.answer("a")
    store.close()


def test_store_that_is_open_cannot_be_opened(store: Store, counting: Counting) -> None:
    store.open()

    with pytest.raises(StoreLockedError):
        store.open()

    store.commit(Commit(revision=counting(1)))


def test_memory_store_loses_nothing_in_a_crash(counting: Counting) -> None:
    store = MemoryStore()
    store.open()
    store.commit(Commit(revision=counting(1), answers=(command_answer("a", 1),)))
    store.crash()

    assert store.open().replica.revision == 1
    assert store.answer("a") == command_answer("a", 1)


def test_applied_deltas_are_recovered_for_the_attempt_they_belong_to(
    store: Store, counting: Counting
) -> None:
    first, second = (
        dataclasses.replace(one, run=dataclasses.replace(one.run, agent_id="far"))
        for one in (run_record(1, applied_seq=3), run_record(2))
    )
    store.open()
    store.commit(Commit(revision=counting(1), records=(first, second)))
    progress = (
        Applied(run_id=first.run.run_id, attempt=first.run.attempt, seq=9),
        Applied(run_id=second.run.run_id, attempt=second.run.attempt + 1, seq=7),
    )
    store.commit(Commit(revision=counting(2), applied=progress))
    store.close()

    assert [record.applied_seq for record in store.open().records] == [9, 0]


@pytest.mark.parametrize(
    ("status", "agent_id"), [(RunStatus.CANCELLED, "far"), (RunStatus.CANCELLED, ""), (RunStatus.PENDING, "")]
)
def test_what_was_applied_of_an_attempt_that_is_over_is_not_recovered(
    store: Store, counting: Counting, status: RunStatus, agent_id: str
) -> None:
    """A run that was cancelled, or is to be made again, says itself how far it got."""
    record = run_record(1, RunStatus.RUNNING)
    record = dataclasses.replace(record, run=dataclasses.replace(record.run, agent_id="far"))
    over = dataclasses.replace(record, run=dataclasses.replace(record.run, status=status, agent_id=agent_id))
    store.open()
    progress = Applied(run_id=record.run.run_id, attempt=record.run.attempt, seq=9)
    store.commit(Commit(revision=counting(1), records=(record,), applied=(progress,)))
    store.commit(Commit(revision=counting(2), records=(over,)))
    store.close()

    assert [record.applied_seq for record in store.open().records] == [0]


def test_forgotten_runs_are_gone(store: Store, counting: Counting) -> None:
    gone, kept = run_record(1), run_record(2)
    store.open()
    store.commit(
        Commit(revision=dataclasses.replace(counting(1), runs=(gone.run, kept.run)), records=(gone, kept))
    )
    store.commit(Commit(revision=dataclasses.replace(counting(2), forgotten_runs=(gone.run.run_id,))))
    store.close()

    recovered = store.open()

    assert recovered.records == (kept,)
    assert list(recovered.replica.runs) == [kept.run.run_id]
