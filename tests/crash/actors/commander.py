"""Commanders: each does one operation after the other, and asks again under the same id until it is told."""

from __future__ import annotations

import asyncio
import itertools
import random
from typing import Any

from flowrpc_client.request_id import new_request_id

from tests.crash.actors.calls import Calls, RefusedError, UnknownError
from tests.crash.history import Recorder

ACCOUNTS = [f"a{number}" for number in range(8)]
COUNTERS = ["x", "y", "z"]


class Commander:
    """A client that writes.

    Args:
        name: Begins its tokens.
        calls: Its channel, shared with others.
        recorder: Where it writes what it does.
        dice: Decides what it does.
        new_id_on_retry: Whether it makes the mistake of retrying under a new id.
    """

    def __init__(
        self,
        name: str,
        calls: Calls,
        recorder: Recorder,
        dice: random.Random,
        *,
        new_id_on_retry: bool = False,
    ) -> None:
        self._name = name
        self._calls = calls
        self._recorder = recorder
        self._dice = dice
        self._numbers = itertools.count()
        self._new_id_on_retry = new_id_on_retry
        self.acknowledged = 0
        """How many of its operations were acknowledged."""
        self.revision = 0
        """The newest revision that it was told of."""

    async def run(self, stopping: asyncio.Event) -> None:
        """Works until told to stop; an operation that has an id is seen through, unless that takes too long."""
        while not stopping.is_set():
            await self._once(stopping)

    async def _once(self, stopping: asyncio.Event) -> None:
        op = f"{self._name}-{next(self._numbers)}"
        what, arguments = self._choose(op)
        if what == "update":
            expected = await self._revision_of_board()
            if expected is None:
                return
            arguments["expected"] = expected
        request_id = new_request_id() if self._dice.random() < 0.95 else ""
        self._recorder.add("invoke", op=op, what=what, arguments=arguments, request_id=request_id)
        if not await self._see_through(op, what, arguments, request_id, stopping):
            return
        if request_id and self._dice.random() < 0.02:  # asks again although it was told
            await self._see_through(op, what, arguments, request_id, stopping)

    async def _see_through(
        self, op: str, what: str, arguments: dict[str, Any], request_id: str, stopping: asyncio.Event
    ) -> bool:
        """Asks until there is an answer; returns whether it happened."""
        tries_left = 20
        while True:
            try:
                return await self._ask(op, what, arguments, request_id)
            except RefusedError as error:
                self._recorder.add("refused", op=op, reason=error.reason)
                if error.reason not in ("READ_ONLY", "DISK_FULL"):
                    return False
                await asyncio.sleep(0.2)
            except UnknownError:
                self._recorder.add("unknown", op=op)
                await asyncio.sleep(0.02)
            tries_left -= stopping.is_set()
            if not request_id or tries_left <= 0:
                return False
            if self._new_id_on_retry:
                request_id = new_request_id()

    async def _ask(self, op: str, what: str, arguments: dict[str, Any], request_id: str) -> bool:
        if what == "update":
            update = await self._calls.update(
                "root.board", "note", op, expected=arguments["expected"], request_id=request_id
            )
            self._recorder.add("ok", op=op, revision=update.revision, replayed=update.replayed)
            self.revision = max(self.revision, update.revision)
            self.acknowledged += not update.replayed
            return True
        outcome = await self._calls.command(what, {"op": op, **arguments}, request_id)
        failure = outcome.failure.type if outcome.failure is not None else ""
        self._recorder.add(
            "ok",
            op=op,
            result=outcome.result,
            failure=failure,
            revision=outcome.revision,
            replayed=outcome.replayed,
        )
        self.revision = max(self.revision, outcome.revision)
        self.acknowledged += not failure
        return not failure

    async def _revision_of_board(self) -> int | None:
        try:
            return (await self._calls.state("root.board")).revision
        except (UnknownError, RefusedError):
            await asyncio.sleep(0.02)
            return None

    def _choose(self, op: str) -> tuple[str, dict[str, Any]]:
        dice = self._dice
        number = dice.random()
        if number < 0.5:
            return "append", {}
        if number < 0.75:
            source, target = dice.sample(ACCOUNTS, 2)
            return "transfer", {"source": source, "target": target, "amount": dice.randint(1, 400)}
        if number < 0.95:
            return "increment", {"name": dice.choice(COUNTERS), "by": dice.randint(1, 5)}
        return ("hire", {}) if number < 0.96 else ("update", {})
