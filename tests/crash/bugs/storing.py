"""Bugs around the commit: what is told too early, stored wrong, or not at all."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.crash.bugs.patching import HISTORY, put, strike, strikes

_EARLIEST = 40
"""The first revision that a life may die with: clients and works have begun by then."""
_HOLD_SECONDS = 120.0
"""How long a commit is held whose effects have left: the script kills the service before that."""

Names = Callable[[int, list[Any]], dict[str, Any] | None]
"""Says of a revision and of what left before it what a client or an agent is told by it; None: nothing that counts."""


def tell_early(chosen: Callable[[Any], bool], names: Names, *, publish: bool = False) -> None:
    """Has effects, or the revision, leave before the commit that they wait on; holds one such commit for good."""
    from flowrpc.flow_service.engine import Engine
    from flowrpc.store.sqlite import SQLiteStore
    from flowrpc.wire.journal import revision_bytes

    begin, commit = Engine.__init__, SQLiteStore.commit
    found: dict[str, Any] = {"published": 0}

    def begun(engine: Engine, make_core: Any, store: Any, deliver: Any, *args: Any, **kwargs: Any) -> None:
        def make(now: Any) -> Any:
            found["core"] = make_core(now)
            return found["core"]

        def deliver_once(revision: Any, data: bytes, effects: list[Any]) -> None:
            if revision is not None and revision.number <= found["published"]:
                deliver(None, b"", effects)
            else:
                deliver(revision, data, effects)

        found["deliver"] = deliver
        begin(engine, make, store, deliver_once, *args, **kwargs)

    def committed_late(store: Any, order: Any) -> bytes:
        core, number = found["core"], order.revision.number
        early = [effect for effect in core._outgoing.waiting if chosen(effect)]
        core._outgoing.waiting[:] = [effect for effect in core._outgoing.waiting if not chosen(effect)]
        if publish:
            found["published"] = number
            found["deliver"](order.revision, revision_bytes(order.revision), early)
        elif early:
            found["deliver"](None, b"", early)
        told = names(number, early) if number >= _EARLIEST else None
        if told is not None and not strikes(Path(os.environ[HISTORY])):
            strike(**told)
            time.sleep(_HOLD_SECONDS)
        return commit(store, order)

    put(Engine, "__init__", begun)
    put(SQLiteStore, "commit", committed_late)


def reply_before_commit() -> None:
    from flowrpc.flow_service.effects import Reply
    from flowrpc.protocol.answers import CommandOutcome

    def names(number: int, early: list[Any]) -> dict[str, Any] | None:
        answers = [effect.answer for effect in early if isinstance(effect.answer, CommandOutcome)]
        done = any(answer.revision == number and answer.failure is None for answer in answers)
        return {"revision": number} if done else None

    tell_early(lambda effect: isinstance(effect, Reply), names)


def acknowledge_before_commit() -> None:
    from flowrpc.flow_service.effects import Send
    from flowrpc.protocol.messages import Ack

    def names(number: int, early: list[Any]) -> dict[str, Any] | None:
        ack = early[-1].message if early else None
        return {"run": [ack.run_id, ack.attempt], "seq": ack.seq} if ack is not None else None

    tell_early(lambda effect: isinstance(effect, Send) and isinstance(effect.message, Ack), names)


def publish_before_commit() -> None:
    tell_early(lambda effect: False, lambda number, early: {"revision": number}, publish=True)


def commit_without_answers() -> None:
    from flowrpc.store.sqlite import SQLiteStore

    commit = SQLiteStore.commit
    put(SQLiteStore, "commit", lambda store, order: commit(store, replace(order, answers=())))


def half_commit() -> None:
    """Loses the bank's part of a transfer now and then."""
    from flowrpc.flow_service.revision_builder import RevisionBuilder

    seal = RevisionBuilder.seal
    count = 0

    def halved(builder: RevisionBuilder, time: Any) -> Any:
        nonlocal count
        revision = seal(builder, time)
        if any(delta.component == "root.bank" and not delta.attached for delta in revision.deltas):
            count += 1
            if count % 4 == 0:
                strike()
                kept = tuple(delta for delta in revision.deltas if delta.component != "root.bank")
                return replace(revision, deltas=kept)
        return revision

    put(RevisionBuilder, "seal", halved)


def snapshot_one_off() -> None:
    from flowrpc.store.compaction import Compactor

    write = Compactor._write

    def off(compactor: Compactor, replay: Any) -> None:
        replay.replica.revision += 1
        write(compactor, replay)

    put(Compactor, "_write", off)


def end_on_a_full_disk() -> None:
    from flowrpc.flow_service.engine import Engine

    def give_up(engine: Engine, core: Any, commit: Any, error: Exception) -> bytes:
        raise error

    put(Engine, "_wait_for_room", give_up)


def answer_while_read_only() -> None:
    """Tells clients that what waits for room was done."""
    from flowrpc.flow_service.effects import Reply
    from flowrpc.flow_service.engine import Engine

    wait = Engine._wait_for_room

    def answering(engine: Engine, core: Any, commit: Any, error: Any) -> bytes:
        replies = [effect for effect in core._outgoing.waiting if isinstance(effect, Reply)]
        core._outgoing.waiting[:] = [
            effect for effect in core._outgoing.waiting if not isinstance(effect, Reply)
        ]
        engine._deliver(None, b"", list(replies))
        return wait(engine, core, commit, error)

    put(Engine, "_wait_for_room", answering)


def ignore_sync_error() -> None:
    from flowrpc.errors import StoreError
    from flowrpc.store.database import Database

    commit = Database.commit

    def careless(database: Database, *args: Any) -> Any:
        try:
            return commit(database, *args)
        except StoreError:
            return None

    put(Database, "commit", careless)
