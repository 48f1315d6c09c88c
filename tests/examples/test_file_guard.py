"""The example `file_guard`: nights come by a schedule, and each is a graph of works."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from flowrpc.testing import AppProcess, SimulatedApp, run_app
from flowrpc_client import StateReplica

from tests.examples.conftest import SECONDS
from tests.examples.loading import EXAMPLES, load_example


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return load_example("file_guard", monkeypatch)


@pytest.fixture
def guard(example: ModuleType) -> SimulatedApp:
    """Simulated, with works that the test plays."""
    app = SimulatedApp(example.FileGuard, begin=datetime(2026, 5, 1, 12, tzinfo=UTC))
    app.settle()
    return app


def play(guard: SimulatedApp, night: int, *parts: str) -> None:
    """Plays the works of a night: what becomes of each is said in order."""
    for name in parts:
        work = guard.works[f"root.nights.{night}.{name}"]
        work.set(differences={"added": [f"of-{night}"]}).succeed() if name == "compare" else work.succeed()
        guard.settle()


def test_a_night_compares_when_both_parts_are_done(guard: SimulatedApp) -> None:
    assert guard.root.nights[0].digests[1].is_pending
    play(guard, 0, "digests.0")
    assert not guard.root.nights[0].compare.has_started
    play(guard, 0, "digests.1")
    assert guard.call("report") == [{"night": 1, "stage": "comparing"}]
    play(guard, 0, "compare")
    assert guard.call("report") == [{"night": 1, "stage": "done", "added": ["of-0"]}]


def test_nights_come_at_three_and_the_oldest_leave(guard: SimulatedApp) -> None:
    for night in range(5):
        play(guard, night, "digests.0", "digests.1", "compare")
        guard.advance(days=1)

    assert guard.now == datetime(2026, 5, 6, 12, tzinfo=UTC)
    assert [night["night"] for night in guard.call("report")] == [4, 5, 6]
    assert guard.root.begun == 6


def test_a_night_that_fails_is_tried_three_times_and_does_not_stop_the_next(guard: SimulatedApp) -> None:
    part = guard.works["root.nights.0.digests.0"]
    for _ in range(3):
        part.fail("disk gone", type="OSError")
        guard.advance(minutes=1)
    assert guard.call("report") == [{"night": 1, "stage": "failed"}]

    guard.advance(days=1)
    play(guard, 1, "digests.0", "digests.1", "compare")
    assert guard.call("report")[1]["stage"] == "done"


def test_a_night_survives_a_kill_and_the_loss_of_its_works(guard: SimulatedApp) -> None:
    play(guard, 0, "digests.0")
    guard.works["root.nights.0.digests.1"].set(files=7)
    guard.lose_works()
    guard.crash()
    guard.settle()

    night = guard.root.nights[0]
    assert (night.digests[0].has_succeeded, night.digests[1].is_pending) == (True, True)
    assert night.digests[1].files == 0  # that run begins again with the state of before
    play(guard, 0, "digests.1", "compare")
    assert guard.call("report")[0]["stage"] == "done"


def test_a_check_can_be_asked_for(guard: SimulatedApp) -> None:
    assert guard.call("check_now") == 2
    assert len(guard.root.nights) == 2


def test_hidden_files_are_left_out(example: ModuleType, tmp_path: Path) -> None:
    for name in ("b.txt", "sub/a.txt", ".git/config", "sub/.hidden"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert example.visible_files(tmp_path) == ["b.txt", "sub/a.txt"]


def night_of(app: AppProcess, number: int) -> dict[str, Any]:
    """Waits until a night is over; returns what it found."""

    def over(seen: StateReplica) -> bool:
        nights = [night["vars"] for night in seen.state()["structures"]["nights"]["flows"].values()]
        return any(night["number"] == number and night["stage"] in ("done", "failed") for night in nights)

    app.wait_for(over, timeout=SECONDS)
    report: Any = app.client.call("report")
    return dict(next(night for night in report if night["night"] == number))


@pytest.mark.slow
def test_what_changed_is_found_also_over_a_kill(tmp_path: Path) -> None:
    guarded = tmp_path / "guarded"
    guarded.mkdir()
    for name in ("kept", "changed", "gone"):
        (guarded / name).write_text(name)
    with run_app(
        EXAMPLES / "file_guard" / "app.py", timeout=SECONDS, env={"FILE_GUARD_ROOT": str(guarded)}
    ) as app:
        assert night_of(app, 1)["added"] == ["changed", "gone", "kept"]

        app.kill()
        (guarded / "changed").write_text("otherwise")
        (guarded / "gone").unlink()
        (guarded / "new").touch()
        app.start()
        assert app.client.call("check_now") == 2
        assert night_of(app, 2) == {
            "night": 2,
            "stage": "done",
            "added": ["new"],
            "removed": ["gone"],
            "changed": ["changed"],
        }
