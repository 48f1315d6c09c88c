"""A campaign: load on the stage, faults at seeded moments, and at the end the evidence."""

from __future__ import annotations

import asyncio
import json
import random
import signal
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flowrpc.errors import StoreError
from flowrpc.store import read as read_data_dir

from tests.crash.actors.calls import Calls, RefusedError, UnknownError
from tests.crash.actors.commander import Commander
from tests.crash.actors.reader import cancel, read
from tests.crash.actors.watcher import Watcher
from tests.crash.faults.table import FAULTS, Fault
from tests.crash.history import state_digest
from tests.crash.processes import count_of, marked, runners_below, tell, wait_until_reaped
from tests.crash.stage import NeverCameBackError, Stage, StageOptions

QUIET_SECONDS = 300.0
"""How long runs may take to end when no fault strikes any more …"""
_SPOILT_SECONDS = 90.0
"""… and with a bug, which may keep them from it."""
REST_SECONDS = 30.0
_WARM_SAMPLES = 20
_PAUSE = (0.05, 0.5)
"""Between which seconds a pause between two faults is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a campaign does."""

    seed: int
    folder: Path
    kills: int = 0
    operations: int = 0
    """It goes on until both are reached, or the time is over."""
    seconds: float = 600.0
    faults: tuple[str, ...] = ()
    """Kinds to choose from; empty: none."""
    pairs: int = 0
    """How many pairs of faults at the same time, instead of single ones."""
    each_once: bool = False
    """Whether each kind strikes once, in order, instead of by chance."""
    commanders: int = 40
    bug: str = "none"
    new_id_on_retry: bool = False
    snapshots: int = 2_500
    failpoints: str = ""
    """What is set in the first life."""
    rest_seconds: float = 30.0
    """How long is waited at the end for what should have come by then."""
    works: tuple[str, ...] = ("near", "flaky", "slow", "greedy", "far", "far_too")
    deltas: int = 400
    """How many items a run of a work appends."""
    script: Callable[[Campaign], Awaitable[None]] | None = None
    """What is done to the app instead of chosen faults."""


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What came of it, apart from the histories."""

    kills: int = 0
    commands: int = 0
    deltas: int = 0
    lives: int = 0
    struck: list[str] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    problem: str = ""
    """Why it ended before its time."""

    @property
    def operations(self) -> int:
        """How many operations were acknowledged."""
        return self.commands + self.deltas


class Campaign:
    """Runs one campaign."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self.dice = random.Random(order.seed)
        chosen = [FAULTS[name] for name in order.faults]
        self._shim = any(fault.needs == "shim" for fault in chosen) or order.script is not None
        self.stage = Stage(
            StageOptions(
                folder=order.folder,
                bug=order.bug,
                snapshots=order.snapshots,
                environment={"TORTURE_DELTAS": str(order.deltas), "TORTURE_WORKS": ",".join(order.works)},
                shim=self._shim,
                disk=any(fault.needs == "disk" for fault in chosen),
            )
        )
        self.outcome = Outcome()
        self.commanders: list[Commander] = []
        self.watchers: list[Watcher] = []
        self._stopping = asyncio.Event()
        self._writers_stopping = asyncio.Event()
        self._samples: list[dict[str, int]] = []
        self._actors: list[asyncio.Task[None]] = []
        self._channels: list[Calls] = []
        self._deltas = _DeltaCount(self.stage.histories)

    async def run(self) -> Outcome:
        """Runs it to its end; what went wrong is in the outcome, what it left in the folder."""
        began = time.monotonic()
        books = asyncio.create_task(self._keep_books())
        try:
            await self.stage.open(self.order.failpoints)
            self._begin_load()
            await self._strike(began)
            await self._come_to_rest()
            self._compare_counts()
            await self._end()
        except NeverCameBackError as error:
            self.outcome.problem = f"the service never came back: {str(error)[-500:]}"
        finally:
            await self._stop_load()
            books.cancel()
            await self.stage.close()
        self.outcome.kills = self.stage.kills
        self.outcome.commands = sum(commander.acknowledged for commander in self.commanders)
        self.outcome.deltas = self._deltas.total()
        self.outcome.seconds = time.monotonic() - began
        self.stage.archive.save(self.stage.folder / "journal.pickle")
        return self.outcome

    @property
    def acknowledged(self) -> int:
        """How many operations were acknowledged so far."""
        return sum(commander.acknowledged for commander in self.commanders) + self.deltas

    @property
    def deltas(self) -> int:
        """How many deltas of works were acknowledged so far."""
        return self._deltas.total()

    def was_told(self, facts: dict[str, Any]) -> bool:
        """Whether a client was answered or shown a `revision`, or an agent told of the `seq` of a `run`."""
        if "run" in facts:
            run_id, attempt = facts["run"]
            return self._deltas.newest(run_id, attempt) >= int(facts["seq"])
        clients: list[Commander | Watcher] = [*self.commanders, *self.watchers]
        return max(client.revision for client in clients) >= int(facts["revision"])

    # Load

    def _begin_load(self) -> None:
        token = self.stage.token()
        direct = [f"127.0.0.1:{self.stage.port}"] * 3
        for address in (*direct, f"127.0.0.1:{self.stage.client_proxy.port}"):
            self._channels.append(Calls(address, token))
        recorder = self.stage.recorder
        for number in range(self.order.commanders):
            self.commanders.append(
                Commander(
                    f"c{number}",
                    self._channels[number % len(self._channels)],
                    recorder,
                    random.Random(f"{self.order.seed}-{number}"),
                    new_id_on_retry=self.order.new_id_on_retry,
                )
            )
        proxied = self._channels[-1]
        self.watchers = [
            Watcher("w-all", "root", self._channels[0], recorder),
            Watcher("w-proxied", "root", proxied, recorder),
            Watcher("w-bank", "root.bank", self._channels[1], recorder),
        ]
        dice = random.Random(f"{self.order.seed}-others")
        stopping = self._stopping
        for coroutine in (
            *(commander.run(self._writers_stopping) for commander in self.commanders),
            *(watcher.run(stopping) for watcher in self.watchers),
            read("r-direct", self._channels[0], recorder, dice, stopping),
            read("r-proxied", proxied, recorder, dice, stopping),
            cancel(self._channels[0], dice, stopping),
        ):
            self._actors.append(asyncio.create_task(coroutine))

    async def _keep_books(self) -> None:
        """Reads the journal now and then, before compaction deletes what is old."""
        while True:
            await asyncio.sleep(0.3)
            if len(self._samples) < _WARM_SAMPLES and (counts := self._counts()):
                self._samples.append(counts)
            with suppress(StoreError):
                self.stage.archive.read(self.stage.data_dir)

    async def _stop_load(self) -> None:
        self._stopping.set()
        self._writers_stopping.set()
        if self._actors:
            # If the service is gone for good, nobody is told anything any more.
            await asyncio.wait(self._actors, timeout=0.1 if self.outcome.problem else self.order.rest_seconds)
            for actor in self._actors:
                actor.cancel()
            for result in await asyncio.gather(*self._actors, return_exceptions=True):
                if isinstance(result, Exception) and not self.outcome.problem:
                    self.outcome.problem = f"an actor failed: {result!r}"
        self._actors = []
        for channel in self._channels:
            await channel.close()
        self._channels = []

    # Faults

    async def _strike(self, began: float) -> None:
        if self.order.script is not None:
            await self.order.script(self)
            return
        offered = [FAULTS[name] for name in self.order.faults if self._offers(FAULTS[name])]
        planned = self._plan(offered)
        while self._goes_on(planned, began):
            if offered:
                await asyncio.sleep(self.dice.uniform(*_PAUSE))
                faults = planned.pop(0) if planned else [self._choose(offered)]
                await self._let_loose(faults)
            else:
                await asyncio.sleep(0.1)
            await self.stage.recover()

    def _plan(self, offered: list[Fault]) -> list[list[Fault]]:
        if self.order.each_once:
            return [[fault] for fault in offered]
        pairs: list[list[Fault]] = []
        while len(pairs) < self.order.pairs:
            first, second = self.dice.sample(offered, 2)
            if not (first.exclusive and second.exclusive):
                pairs.append([first, second])
        return pairs

    def _goes_on(self, planned: list[list[Fault]], began: float) -> bool:
        if planned:
            return True
        if time.monotonic() - began > self.order.seconds:
            return False
        return self.stage.kills < self.order.kills or self.acknowledged < self.order.operations

    def _choose(self, offered: list[Fault]) -> Fault:
        return self.dice.choices(offered, [fault.weight for fault in offered])[0]

    def _offers(self, fault: Fault) -> bool:
        missing = self.stage.missing.get(fault.needs, "")
        if missing:
            self.outcome.skipped[fault.name] = missing
        return not missing

    async def _let_loose(self, faults: list[Fault]) -> None:
        names = [fault.name for fault in faults]
        self.stage.recorder.add("fault", names=names)
        self.outcome.struck += names
        seeds = [self.dice.random() for _ in faults]
        await asyncio.gather(
            *(
                fault.strike(self.stage, random.Random(seed))
                for fault, seed in zip(faults, seeds, strict=True)
            )
        )

    # The end

    async def _come_to_rest(self) -> None:
        """Stops the clients, lets every run end, and waits until the watchers have seen the last revision."""
        await self.stage.recover()
        if self.stage.shim is not None:
            self.stage.shim.heal()
        calls = Calls(self.stage.address, self.stage.token())
        self._channels.append(calls)
        await self._until(calls, "halt")
        await self._stop_writers()
        deadline = time.monotonic() + (QUIET_SECONDS if self.order.bug == "none" else _SPOILT_SECONDS)
        while time.monotonic() < deadline:
            await self.stage.recover()
            with suppress(UnknownError, RefusedError):
                seen = await calls.state("root", exclude_children=False)
                if all(run.status.terminal for run in seen.runs) and (seen.runs or not self.order.works):
                    break
            await asyncio.sleep(0.1)
        else:
            self.outcome.problem = "runs did not end though no fault struck any more"
        with suppress(UnknownError, RefusedError):
            await self._see_the_end(calls)
        await self._stop_load()

    async def _stop_writers(self) -> None:
        """The commanders end what they began; the others end with them, watchers after they saw everything."""
        self._writers_stopping.set()
        count = len(self.commanders)
        for actor in self._actors[count + len(self.watchers) :]:
            actor.cancel()
        if count:
            await asyncio.wait(self._actors[:count], timeout=self.order.rest_seconds)

    async def _until(self, calls: Calls, command: str) -> None:
        for _ in range(100):
            try:
                await calls.command(command, {}, "")
                return
            except (UnknownError, RefusedError):
                await asyncio.sleep(0.1)
                await self.stage.recover()

    async def _see_the_end(self, calls: Calls) -> None:
        whole = [watcher for watcher in self.watchers if watcher.revision]
        deadline = time.monotonic() + self.order.rest_seconds
        last = (await calls.state("root.board")).revision
        while time.monotonic() < deadline:
            if all(watcher.revision >= last for watcher in whole[:2]):
                return
            await asyncio.sleep(0.05)

    async def _end(self) -> None:
        """Reads the state that is served at last, and the one that the data directory holds after that."""
        calls = Calls(self.stage.address, self.stage.token())
        served = await calls.state("root", exclude_children=False)
        await calls.close()
        facts = {"served": {"revision": served.revision, "digest": state_digest(served.components)}}
        self.stage.legal.add(0)
        assert self.stage.flow is not None
        for process in filter(None, (self.stage.flow, self.stage.agent)):
            for zombie in await wait_until_reaped(process.pid, REST_SECONDS):
                self.stage.recorder.add("left", process=f"{zombie}, a zombie below {process.pid},")
        tell(self.stage.flow.pid, signal.SIGTERM)
        if not await self.stage.ended(REST_SECONDS):
            self.outcome.problem = "the service did not end when it was asked to"
        await self.stage.end_agent(signal.SIGTERM)
        await self.stage.end_life()
        try:
            stored = read_data_dir(self.stage.data_dir)
        except StoreError as error:
            self.stage.archive.problems.append(f"what is stored cannot be read: {error}")
        else:
            assert stored is not None
            digest = state_digest(stored.components.values())
            facts["stored"] = {"revision": stored.revision, "digest": digest}
        (self.stage.folder / "final.json").write_text(json.dumps(facts))
        for pid in marked(self.stage._mark):
            self.stage.recorder.add("left", process=str(pid))

    # Files and threads

    def _counts(self) -> dict[str, int]:
        """Counts what the far agent has; nothing while it does not execute all of its works."""
        agent = self.stage.agent
        far = sum(name.startswith("far") for name in self.order.works)
        if agent is None or agent.returncode is not None or len(runners_below(agent.pid)) != far:
            return {}
        return {f"agent {agent.pid} {kind}": count_of(agent.pid, kind) for kind in ("fd", "task")}

    def _compare_counts(self) -> None:
        """Compares with the most that there was while it warmed up, if it is the same process still."""
        if len(self._samples) < _WARM_SAMPLES:
            return
        for name, after in self._counts().items():
            before = [sample[name] for sample in self._samples if name in sample]
            if before:
                self.stage.recorder.add("count", name=name, before=max(before), after=after)


class _DeltaCount:
    """Counts the deltas of works that agents were told are durable, out of what the agents write down."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: dict[Path, int] = {}
        self._newest: dict[tuple[str, int], int] = {}

    def newest(self, run_id: str, attempt: int) -> int:
        self.total()
        return self._newest.get((run_id, attempt), 0)

    def total(self) -> int:
        for path in self._folder.glob("agent-*.jsonl"):
            with path.open("rb") as file:
                file.seek(self._read.get(path, 0))
                data = file.read()
            whole = data[: data.rfind(b"\n") + 1]
            self._read[path] = self._read.get(path, 0) + len(whole)
            for line in whole.splitlines():
                facts = json.loads(line)
                if facts["kind"] == "ack":
                    key = facts["run_id"], facts["attempt"]
                    self._newest[key] = max(self._newest.get(key, 0), facts["seq"])
        return sum(self._newest.values())
