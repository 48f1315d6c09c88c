"""Whatever happens: no agent has more to do than it has room for, nothing starves, and all is given back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flowrpc import CloudCompute, LightningFlow, LightningWork, List
from flowrpc.flow_service.events import AgentsListed, CancelRequested
from flowrpc.protocol.answers import AgentInfo
from flowrpc.protocol.messages import (
    Accepted,
    CancelAttempt,
    Fence,
    Finished,
    HeldAttempt,
    Rejected,
    StartRun,
    StopRunner,
    Verdict,
    Welcome,
)
from flowrpc.protocol.resources import NOTHING, Resources
from flowrpc.state.records import Failure, FailureReason
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.flow_service.driver import Driver, FakeAgent

CANCELLED = Failure(reason=FailureReason.CANCELLED, message="cancelled")
BROKEN = Failure(reason=FailureReason.EXCEPTION, message="broken")
WORKS = 8
AGENTS = ("one", "two")
HAS = {
    "one": Resources(cpu_millis=2000, memory_bytes=4 * 2**30),
    "two": Resources(cpu_millis=3000, memory_bytes=2**30, gpus=2),
}
demands = st.builds(
    Resources,
    cpu_millis=st.sampled_from([0, 500, 1000, 2000, 3000]),
    memory_bytes=st.sampled_from([0, 2**30, 4 * 2**30]),
    gpus=st.sampled_from([0, 0, 1, 2]),
)


class Job(LightningWork):
    def __init__(self, compute: CloudCompute) -> None:
        super().__init__(
            parallel=True, raise_exception=False, cloud_compute=compute, orphan_grace=timedelta(seconds=20)
        )

    def run(self, number: int) -> None:
        raise AssertionError("a flow never executes a work")


class Root(LightningFlow):
    def __init__(self) -> None:
        self.jobs = List()

    def run(self) -> None: ...

    def ask(self, number: int, cpus: float, memory: int, gpus: int) -> None:
        """Adds a work, or calls one that there is again."""
        compute = CloudCompute(cpus=cpus, memory=memory, gpus=gpus)
        if number >= len(self.jobs):
            self.jobs.append(Job(compute))
        self.jobs[min(number, len(self.jobs) - 1)].run(
            self.jobs[min(number, len(self.jobs) - 1)].num_successes
        )

    def stop_job(self, number: int) -> None:
        self.jobs[number].stop()

    def drop_job(self, number: int) -> None:
        del self.jobs[number]

    def configure_commands(self) -> Any:
        return {command.__name__: command for command in (self.ask, self.stop_job, self.drop_job)}


class PlayedAgent:
    """An agent that does what real ones do: what it holds, it holds until it ended or is fenced."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.held: dict[tuple[str, int], tuple[StartRun, Resources]] = {}
        self.link: FakeAgent | None = None
        self.boots = 1


