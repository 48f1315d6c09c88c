"""A world: one flow with its disk, agents, clients and watchers, from a seed to the end of everything."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random

from flowrpc.errors import StoreError
from flowrpc.flow_service import publisher
from flowrpc.flow_service.events import StopRequested
from flowrpc.protocol.answers import CommandOutcome, UpdateOutcome

from tests.simulation import quiet
from tests.simulation.agent import AgentProcess
from tests.simulation.clients import Client
from tests.simulation.disk import Crash, Disk
from tests.simulation.faults import Fault, choose, strike
from tests.simulation.flow import LOCAL, FlowProcess
from tests.simulation.timeline import Timeline
from tests.simulation.truth import Truth, Violation
from tests.simulation.watchers import Watcher

BUSY_SECONDS = 4.0
"""How long clients want things and faults happen."""
PATIENCE_SECONDS = 150.0
"""How long everything may take to come to an end after the last fault."""
REST_SECONDS = 1.0
"""How long it takes at most until user code hears what reached its process."""
BEAT_SECONDS = 0.05
"""How long a beat and its answer are under way, on a link that is not slow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a seed."""

    seed: int
    digest: str
    events: int
    faults: tuple[Fault, ...]
    crashes: int
    """How often the flow or an agent was killed."""
    acknowledged: int
    """Commands and updates that were answered, and steps of works that became durable."""
    violations: tuple[Violation, ...]
    virtual_seconds: float


class World:
    """Everything of one seed.

    Args:
        seed: Of all that is left to chance.
        without: Numbers of faults that are left out.
        tell: Takes the log, for people.
    """

    def __init__(
        self, seed: int, *, without: Iterable[int] = (), tell: Callable[[str], None] | None = None
    ) -> None:
        self.seed = seed
        self.timeline = Timeline(seed, tell)
        random = Random(f"world {seed}")
        self.grace = random.choice((1.5, 3.0, 6.0))
        self.capacity = random.choice((0, 0, 2))
        self.outbox_bytes = random.choice((600, 4_000, 1_000_000))
        self.operations = random.randint(4, 16)
        self.audited = random.random() < 0.1
        self.remote: tuple[str, ...] = random.choice(((), ("root.pool",), ("*",)))
        self.kept_revisions = random.choice((3, 30, 10_000))
        self.late = 0.0
        self.partitioned_until = 0.0
        self.busy = True
        self.faulty = True
        self.released = False
        """Whether user code may end that waits until nothing goes wrong."""
        skipped = set(without)
        chosen = choose(random, until=BUSY_SECONDS, most=9)
        self.faults = tuple(fault for fault in chosen if fault.number not in skipped)
        self.crashes = 0
        self.truth = Truth(self)
        self.disk = Disk(random, self.truth.committed)
        self.flow: FlowProcess | None = None
        self.agents: dict[str, AgentProcess] = {}
        self._boots = 0
        self._remote_agents = [f"agent-{number}" for number in range(random.randint(1, 2))]
        self.clients = [Client(self, f"client-{number}") for number in range(random.randint(1, 4))]
        components = ("root", "root.pool", "root")[: random.randint(1, 3)]
        self.watchers = [Watcher(self, f"watcher-{n}", name) for n, name in enumerate(components)]

    # The life of the world

    def run(self) -> Outcome:
        """Runs everything, and checks it."""
        level, kept = logging.root.manager.disable, publisher.KEPT_REVISIONS
        logging.disable(logging.CRITICAL)
        publisher.KEPT_REVISIONS = self.kept_revisions
        try:
            self._live()
        except Exception as error:  # noqa: BLE001 - whatever breaks is a finding
            self.truth.fault(error)
        finally:
            logging.disable(level)
            publisher.KEPT_REVISIONS = kept
            for watcher in self.watchers:
                watcher.alive = False
        return self._outcome()

    def _live(self) -> None:
        self.start_flow()
        for name in self._remote_agents:
            self._start_agent(name)
        for fault in self.faults:
            self.timeline.at(fault.at, lambda fault=fault: strike(self, fault))  # type: ignore[misc]
        self.timeline.run(BUSY_SECONDS)
        self._heal()
        if not self._come_to_rest():
            self.truth.violate("liveness", f"still open: {self._open()}")
            return
        quiet.check_agreement(self)
        quiet.check_processes(self)
        self.released = True
        if not self.timeline.run(self.timeline.now + PATIENCE_SECONDS, self._over):
            self.truth.violate("liveness", f"never ended: {self._open()}")
            return
        quiet.check_end(self)

    def _come_to_rest(self) -> bool:
        """Waits until everything is calm, and still is when everybody has heard what was said last."""
        end = self.timeline.now + PATIENCE_SECONDS
        while self.timeline.run(end, self._calm):
            self.timeline.run(self.timeline.now + REST_SECONDS)
            if self.timeline.run(self.timeline.now + BEAT_SECONDS, self._calm):
                return True
        return False

    def _heal(self) -> None:
        """Lets nothing go wrong any more."""
        self.timeline.note("world", "heals")
        self.busy = self.faulty = False
        self.late = 0.0
        self.disk.crash_before = self.disk.crash_after = None
        if self.flow is not None:
            self.flow.crash_in_effects = None
            self.flow.thaw()
        for agent in list(self.agents.values()):
            agent.thaw()
            for runner in list(agent.runners.values()):
                runner.thaw()

    def _calm(self) -> bool:
        """Whether all runs have ended or wait to be let go, and nothing is on its way to anybody."""
        return not self._open() and self._quiet()

    def _over(self) -> bool:
        return self._calm() and all(run.status.terminal for run in self.truth.replica.runs.values())

    def _open(self) -> list[str]:
        """Names what keeps the world from being calm."""
        found = [f"{client.name} wants {client.current.token}" for client in self.clients if client.current]
        flow = self.flow
        if flow is None or not flow.accepting:
            return [*found, "the flow is away"]
        parked = {facts.run_id for facts in self.truth.attempts.values() if facts.live and facts.parked}
        blocked = {self.truth.replica.runs[i].work for i in parked if i in self.truth.replica.runs}
        found += [
            f"{run.run_id}/{run.attempt} of {run.work} is {run.status.value} at {run.agent_id}"
            for run in self.truth.replica.runs.values()
            if not run.status.terminal
            and run.run_id not in parked
            and run.work not in blocked
            and not (parked and self.capacity and not run.agent_id)  # it waits for room
        ]
        return found

    def _quiet(self) -> bool:
        """Whether nothing is on its way to anybody."""
        flow = self.flow
        if flow is None:
            return False
        attached = all(
            agent.session.attached and agent.connection is not None and agent.connection.calm
            for agent in self.agents.values()
        )
        unheard = any(runner.unheard for agent in self.agents.values() for runner in agent.runners.values())
        unsent = any(
            a.outbox for agent in self.agents.values() for a in agent.session._roster.attempts.values()
        )
        watching = all(
            watcher.replica.position is not None
            and (watcher.component != "root" or watcher.replica.revision == self.truth.replica.revision)
            for watcher in self.watchers
        )
        calm = attached and not unheard and not unsent and watching and not flow.core.wants_pass
        return calm and self._known_to(flow) == {agent.name for agent in self.agents.values()}

    def _known_to(self, flow: FlowProcess) -> set[str]:
        """Names the agents that the flow hears: one may not have noticed yet that its stream has ended."""
        return {info.agent_id for info in flow.core._dispatcher.agents()}

    def _outcome(self) -> Outcome:
        answers = (CommandOutcome, UpdateOutcome)
        acknowledged = sum(isinstance(one.acknowledged, answers) for one in self.truth.operations)
        steps = [len(record.vars.get("steps", ())) for record in self.truth.replica.components.values()]  # type: ignore[arg-type]
        return Outcome(
            seed=self.seed,
            digest=self.timeline.digest,
            events=self.timeline.events,
            faults=self.faults,
            crashes=self.crashes,
            acknowledged=acknowledged + sum(steps),
            violations=tuple(self.truth.violations),
            virtual_seconds=self.timeline.now,
        )

    # What the processes ask of it

    def lateness(self) -> float:
        """Tells how late the next timer fires."""
        return self.timeline.random.uniform(0.0, self.late) if self.late else 0.0

    def reachable_flow(self) -> FlowProcess | None:
        """Returns the flow if it is served."""
        flow = self.flow
        return flow if flow is not None and flow.accepting else None

    def flow_for(self, agent: AgentProcess) -> FlowProcess | None:
        """Returns the flow if an agent can dial it now."""
        cut_off = agent.agent_id != LOCAL and self.timeline.now < self.partitioned_until
        return None if cut_off else self.reachable_flow()

    def wake_watchers(self) -> None:
        for watcher in self.watchers:
            watcher.wake()

    @contextmanager
    def dying(self, flow: FlowProcess) -> Iterator[None]:
        """Is where a flow may be killed, or end because its storage failed."""
        try:
            yield
        except (Crash, StoreError):
            flow.die()

    # Begins and ends

    def start_flow(self) -> None:
        flow = self.flow = FlowProcess(self)
        flow.start()

    def flow_ended(self, flow: FlowProcess) -> None:
        """Takes the end of the flow: its agent dies with it, and somebody starts it again."""
        self.crashes += 1
        self.disk.crash_before = self.disk.crash_after = None
        self.flow = None
        local = self.agents.get(LOCAL)
        if local is not None:
            local.kill("dies with its flow")
        for watcher in self.watchers:
            self.timeline.after(self.timeline.random.uniform(0.0, 0.2), watcher.cut)
        self.timeline.after(self.timeline.random.choice((0.1, 0.5, 1.5)), self.start_flow)

    def place_local_agent(self) -> None:
        if LOCAL not in self.agents:
            self._start_agent(LOCAL)

    def stop_local_agent(self) -> None:
        local = self.agents.get(LOCAL)
        if local is not None:
            local.stop()

    def stop_app(self) -> None:
        flow = self.reachable_flow()
        if flow is not None:
            flow.submit(StopRequested(message="by a client"))

    def _start_agent(self, agent_id: str) -> None:
        if agent_id not in self.agents:
            self._boots += 1
            self.agents[agent_id] = AgentProcess(self, agent_id, self._boots)

    def agent_ended(self, agent: AgentProcess) -> None:
        """Takes the end of an agent: the flow is told of its own one, and somebody starts it again."""
        self.crashes += 1
        if self.agents.get(agent.agent_id) is agent:
            del self.agents[agent.agent_id]
        flow = self.flow
        if agent.agent_id != LOCAL:
            pause = self.timeline.random.choice((0.05, 1.0, 12.0))
            self.timeline.after(pause, lambda: self._start_agent(agent.agent_id))
        elif flow is not None and flow.alive and not flow.ending:
            flow.after(0.02, lambda: flow.agent_exited(agent.boot_id))
            flow.after(0.2, lambda: self._start_agent(LOCAL) if self.flow is flow else None)

    def freeze_agent(self, agent: AgentProcess) -> None:
        agent.freeze()
        for facts in self.truth.attempts.values():
            facts.excused = facts.excused or facts.boot_id == agent.boot_id


def run_seed(seed: int, *, without: Iterable[int] = (), tell: Callable[[str], None] | None = None) -> Outcome:
    """Runs one seed."""
    return World(seed, without=without, tell=tell).run()
