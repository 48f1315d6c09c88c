"""A story: the messages of one watch, and what a replica has after each of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from flowrpc.protocol.answers import Bookmark, SnapshotReason, StateSnapshot, WatchEnd, WatchUpdate
from flowrpc.state.records import AppStage, AppStatus, ComponentRecord, Delta, Revision, Run
from flowrpc.state.replica import Replica
from flowrpc.state.state_hash import state_hash
from flowrpc.v1 import flow_service_pb2 as pb
from flowrpc.wire.watch import encode_watch_update

from tests.contract.cases.notation import base64_of, written_component, written_run

JOURNAL = "019a0000-0000-7000-8000-000000000001"
OTHER_JOURNAL = "019a0000-0000-7000-8000-000000000002"
START = datetime(2026, 1, 1, tzinfo=UTC)
RUNNING = AppStatus(stage=AppStage.RUNNING)


class Story:
    """Is told message by message; what has to come of it is folded by the service's own code, and hashed afresh."""

    def __init__(self, name: str) -> None:
        """Begins before the first message."""
        self._name = name
        self._steps: list[dict[str, Any]] = []
        self._replica: Replica | None = None
        self._journal = ""

    def snapshot(
        self,
        revision: int,
        *parts: Sequence[ComponentRecord],
        runs: tuple[Run, ...] = (),
        journal: str = JOURNAL,
        reason: SnapshotReason = SnapshotReason.ASKED,
        hashed: bool = True,
    ) -> Self:
        """Sends a whole snapshot; the runs come with its last part."""
        whole = Replica(revision=revision, components=_joined(parts), runs=runs, app=RUNNING)
        for index, part in enumerate(parts):
            first, last = index == 0, index == len(parts) - 1
            if last:
                self._replica, self._journal = whole, journal
            self._send(
                StateSnapshot(
                    journal_id=journal,
                    revision=revision,
                    components=tuple(part),
                    runs=runs if last else (),
                    app=RUNNING if first else None,
                    first=first,
                    last=last,
                    reason=reason if first else None,
                    state_hash=state_hash(whole.components.values()) if last and hashed else "",
                )
            )
        return self

    def first_part(self, revision: int, *components: ComponentRecord) -> Self:
        """Sends the beginning of a snapshot whose end never comes."""
        part = StateSnapshot(
            journal_id=JOURNAL, revision=revision, components=components, runs=(), app=RUNNING, last=False
        )
        return self._send(part)

    def revision(self, number: int, *parts: Sequence[Delta], **facts: Any) -> Self:
        """Sends a revision in parts; the facts come with the first."""
        revisions = [
            Revision(number=number, time=_time(number), deltas=tuple(part), **(facts if index == 0 else {}))
            for index, part in enumerate(parts or ((),))
        ]
        for part in revisions[:-1]:
            self._send(part, more=True)
        self._fold(replace(revisions[0], deltas=tuple(delta for part in revisions for delta in part.deltas)))
        return self._send(revisions[-1])

    def part_of_revision(self, number: int, *deltas: Delta) -> Self:
        """Sends the beginning of a revision whose end never comes."""
        return self._send(Revision(number=number, time=_time(number), deltas=deltas), more=True)

    def bookmark(self, revision: int, *, hashed: bool = True) -> Self:
        """Tells how far the watch is."""
        assert self._replica is not None
        self._replica.revision = revision
        told = state_hash(self._replica.components.values()) if hashed else ""
        return self._send(Bookmark(journal_id=self._journal, revision=revision, state_hash=told))

    def end(self, end: WatchEnd) -> Self:
        """Ends the watch; what it means is read from its reason."""
        return self._send(end)

    def unknown(self) -> Self:
        """Sends what a newer service may say and nobody knows yet."""
        return self._add({"message": base64_of(pb.WatchStateResponse())})

    def breaks(self) -> Self:
        """Breaks the stream; the next message is the first one of the watch that goes on."""
        return self._add({"break": True})

    def refused(self, update: WatchUpdate) -> Self:
        """Sends what breaks the contract."""
        self._replica = None
        return self._add({"message": base64_of(encode_watch_update(update)), "refused": True})

    def mismatched(self, update: WatchUpdate) -> Self:
        """Sends a hash that is not the replica's: the next watch begins with a snapshot."""
        self._replica = None
        return self._add({"message": base64_of(encode_watch_update(update)), "mismatch": True})

    def plain(self) -> dict[str, Any]:
        """Makes what `watches.json` holds of it."""
        return {"name": self._name, "steps": self._steps}

    def _fold(self, revision: Revision) -> None:
        assert self._replica is not None
        self._replica.revision = revision.number - 1
        self._replica.fold(revision)
        self._replica.runs = {run.run_id: run for run in _kept(self._replica)}

    def _send(self, update: WatchUpdate, *, more: bool = False) -> Self:
        message = encode_watch_update(update)
        message.more = more
        return self._add({"message": base64_of(message)})

    def _add(self, step: dict[str, Any]) -> Self:
        self._steps.append({**step, "after": self._after()})
        return self

    def _after(self) -> dict[str, Any] | None:
        replica = self._replica
        if replica is None:
            return None
        return {
            "resume": {"after_revision": replica.revision, "journal_id": self._journal},
            "components": [written_component(record) for record in replica.components.values()],
            "runs": [written_run(run) for run in sorted(replica.runs.values(), key=lambda run: run.run_id)],
            "state_hash": state_hash(replica.components.values()),
        }


def _kept(replica: Replica) -> list[Run]:
    """Leaves out what a client forgets: all but the newest 20 ended runs of a work, and all of works that are gone."""
    kept: list[Run] = []
    for work in {run.work for run in replica.runs.values()} & replica.components.keys():
        runs = [run for run in replica.runs.values() if run.work == work]
        ended = sorted((run for run in runs if run.status.terminal), key=_age)
        kept += [run for run in runs if not run.status.terminal] + ended[-20:]
    return kept


def _age(run: Run) -> datetime:
    return run.requested_at or START


def _joined(parts: Sequence[Sequence[ComponentRecord]]) -> list[ComponentRecord]:
    joined: dict[str, ComponentRecord] = {}
    for record in (record for part in parts for record in part):
        before = joined.get(record.name)
        vars = record.vars if before is None else {**before.vars, **record.vars}
        joined[record.name] = replace(before or record, vars=dict(vars))
    return list(joined.values())


def _time(number: int) -> datetime:
    return START + timedelta(seconds=number)