class Accounting(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.driver = Driver(Root)
        self.driver.settle()
        self.sessions = 0
        self.agents = {name: PlayedAgent(name) for name in AGENTS}
        self.needs: dict[str, Resources] = {}
        """By run: what its work asked for."""

    # The agents' side

    def attached(self) -> list[PlayedAgent]:
        return [agent for agent in self.agents.values() if agent.link is not None]

    def attach(self, agent: PlayedAgent) -> None:
        self.sessions += 1
        agent.link = FakeAgent(
            self.driver,
            session=self.sessions,
            agent_id=agent.name,
            boot_id=f"{agent.name}-{agent.boots}",
            resources=HAS[agent.name],
        )
        held = [HeldAttempt(run_id=run_id, attempt=number, last_seq=0) for run_id, number in agent.held]
        agent.link.attach(*held)
        self.listen()

    def listen(self) -> None:
        """Lets the agents hear what the flow said, in its order, until nobody says anything more."""
        while any(self.driver.sent.get(agent.link.session) for agent in self.attached() if agent.link):
            for agent in self.attached():
                assert agent.link is not None
                for message in self.driver.sent.pop(agent.link.session, []):
                    self.hear(agent, agent.link, message)

    def hear(self, agent: PlayedAgent, link: FakeAgent, message: Any) -> None:
        match message:
            case Welcome():
                for verdict in message.verdicts:
                    if verdict.verdict is not Verdict.CONTINUE:
                        agent.held.pop((verdict.run_id, verdict.attempt), None)
            case Fence():
                agent.held.pop((message.run_id, message.attempt), None)
            case StartRun():
                agent.held[message.run_id, message.attempt] = message, self.needs[message.work]
                link.say(Accepted(run_id=message.run_id, attempt=message.attempt))
            case CancelAttempt() | StopRunner():
                pass  # the process takes its time

    def end(self, agent: PlayedAgent, key: tuple[str, int], failure: Failure | None) -> None:
        del agent.held[key]
        assert agent.link is not None
        agent.link.say(Finished(run_id=key[0], attempt=key[1], seq=1, failure=failure))
        self.listen()

    # What happens

    @initialize(wanted=st.lists(demands, min_size=3, max_size=WORKS))
    def begin(self, wanted: list[Resources]) -> None:
        for name in AGENTS:
            self.attach(self.agents[name])
        for number, demand in enumerate(wanted):
            self.ask(number, demand)

    @rule(number=st.integers(0, WORKS - 1), demand=demands)
    def ask(self, number: int, demand: Resources) -> None:
        cpus = demand.cpu_millis / 1000
        self.driver.call("ask", number=number, cpus=cpus, memory=demand.memory_bytes, gpus=demand.gpus)
        self.note_needs()
        self.listen()

    def note_needs(self) -> None:
        for job in self.driver.root.jobs:
            self.needs[job.name] = job.cloud_compute.demand.resources

    @rule(name=st.sampled_from(AGENTS))
    def come(self, name: str) -> None:
        agent = self.agents[name]
        self.note_needs()
        if agent.link is None:
            self.attach(agent)

    @rule(name=st.sampled_from(AGENTS))
    def lose_the_stream(self, name: str) -> None:
        agent = self.agents[name]
        if agent.link is not None:
            agent.link.detach()
            agent.link = None
            self.listen()

    @rule(name=st.sampled_from(AGENTS))
    def die(self, name: str) -> None:
        """The process ends, and that is seen."""
        agent = self.agents[name]
        agent.held.clear()
        if agent.link is not None:
            agent.link.exit()
            agent.link = None
        agent.boots += 1
        self.listen()

    @precondition(lambda self: any(agent.held for agent in self.attached()))
    @rule(data=st.data(), failure=st.sampled_from([None, None, BROKEN, CANCELLED]))
    def finish(self, data: st.DataObject, failure: Failure | None) -> None:
        agent = data.draw(st.sampled_from([agent for agent in self.attached() if agent.held]))
        self.end(agent, data.draw(st.sampled_from(list(agent.held))), failure)

    @precondition(lambda self: any(agent.held for agent in self.attached()))
    @rule(data=st.data())
    def reject(self, data: st.DataObject) -> None:
        agent = data.draw(st.sampled_from([agent for agent in self.attached() if agent.held]))
        run_id, number = data.draw(st.sampled_from(list(agent.held)))
        del agent.held[run_id, number]
        assert agent.link is not None
        agent.link.say(Rejected(run_id=run_id, attempt=number, failure=BROKEN))
        self.listen()

    @precondition(lambda self: len(self.driver.root.jobs) > 0)
    @rule(data=st.data(), command=st.sampled_from(["stop_job", "drop_job"]))
    def stop(self, data: st.DataObject, command: str) -> None:
        self.driver.call(command, number=data.draw(st.integers(0, len(self.driver.root.jobs) - 1)))
        self.listen()

    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        open_runs = [run.run_id for run in self.driver.runs() if not run.status.terminal]
        if open_runs:
            run_id = data.draw(st.sampled_from(open_runs))
            self.driver.ask(CancelRequested, run_id=run_id, grace=timedelta(seconds=1))
            self.listen()

    @rule(seconds=st.integers(1, 4))
    def wait(self, seconds: int) -> None:
        self.driver.clock += seconds
        for agent in self.attached():
            assert agent.link is not None
            agent.link.heartbeat()
        self.driver.advance(0)
        self.listen()

    @rule()
    def restart_the_flow(self) -> None:
        self.driver.restart()
        for agent in self.attached():
            agent.link = None
        self.driver.settle()

    # What always holds

    @invariant()
    def nobody_has_too_much_to_do(self) -> None:
        for agent in self.attached():
            total = sum((needs for _, needs in agent.held.values()), start=NOTHING)
            assert HAS[agent.name].covers(total), (agent.name, agent.held)

    @invariant()
    def what_is_told_is_what_is_held(self) -> None:
        listed: tuple[AgentInfo, ...] = self.driver.ask(AgentsListed)
        for info in listed:
            held = self.agents[info.agent_id].held.values()
            assert info.taken == sum((needs for _, needs in held), start=NOTHING)

    def teardown(self) -> None:
        """In the end, when agents are there and runs end, every run that could ever be executed has been."""
        self.note_needs()
        for agent in self.agents.values():
            if agent.link is None:
                self.attach(agent)
        self.listen()
        for _ in range(1_000):
            busy = next((agent for agent in self.attached() if agent.held), None)
            if busy is None:
                break
            self.end(busy, next(iter(busy.held)), None)
        listed: tuple[AgentInfo, ...] = self.driver.ask(AgentsListed)
        assert {info.taken for info in listed} <= {NOTHING}
        left = [run for run in self.driver.runs() if not run.status.terminal]
        for run in left:
            assert not any(has.covers(self.needs[run.work]) for has in HAS.values()), run
            assert run.pending_reason or self.queued_behind(run.work, run.run_id), run

    def queued_behind(self, work: str, run_id: str) -> bool:
        """Whether an older run of the same work waits."""
        (first, *_) = [run for run in self.driver.runs() if run.work == work and not run.status.terminal]
        return first.run_id != run_id


TestAccounting = Accounting.TestCase
TestAccounting.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)


