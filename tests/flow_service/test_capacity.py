"""What works need: which agent gets a run, what is counted as taken, and what is told of runs that wait."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flowrpc import BuildConfig, CloudCompute, LightningFlow, LightningWork, List
from flowrpc.errors import ComponentError
from flowrpc.flow_service.agents import LEASE
from flowrpc.flow_service.dispatcher import GRACE_MARGIN
from flowrpc.flow_service.events import AgentAttached, AgentsListed, CancelRequested, WorksListed
from flowrpc.protocol.answers import AgentInfo, WorkInfo
from flowrpc.protocol.messages import (
    Accepted,
    Bye,
    Finished,
    HeldAttempt,
    Rejected,
    Serving,
    StartRun,
    StopRunner,
)
from flowrpc.protocol.resources import NOTHING, Resources
from flowrpc.state import Set
from flowrpc.state.records import Failure, FailureReason, RunStatus

from tests.flow_service.driver import Driver, FakeAgent

GIB = 2**30
BROKEN = Failure(reason=FailureReason.EXCEPTION, message="broken")


class Job(LightningWork):
    def __init__(self, compute: CloudCompute | None = None, **options: Any) -> None:
        super().__init__(
            parallel=True,
            raise_exception=False,
            orphan_grace=timedelta(seconds=60),
            cloud_compute=compute,
            **options,
        )
        self.step = 0

    def run(self, number: int = 0) -> None:
        raise AssertionError("a flow never executes a work")


class Root(LightningFlow):
    """Calls each of its works once, in order."""

    def __init__(self, *computes: CloudCompute | None) -> None:
        self.jobs = List(*map(Job, computes))
        self.message = ""

    def run(self) -> None:
        for job in self.jobs:
            job.run()
        self.message = self.jobs[0].status.message if self.jobs else ""

    def again(self, number: int) -> None:
        self.jobs[number].run(1)

    def stop_job(self, number: int) -> None:
        self.jobs[number].stop()

    def drop_job(self, number: int) -> None:
        del self.jobs[number]

    def set_compute(self, number: int, cpus: int) -> None:
        self.jobs[number].cloud_compute = CloudCompute(cpus=cpus)

    def add(self, disk_size: int) -> None:
        self.jobs.append(Job(CloudCompute(disk_size=disk_size, cpus=1)))

    def configure_commands(self) -> Any:
        commands = (self.again, self.stop_job, self.drop_job, self.set_compute, self.add)
        return {command.__name__: command for command in commands}


def of(*computes: CloudCompute | None) -> Callable[[], LightningFlow]:
    return lambda: Root(*computes)


def cpus(number: float) -> CloudCompute:
    return CloudCompute(cpus=number)


def has(cpus: int = 0, memory: int = 0, gpus: int = 0) -> Resources:
    return Resources(cpu_millis=cpus * 1000, memory_bytes=memory * GIB, gpus=gpus)


def started(agent: FakeAgent) -> list[str]:
    """The works whose runs the agent was asked for, accepted now."""
    starts = agent.heard(StartRun)
    for start in starts:
        agent.say(Accepted(run_id=start.run_id, attempt=start.attempt))
    agent.starts = {**getattr(agent, "starts", {}), **{start.work: start for start in starts}}  # type: ignore[attr-defined]
    return [start.work.rpartition(".")[2] for start in starts]


def finish(agent: FakeAgent, number: int, failure: Failure | None = None) -> None:
    agent.finish(agent.starts.pop(f"root.jobs.{number}"), failure)  # type: ignore[attr-defined]


def taken(driver: Driver) -> dict[str, Resources]:
    listed: tuple[AgentInfo, ...] = driver.ask(AgentsListed)
    return {info.agent_id: info.taken for info in listed}


def works(driver: Driver) -> list[WorkInfo]:
    return list(driver.ask(WorksListed).works)


def begin(driver: Driver, *agents: FakeAgent) -> None:
    """Attaches the agents before the first pass."""
    for agent in agents:
        driver.feed(AgentAttached(session=agent.session, hello=agent.hello))
    driver.settle()


# Which agent


def test_a_run_goes_to_the_agent_that_has_what_its_work_needs() -> None:
    driver = Driver(
        of(
            CloudCompute(gpus=1),
            CloudCompute(memory="8GiB"),
            CloudCompute(cpus=3),
            CloudCompute(labels={"zone": "b"}),
            CloudCompute("gpu-fast"),
        )
    )
    agents = [
        FakeAgent(driver, session=1, agent_id="gpu", resources=has(1, 1, gpus=1)),
        FakeAgent(driver, session=2, agent_id="memory", resources=has(1, 16)),
        FakeAgent(driver, session=3, agent_id="cpus", resources=has(4, 1)),
        FakeAgent(driver, session=4, agent_id="zone", labels={"zone": "b", "compute": "cpu"}),
        FakeAgent(driver, session=5, agent_id="named", labels={"zone": "a", "compute": "gpu-fast"}),
    ]
    begin(driver, *agents)
    assert [started(agent) for agent in agents] == [["0"], ["1"], ["2"], ["3"], ["4"]]


def test_a_work_that_needs_nothing_goes_to_an_agent_that_tells_nothing() -> None:
    driver = Driver(of(None, cpus(1)))
    agent = FakeAgent(driver)
    begin(driver, agent)
    assert started(agent) == ["0"]


def test_the_demand_of_a_work_that_is_not_for_the_local_agent_is_met_elsewhere() -> None:
    driver = Driver(of(cpus(1)), remote_works=("root.jobs.*",))
    local = FakeAgent(driver, session=1, resources=has(8))
    far = FakeAgent(driver, session=2, agent_id="far", boot_id="boot-2", resources=has(8))
    begin(driver, local, far)
    assert (started(local), started(far)) == ([], ["0"])


def test_what_the_flow_set_before_the_first_run_counts() -> None:
    driver = Driver(of(None))
    driver.call("set_compute", number=0, cpus=4)
    driver.restart()
    agent = FakeAgent(driver, resources=has(2))
    begin(driver, agent)
    assert started(agent) == []
    assert "cpus=4" in works(driver)[0].pending_reason


def test_requirements_come_with_the_run_by_agent() -> None:
    class Both(LightningFlow):
        def __init__(self) -> None:
            options = {
                "cloud_build_config": BuildConfig(["torch"]),
                "local_build_config": BuildConfig(["click"]),
            }
            self.here, self.there = Job(**options), Job(**options)  # type: ignore[arg-type]

        def run(self) -> None:
            self.here.run()
            self.there.run()

    driver = Driver(Both, remote_works=("root.there",))
    local = FakeAgent(driver, session=1)
    far = FakeAgent(driver, session=2, agent_id="far", boot_id="boot-2", works="root.there")
    begin(driver, local, far)
    assert local.take_start().requirements == ("click",)
    assert far.take_start().requirements == ("torch",)


# What is taken


def test_running_works_never_take_more_than_there_is() -> None:
    driver = Driver(of(cpus(0.5), cpus(1), cpus(1), cpus(0.5)))
    agent = FakeAgent(driver, resources=has(2))
    begin(driver, agent)
    assert started(agent) == ["0", "1"]  # 2 is older than 3 and comes first, though 3 would have room
    assert taken(driver) == {"local": Resources(cpu_millis=1500)}
    finish(agent, 0)
    assert started(agent) == ["2"]
    finish(agent, 1)
    assert started(agent) == ["3"]
    finish(agent, 2)
    finish(agent, 3)
    assert taken(driver) == {"local": NOTHING}


def test_every_kind_of_thing_is_counted_by_itself() -> None:
    driver = Driver(
        of(CloudCompute(gpus=2), cpus(2), CloudCompute(memory="1GiB"), CloudCompute(gpus=1), None)
    )
    agent = FakeAgent(driver, resources=has(2, 1, gpus=2))
    begin(driver, agent)
    assert started(agent) == ["0", "1", "2", "4"]
    assert taken(driver) == {"local": has(2, 1, gpus=2)}


@pytest.mark.parametrize("failure", [None, BROKEN])
def test_an_end_gives_everything_back(failure: Failure | None) -> None:
    driver = Driver(of(cpus(2), cpus(2)))
    agent = FakeAgent(driver, resources=has(2))
    begin(driver, agent)
    assert started(agent) == ["0"]
    finish(agent, 0, failure)
    assert started(agent) == ["1"]


def test_a_run_that_is_rejected_gives_everything_back() -> None:
    driver = Driver(of(cpus(2), cpus(2)))
    agent = FakeAgent(driver, resources=has(2))
    begin(driver, agent)
    (start,) = agent.heard(StartRun)
    failure = Failure(reason=FailureReason.NOT_BUILT, message="no")
    agent.say(Rejected(run_id=start.run_id, attempt=start.attempt, failure=failure))
    assert started(agent) == ["1"]


def test_a_cancelled_run_takes_until_it_has_ended() -> None:
    driver = Driver(of(cpus(2), cpus(2)))
    agent = FakeAgent(driver, resources=has(2))
    begin(driver, agent)
    assert started(agent) == ["0"]
    driver.ask(CancelRequested, run_id=driver.runs()[0].run_id, grace=timedelta(seconds=5))
    assert started(agent) == []
    finish(agent, 0, Failure(reason=FailureReason.CANCELLED, message="cancelled"))
    assert started(agent) == ["1"]


@pytest.mark.parametrize("command", ["stop_job", "drop_job"])
def test_the_process_of_a_stopped_work_takes_until_it_has_ended(command: str) -> None:
    driver = Driver(of(cpus(2), cpus(2)))
    agent = FakeAgent(driver, resources=has(2))
    begin(driver, agent)
    assert started(agent) == ["0"]
    driver.call(command, number=0)
    assert agent.heard(StopRunner)
    assert started(agent) == []
    assert taken(driver) == {"local": has(2)}
    finish(agent, 0, Failure(reason=FailureReason.CANCELLED, message="cancelled"))
    assert "1" in started(agent)


def test_a_stopped_work_that_still_says_something_is_killed_and_takes_nothing_more() -> None:
    driver = Driver(of(cpus(2), cpus(2)))
    agent = FakeAgent(driver, resources=has(2))
    begin(driver, agent)
    assert started(agent) == ["0"]
    driver.call("drop_job", number=0)
    agent.change(agent.starts["root.jobs.0"], Set(("step",), 1))  # type: ignore[attr-defined]
    assert started(agent) == ["1"]


def test_a_stopped_work_takes_nothing_of_an_agent_that_came_back_without_it() -> None:
    driver = Driver(of(cpus(2), cpus(2)))
    agent = FakeAgent(driver, agent_id="far", resources=has(2))
    begin(driver, agent)
    assert started(agent) == ["0"]
    driver.call("drop_job", number=0)
    agent.detach()
    back = FakeAgent(driver, session=2, agent_id="far", resources=has(2)).attach()
    assert started(back) == ["1"]


def test_an_agent_that_dies_gives_everything_back() -> None:
    driver = Driver(of(cpus(2)))
    agent = FakeAgent(driver, resources=has(2))
    begin(driver, agent)
    assert started(agent) == ["0"]
    agent.exit()
    again = FakeAgent(driver, session=2, boot_id="boot-2", resources=has(2)).attach()
    assert started(again) == ["0"]
    assert taken(driver) == {"local": has(2)}


def test_an_agent_that_says_bye_gives_everything_back() -> None:
    driver = Driver(of(cpus(2)))
    agent = FakeAgent(driver, agent_id="far", resources=has(2))
    begin(driver, agent)
    assert started(agent) == ["0"]
    agent.say(Bye())
    assert taken(driver) == {}
    other = FakeAgent(driver, session=2, agent_id="other", boot_id="boot-2", resources=has(2)).attach()
    assert started(other) == ["0"]


def test_an_attempt_whose_agent_was_away_for_too_long_takes_nothing_more() -> None:
    driver = Driver(of(cpus(2)))
    agent = FakeAgent(driver, agent_id="far", resources=has(2))
    begin(driver, agent)
    assert started(agent) == ["0"]
    agent.detach()
    other = FakeAgent(driver, session=2, agent_id="other", boot_id="boot-2", resources=has(2)).attach()
    assert started(other) == []  # it may still be under way
    for _ in range(75):
        driver.advance(1)
        other.heartbeat()
    assert timedelta(seconds=75) > timedelta(seconds=60) + GRACE_MARGIN
    assert started(other) == ["0"]
    assert taken(driver) == {"other": has(2)}


def test_what_an_agent_holds_over_a_restart_of_the_flow_is_taken() -> None:
    driver = Driver(of(cpus(1), cpus(2)))
    agent = FakeAgent(driver, agent_id="far", resources=has(2))
    begin(driver, agent)
    assert started(agent) == ["0"]
    start = agent.starts["root.jobs.0"]  # type: ignore[attr-defined]
    driver.restart()
    again = FakeAgent(driver, session=2, agent_id="far", resources=has(2))
    again.attach(HeldAttempt(run_id=start.run_id, attempt=1, last_seq=0))
    driver.settle()
    assert taken(driver) == {"far": has(1)}
    assert started(again) == []
    again.say(Finished(run_id=start.run_id, attempt=1, seq=1))
    assert started(again) == ["1"]


def test_an_agent_that_comes_back_smaller_gets_nothing_until_there_is_room() -> None:
    driver = Driver(of(cpus(2), cpus(1)))
    agent = FakeAgent(driver, agent_id="far", resources=has(2))
    begin(driver, agent)
    assert started(agent) == ["0"]
    start = agent.starts["root.jobs.0"]  # type: ignore[attr-defined]
    again = FakeAgent(driver, session=2, agent_id="far", resources=has(1))
    again.attach(HeldAttempt(run_id=start.run_id, attempt=1, last_seq=0))
    assert started(again) == []
    again.say(Finished(run_id=start.run_id, attempt=1, seq=1))
    assert started(again) == ["1"]


# Fairness


def test_a_large_request_is_not_starved_by_small_ones() -> None:
    driver = Driver(of(cpus(1), cpus(2), *[cpus(1)] * 6))
    agent = FakeAgent(driver, resources=has(2))
    begin(driver, agent)
    assert started(agent) == ["0"]  # there is room for 2, but 1 is older and claims what is left
    finish(agent, 0)
    assert started(agent) == ["1"]
    finish(agent, 1)
    assert started(agent) == ["2", "3"]


def test_small_requests_use_what_a_claim_leaves() -> None:
    driver = Driver(of(cpus(3), cpus(2), cpus(1), CloudCompute(gpus=1), None))
    agent = FakeAgent(driver, resources=has(4, gpus=1))
    begin(driver, agent)
    # 1 waits for 2 processors and there is 1: 2 would take it away, the others need none.
    assert started(agent) == ["0", "3", "4"]
    finish(agent, 0)
    assert started(agent) == ["1", "2"]


def test_a_claim_holds_one_agent_and_leaves_the_others() -> None:
    driver = Driver(of(cpus(1), cpus(1), cpus(2), cpus(1), cpus(1)))
    one = FakeAgent(driver, session=1, agent_id="one", resources=has(2))
    two = FakeAgent(driver, session=2, agent_id="two", boot_id="boot-2", resources=has(2))
    begin(driver, one, two)
    both = {"one": started(one), "two": started(two)}
    assert sorted(map(len, both.values())) == [1, 2]  # the one with two was not claimed
    claimed = one if len(both["one"]) == 1 else two
    finish(claimed, int(both[claimed.hello.agent_id][0]))
    assert started(claimed) == ["2"]


def test_a_claim_stays_where_it_is() -> None:
    """One that went to and fro would let small runs in on both sides, for ever."""
    driver = Driver(of(*[cpus(1)] * 4, cpus(2), *[cpus(1)] * 4))
    agents = [
        FakeAgent(driver, session=1, agent_id="one", resources=has(2)),
        FakeAgent(driver, session=2, agent_id="two", boot_id="boot-2", resources=has(2)),
    ]
    begin(driver, *agents)
    running = {agent.hello.agent_id: started(agent) for agent in agents}
    ended: list[str] = []
    for turn in range(8):
        agent = agents[turn % 2]
        number = running[agent.hello.agent_id].pop(0)
        finish(agent, int(number))
        ended.append(number)
        for other in agents:
            running[other.hello.agent_id] += started(other)
        if "4" in running["one"] + running["two"]:
            break
    assert len(ended) <= 4


def test_a_claim_moves_when_its_agent_leaves() -> None:
    driver = Driver(of(cpus(1), cpus(2), cpus(1)))
    one = FakeAgent(driver, session=1, agent_id="one", resources=has(2))
    begin(driver, one)
    assert started(one) == ["0"]
    two = FakeAgent(driver, session=2, agent_id="two", boot_id="boot-2", resources=has(2)).attach()
    assert started(two) == ["1"]
    assert started(one) == ["2"]


def test_runs_begin_in_the_order_they_were_asked_for() -> None:
    """Also those that need nothing, if an agent executes few at a time."""
    driver = Driver(of(None, None, None))
    agent = FakeAgent(driver, capacity=1)
    begin(driver, agent)
    assert started(agent) == ["0"]
    driver.call("again", number=0)  # the newest request, by the work that was called first
    order = ["0"]
    for _ in range(3):
        finish(agent, int(order[-1]))
        order += started(agent)
    assert order == ["0", "1", "2", "0"]


# What is told


def test_a_run_that_no_attached_agent_can_take_tells_why(caplog: pytest.LogCaptureFixture) -> None:
    driver = Driver(of(CloudCompute(cpus=0.5, gpus=1, memory="2GiB", labels={"gpu": "a100"})))
    begin(driver)
    assert works(driver)[0].pending_reason == ""  # nobody is attached yet, nothing is amiss
    agent = FakeAgent(driver, resources=has(2, 4), labels={"zone": "a"})
    agent.attach()
    (info,) = works(driver)
    assert info.pending_reason == (
        "root.jobs.0 needs cpus=0.5 memory=2GiB gpus=1 label gpu=a100; "
        "attached: local has cpus=2 memory=4GiB label zone=a; "
        "start `flowctl work serve APP.py --work root.jobs.0 --cpus 0.5 --memory 2GiB --gpus 1 "
        "--label gpu=a100 --flow … --token-file …`"
    )
    assert info.latest_run is not None
    assert info.latest_run.pending_reason == info.pending_reason
    assert driver.vars()["message"] == info.pending_reason  # the flow was called again, and saw it
    warnings = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert [record.getMessage() for record in warnings] == [f"a run waits: {info.pending_reason}"]


def test_it_warns_once_of_a_work_until_it_could_be_run(caplog: pytest.LogCaptureFixture) -> None:
    driver = Driver(of(CloudCompute(gpus=1)))
    begin(driver, FakeAgent(driver))
    FakeAgent(driver, session=2, agent_id="other", boot_id="boot-2").attach()
    assert "other has told nothing of what it has" in works(driver)[0].pending_reason
    assert len([record for record in caplog.records if record.levelno >= logging.WARNING]) == 1


def test_the_reason_goes_when_an_agent_comes_that_can_take_it() -> None:
    driver = Driver(of(CloudCompute(gpus=1)))
    begin(driver, FakeAgent(driver))
    gpu = FakeAgent(driver, session=2, agent_id="gpu", boot_id="boot-2", resources=has(gpus=1)).attach()
    assert started(gpu) == ["0"]
    (info,) = works(driver)
    assert info.pending_reason == ""
    assert info.latest_run is not None
    assert (info.latest_run.status, info.latest_run.pending_reason) == (RunStatus.RUNNING, "")
    assert driver.vars()["message"] == ""


def test_the_reason_changes_when_the_only_able_agent_leaves() -> None:
    driver = Driver(of(CloudCompute(gpus=1), CloudCompute(gpus=1)))
    local = FakeAgent(driver)
    gpu = FakeAgent(driver, session=2, agent_id="gpu", boot_id="boot-2", resources=has(gpus=1))
    begin(driver, local, gpu)
    assert works(driver)[1].pending_reason == "waits until an agent has room for gpus=1"
    gpu.detach()
    driver.settle()
    assert "root.jobs.1 needs gpus=1; attached: local has told nothing" in works(driver)[1].pending_reason


def test_a_cancelled_run_waits_for_nothing() -> None:
    driver = Driver(of(CloudCompute(gpus=1)))
    begin(driver, FakeAgent(driver))
    driver.ask(CancelRequested, run_id=driver.runs()[0].run_id, grace=timedelta(0))
    (run,) = driver.runs()
    assert (run.status, run.pending_reason) == (RunStatus.CANCELLED, "")


def test_the_reason_survives_a_restart_and_is_told_anew() -> None:
    driver = Driver(of(CloudCompute(gpus=1)))
    begin(driver, FakeAgent(driver))
    driver.restart()
    driver.settle()
    assert works(driver)[0].pending_reason == ""
    gpu = FakeAgent(driver, session=2, agent_id="gpu", boot_id="boot-2", resources=has(gpus=1)).attach()
    assert started(gpu) == ["0"]


def test_a_work_that_nobody_executes_is_told_too() -> None:
    driver = Driver(of(None), remote_works=("root.jobs.*",))
    begin(driver, FakeAgent(driver))
    assert works(driver)[0].pending_reason == (
        "no attached agent executes root.jobs.0; attached: local; "
        "start `flowctl work serve APP.py --work root.jobs.0 --flow … --token-file …`"
    )


def test_of_many_agents_some_are_named() -> None:
    driver = Driver(of(CloudCompute(gpus=1)))
    begin(driver, *[FakeAgent(driver, session=n, agent_id=f"a{n}", boot_id=f"b{n}") for n in range(1, 8)])
    assert works(driver)[0].pending_reason.count("told nothing") == 5
    assert " and 2 more" in works(driver)[0].pending_reason


def test_agents_are_listed_by_name_with_what_they_have() -> None:
    driver = Driver(of(cpus(1)))
    begin(
        driver,
        FakeAgent(driver, session=2, agent_id="b", boot_id="b2", resources=has(2), labels={"zone": "a"}),
        FakeAgent(driver, session=1, agent_id="a", capacity=3),
    )
    listed: tuple[AgentInfo, ...] = driver.ask(AgentsListed)
    assert [info.agent_id for info in listed] == ["a", "b"]
    assert listed[0] == AgentInfo(agent_id="a", works=("*",), capacity=3)
    assert (listed[1].attempt_count, listed[1].taken, listed[1].labels) == (1, has(1), {"zone": "a"})


# What nothing honours


def test_an_app_whose_work_needs_what_nothing_honours_does_not_start() -> None:
    with pytest.raises(ComponentError, match=r"root\.jobs\.0: cloud_compute=CloudCompute\(disk_size=9\)"):
        Driver(of(CloudCompute(disk_size=9)))


def test_a_dynamic_work_that_needs_what_nothing_honours_is_not_placed() -> None:
    driver = Driver(of())
    outcome = driver.call("add", disk_size=9)
    assert outcome.failure is not None
    assert "root.jobs.0: cloud_compute=CloudCompute(disk_size=9) is honoured by no" in outcome.failure.message
    assert works(driver) == []
    assert driver.call("add", disk_size=0).failure is None


# Idle processes


def idle_driver(timeout: float = 30) -> tuple[Driver, FakeAgent]:
    driver = Driver(of(CloudCompute(idle_timeout=timeout)))
    agent = FakeAgent(driver, agent_id="far")
    begin(driver, agent)
    assert started(agent) == ["0"]
    return driver, agent


def wait(driver: Driver, agent: FakeAgent, seconds: int) -> None:
    for _ in range(seconds):
        driver.advance(1)
        agent.heartbeat()


def test_an_idle_process_is_ended_when_it_was_idle_for_long() -> None:
    driver, agent = idle_driver()
    wait(driver, agent, 40)
    assert agent.heard(StopRunner) == []  # it runs
    finish(agent, 0)
    wait(driver, agent, 29)
    assert agent.heard(StopRunner) == []
    wait(driver, agent, 1)
    assert [stop.work for stop in agent.heard(StopRunner)] == ["root.jobs.0"]
    wait(driver, agent, 60)
    assert agent.heard(StopRunner) == []
    driver.call("again", number=0)
    assert started(agent) == ["0"]


def test_a_next_run_keeps_the_process() -> None:
    driver, agent = idle_driver()
    finish(agent, 0)
    wait(driver, agent, 20)
    driver.call("again", number=0)
    assert started(agent) == ["0"]
    wait(driver, agent, 40)
    assert agent.heard(StopRunner) == []


def test_an_idle_process_of_an_agent_that_is_away_is_ended_later() -> None:
    driver, agent = idle_driver()
    finish(agent, 0)
    agent.detach()
    driver.advance(30)
    deadline = driver.core.deadline()
    assert deadline is not None
    assert deadline == driver.clock + 30  # not at once, over and over
    back = FakeAgent(driver, session=2, agent_id="far").attach()
    wait(driver, back, 30)
    assert [stop.work for stop in back.heard(StopRunner)] == ["root.jobs.0"]


def test_an_idle_process_is_ended_after_a_restart_of_the_flow() -> None:
    driver, agent = idle_driver()
    finish(agent, 0)
    driver.restart()
    back = FakeAgent(driver, session=2, agent_id="far").attach()
    wait(driver, back, 30)
    assert [stop.work for stop in back.heard(StopRunner)] == ["root.jobs.0"]


def test_without_the_option_nothing_is_ended() -> None:
    driver = Driver(of(None))
    agent = FakeAgent(driver)
    begin(driver, agent)
    assert started(agent) == ["0"]
    finish(agent, 0)
    wait(driver, agent, 2 * int(LEASE.total_seconds()))
    assert agent.heard(StopRunner) == []


def test_a_process_that_serves_is_not_idle() -> None:
    driver, agent = idle_driver()
    agent.say(Serving(work="root.jobs.0", port=8080, url="http://127.0.0.1:8080"))
    finish(agent, 0)
    wait(driver, agent, 70)
    assert agent.heard(StopRunner) == []
    agent.say(Serving(work="root.jobs.0", port=8080))
    wait(driver, agent, 30)
    assert [stop.work for stop in agent.heard(StopRunner)] == ["root.jobs.0"]
