"""The table of bugs: what each is, what brings it to light, and which checkers catch it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.crash.bugs import answering, living, storing, working

AFTER = "store.commit.after_fsync=kill@60"
"""Dies after a commit, before anybody is told of it."""
SNAPSHOT = "store.snapshot.after_cleaning=kill"
NONE: tuple[str, ...] = ()
"""No works: every commit holds what a client waits for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bug:
    """A bug to plant."""

    name: str
    plant: Callable[[], None]
    caught_by: frozenset[str]
    """Checkers of which at least one must find it."""
    failpoints: str = ""
    """What kills the first life."""
    script: str = "enough"
    """What is done to the app, by its name in `scripts.py`."""
    snapshots: int = 2_500
    new_id_on_retry: bool = False
    commanders: int = 10
    works: tuple[str, ...] = ("near", "far")
    deltas: int = 100


def _bug(
    plant: Callable[[], None],
    *caught_by: str,
    failpoints: str = "",
    script: str = "enough",
    snapshots: int = 2_500,
    new_id_on_retry: bool = False,
    commanders: int = 10,
    works: tuple[str, ...] = ("near", "far"),
    deltas: int = 100,
) -> Bug:
    return Bug(
        name=plant.__name__.replace("_", "-"),
        plant=plant,
        caught_by=frozenset(caught_by),
        failpoints=failpoints,
        script=script,
        snapshots=snapshots,
        new_id_on_retry=new_id_on_retry,
        commanders=commanders,
        works=works,
        deltas=deltas,
    )


_ALL = [
    _bug(storing.reply_before_commit, "C1", "C5", "C8", script="killed_when_told"),
    _bug(storing.acknowledge_before_commit, "C1", script="killed_when_told", deltas=4_000),
    _bug(storing.publish_before_commit, "C7", "C8", script="killed_when_told"),
    _bug(storing.commit_without_answers, "C2", failpoints=AFTER, works=NONE),
    _bug(storing.half_commit, "C4", "C6", script="enough_to_strike"),
    _bug(storing.snapshot_one_off, "C4", "C8", "C13", failpoints=SNAPSHOT, snapshots=80),
    _bug(storing.end_on_a_full_disk, "C13", script="full_disk"),
    _bug(storing.answer_while_read_only, "C1", "C8", script="killed_on_a_full_disk", works=NONE),
    _bug(storing.ignore_sync_error, "C13", "C3", "C1", script="sync_error"),
    _bug(
        answering.retry_with_a_new_id,
        "C2",
        "C6",
        failpoints=AFTER,
        new_id_on_retry=True,
        commanders=30,
        works=NONE,
    ),
    _bug(answering.other_answer_to_a_repeat, "C6", failpoints=AFTER, works=NONE),
    _bug(answering.stale_reads, "C5", script="enough_to_strike"),
    _bug(answering.watch_begins_late, "C7"),
    _bug(answering.resume_one_off, "C7", script="reset_clients"),
    _bug(working.accept_fenced_frames, "C2", "C10", script="late_frames", deltas=6_000),
    _bug(working.apply_resent_deltas_again, "C2", script="reset_agent", works=("far",), deltas=3_000),
    _bug(working.acknowledge_above_applied, "C1", "C12", failpoints=AFTER),
    _bug(working.keep_changes_of_lost_attempts, "C10", works=("flaky",)),
    _bug(working.end_runs_twice, "C9", script="cancelled", works=("slow",), deltas=1_600),
    _bug(living.outlive_the_parent, "C11", failpoints=AFTER),
    _bug(living.end_well_when_the_storage_failed, "C13", script="sync_error"),
]
BUGS = {bug.name: bug for bug in _ALL}
"""Every bug, by name."""