LARGE = Resources(cpu_millis=2000)


@settings(max_examples=50, deadline=None)
@given(
    before=st.lists(st.sampled_from([500, 1000, 1500]), min_size=2, max_size=8),
    after=st.lists(st.sampled_from([500, 1000, 1500]), min_size=20, max_size=20),
    data=st.data(),
)
def test_a_large_run_waits_for_what_was_running_and_for_nothing_else(
    before: list[int], after: list[int], data: st.DataObject
) -> None:
    """Whatever small runs are asked for meanwhile, and in whatever order runs end."""
    machine = Accounting()
    machine.begin([Resources(cpu_millis=millis) for millis in before])
    earlier = {run.run_id for run in machine.driver.runs()}
    machine.ask(len(before), LARGE)
    large = machine.driver.runs()[-1].run_id
    for number, millis in enumerate(after, len(before) + 1):
        held = [(agent, key) for agent in machine.attached() for key in agent.held]
        if any(key[0] == large for _, key in held):
            return
        assert earlier & {key[0] for _, key in held}, "all that was there before has ended"
        machine.ask(number, Resources(cpu_millis=millis))
        agent, key = data.draw(st.sampled_from(held))
        machine.end(agent, key, None)


@settings(max_examples=50, deadline=None)
@given(wanted=st.lists(demands, min_size=1, max_size=WORKS))
def test_runs_that_could_begin_do_not_wait(wanted: list[Resources]) -> None:
    """What waits waits because there is too little of something left, claims of older runs included."""
    machine = Accounting()
    machine.begin(wanted)
    taken = {info.agent_id: info.taken for info in machine.driver.ask(AgentsListed)}
    waiting = [run for run in machine.driver.runs() if not run.agent_id]
    for run in waiting[:1]:  # nothing older claims anything
        needs = machine.needs[run.work]
        for name, has in HAS.items():
            left = Resources(
                cpu_millis=has.cpu_millis - taken[name].cpu_millis,
                memory_bytes=has.memory_bytes - taken[name].memory_bytes,
                gpus=has.gpus - taken[name].gpus,
            )
            assert not left.covers(needs)
