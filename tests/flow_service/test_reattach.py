"""What an agent that comes back is told, also by the next life of the flow; nothing of it may be lost or doubled."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flowrpc import LightningFlow, LightningWork, Retry
from flowrpc.flow_service.attempts import WHOLE_AFTER_BYTES
from flowrpc.flow_service.events import CancelRequested
from flowrpc.protocol.messages import (
    Bye,
    CancelAttempt,
    Finished,
    HeldAttempt,
    Nack,
    NackReason,
    StartRun,
    VarsChanged,
    Verdict,
    Welcome,
)
from flowrpc.state import Folded, Set, Splice, Value
from flowrpc.state.fold import apply
from flowrpc.state.records import Failure, FailureReason, Run, RunStatus
from flowrpc.state.sizes import change_size

from tests.flow_service.driver import Driver, FakeAgent

GRACE = timedelta(seconds=3)
RAISED = Failure(reason=FailureReason.EXCEPTION, message="raised")


class Job(LightningWork):
    def __init__(self, **options: Any) -> None:
        super().__init__(parallel=True, raise_exception=False, **options)
        self.step = 0
        self.items: list[Any] = []

    def run(self, number: int = 0) -> None:
        raise AssertionError("a flow never executes a work")


class Root(LightningFlow):
    def __init__(self, **options: Any) -> None:
        self.job = Job(**options)

    def run(self) -> None:
        self.job.run()

    def set_items(self, items: list[Any]) -> None:
        self.job.items = items

    def set_step(self, step: int) -> None:
        self.job.step = step

    def queue_up(self, item: str, keep: int) -> None:
        self.job.items.append(item)
        del self.job.items[: max(0, len(self.job.items) - keep)]

    def again(self, number: int) -> None:
        self.job.run(number)

    def configure_commands(self) -> Any:
        return [
            {
                "set items": self.set_items,
                "set step": self.set_step,
                "again": self.again,
                "queue up": self.queue_up,
            }
        ]


def running(**options: Any) -> tuple[Driver, FakeAgent, StartRun]:
    driver = Driver(lambda: Root(**options))
    agent = FakeAgent(driver, agent_id="far").attach()
    driver.settle()
    return driver, agent, agent.take_start()


def back(driver: Driver, start: StartRun | None, last_seq: int = 0, *, session: int = 2) -> FakeAgent:
    """Lets the agent dial again, which holds the attempt, or not."""
    agent = FakeAgent(driver, session=session, agent_id="far")
    if start is None:
        return agent.attach()
    return agent.attach(HeldAttempt(run_id=start.run_id, attempt=start.attempt, last_seq=last_seq))


def verdict_of(agent: FakeAgent) -> Verdict:
    (welcome,) = agent.heard(Welcome)
    (verdict,) = welcome.verdicts
    assert isinstance(verdict.verdict, Verdict)
    return verdict.verdict


def the_run(driver: Driver) -> Run:
    (run,) = driver.runs()
    return run


def cancel(driver: Driver) -> None:
    driver.ask(CancelRequested, run_id=the_run(driver).run_id, grace=GRACE)


# What the flow changed


def test_a_change_of_the_flow_is_told_by_the_next_life() -> None:
    driver, agent, start = running()
    agent.change(start, Splice(("items",), 0, 0, ["mine"]))
    driver.call("set_items", items=["flow"])
    (unheard,) = agent.heard(VarsChanged)  # it was on its way when the flow was killed

    driver.restart()
    again = back(driver, start, last_seq=1)

    (told,) = again.heard(VarsChanged)
    assert told.changes == (Set(("items",), ["flow"]),)
    assert told.number > unheard.number


@pytest.mark.parametrize(("keep", "wholes"), [(2, 7), (450, 2)], ids=["short list", "long list"])
def test_what_a_runner_keeps_that_never_touches_its_work_is_bounded(keep: int, wholes: int) -> None:
    """The flow uses a list as a queue, 2 kB at a time: of the list told whole a runner keeps nothing older."""
    driver, agent, start = running()
    mirror: dict[str, Value] = dict(start.vars)
    kept, largest, times_whole = Folded(), 0, 0
    for number in range(1_000):
        driver.call("queue_up", item=f"{number}".ljust(2_000), keep=keep)
        for told in agent.heard(VarsChanged):
            for change in told.changes:
                apply(mirror, change)
                kept.add(change)
                times_whole += change.path == ("items",) and isinstance(change, Set)
        largest = max(largest, sum(map(change_size, kept.changes())))

    assert mirror["items"] == driver.vars("root.job")["items"]
    assert times_whole == wholes
    assert largest < 2 * keep * 2_100 + WHOLE_AFTER_BYTES + 5_000


def test_a_change_made_without_having_heard_of_the_flows_is_refused_by_the_next_life() -> None:
    driver, _, start = running()
    driver.call("set_items", items=["flow"])

    driver.restart()
    again = back(driver, start, last_seq=1)
    again.change(start, Splice(("items",), 0, 0, ["mine"]), base=start.vars_number)

    (nack,) = again.heard(Nack)
    assert (nack.reason, nack.var) == (NackReason.CONFLICT, "items")
    assert driver.vars("root.job")["items"] == ["flow"]


def test_what_is_told_again_counts_as_changed_again() -> None:
    """The work had heard of it and changed it since: both sides agree on the var only if it is sent whole."""
    driver, agent, start = running()
    driver.call("set_items", items=["flow"])
    (told,) = agent.heard(VarsChanged)
    agent.detach()
    driver.call("set_step", step=5)

    again = back(driver, start, last_seq=1)
    again.change(start, Splice(("items",), 1, 0, ["mine"]), base=told.number, seq=1)

    (nack,) = again.heard(Nack)
    assert (nack.reason, nack.var) == (NackReason.CONFLICT, "items")


def test_what_the_work_is_known_to_have_is_not_told_again() -> None:
    driver, agent, start = running()
    driver.call("set_items", items=["flow"])
    (told,) = agent.heard(VarsChanged)
    agent.change(start, Set(("step",), 1), base=told.number)
    agent.detach()

    again = back(driver, start, last_seq=1)

    assert again.heard(VarsChanged) == []


def test_a_var_that_the_code_dropped_is_not_told() -> None:
    class Smaller(LightningWork):
        def __init__(self) -> None:
            super().__init__(parallel=True)
            self.step = 0

        def run(self, number: int = 0) -> None:
            raise AssertionError("a flow never executes a work")

    class SmallerRoot(LightningFlow):
        def __init__(self) -> None:
            self.job = Smaller()

        def run(self) -> None:
            self.job.run()

    driver, _, start = running()
    driver.call("set_items", items=["flow"])

    driver.restart(SmallerRoot)

    assert back(driver, start).heard(VarsChanged) == []


def test_a_run_begins_with_every_change_that_was_told_before() -> None:
    """A change told to the attempt before may be read late by the runner: it is no news to this one."""
    driver, agent, start = running()
    driver.call("set_step", step=1)
    (told,) = agent.heard(VarsChanged)
    agent.finish(start)
    driver.call("set_step", step=2)
    driver.call("again", number=7)

    begun = agent.take_start()

    assert begun.vars["step"] == 2
    assert begun.vars_number >= told.number > start.vars_number


# Cancellations


@pytest.mark.parametrize("crash", [False, True])
def test_a_cancellation_that_was_not_heard_is_told_again(crash: bool) -> None:
    driver, agent, start = running()
    cancel(driver)
    assert len(agent.heard(CancelAttempt)) == 1
    if crash:
        driver.restart()
    else:
        agent.detach()

    again = back(driver, start)

    assert verdict_of(again) is Verdict.CONTINUE
    assert again.heard(CancelAttempt) == [CancelAttempt(run_id=start.run_id, attempt=1, grace=GRACE)]
    again.finish(start, Failure(reason=FailureReason.CANCELLED, message="cancelled"))
    assert the_run(driver).status is RunStatus.CANCELLED


@pytest.mark.parametrize("crash", [False, True])
def test_a_cancelled_run_that_is_lost_is_not_made_again(crash: bool) -> None:
    driver, agent, _ = running()
    cancel(driver)
    if crash:
        driver.restart()
        agent = back(driver, None)
    else:
        agent.say(Bye())

    assert the_run(driver).status is RunStatus.CANCELLED
    assert agent.heard(StartRun) == []


def test_a_cancelled_run_that_raises_is_not_tried_again() -> None:
    driver, agent, start = running(retry=Retry(attempts=3))
    cancel(driver)

    agent.finish(start, RAISED)

    assert the_run(driver).status is RunStatus.FAILED


@pytest.mark.parametrize("restart", [False, True])
def test_a_run_that_was_cancelled_while_its_agent_was_away_is_fenced_when_it_is_back(
    *, restart: bool
) -> None:
    """Also if everything that it changed is known: that does not mean that it has ended."""
    driver, agent, start = running()
    agent.change(start, Set(("step",), 1))
    agent.detach()
    cancel(driver)
    assert the_run(driver).failure == Failure(
        reason=FailureReason.CANCELLED, message="cancelled while its agent was away"
    )

    if restart:
        driver.restart()
    assert verdict_of(back(driver, start, last_seq=1)) is Verdict.FENCED


def test_an_end_whose_acknowledgement_was_lost_is_known() -> None:
    driver, agent, start = running()
    agent.change(start, Set(("step",), 1))
    agent.finish(start)
    driver.restart()

    assert verdict_of(back(driver, start, last_seq=2)) is Verdict.CONTINUE


def test_a_timeout_that_was_not_heard_is_told_again() -> None:
    driver, agent, start = running(timeout=timedelta(seconds=20))
    agent.heartbeat()
    for _ in range(5):
        driver.advance(4)
        agent.heartbeat()
    driver.advance(0.1)
    assert len(agent.heard(CancelAttempt)) == 1
    agent.detach()

    assert len(back(driver, start).heard(CancelAttempt)) == 1


# Attempts


def test_an_acceptance_that_was_lost_counts_when_the_attempt_is_held() -> None:
    driver = Driver(lambda: Root(timeout=timedelta(seconds=2)))
    agent = FakeAgent(driver, agent_id="far").attach()
    driver.settle()
    (start,) = agent.heard(StartRun)
    agent.detach()
    assert the_run(driver).status is RunStatus.PENDING

    again = back(driver, start)

    assert the_run(driver).status is RunStatus.RUNNING
    driver.advance(2.1)
    assert len(again.heard(CancelAttempt)) == 1


def test_an_attempt_that_its_agent_gave_up_is_made_again_under_another_number() -> None:
    driver, agent, start = running()
    agent.detach()

    again = back(driver, None)

    assert again.take_start().attempt == start.attempt + 1


def test_frames_of_a_lost_attempt_change_nothing() -> None:
    driver, agent, start = running(orphan_grace=timedelta(seconds=1))
    agent.change(start, Set(("step",), 1))
    agent.detach()
    driver.advance(100)
    other = FakeAgent(driver, session=3, agent_id="other").attach()
    newer = other.take_start()
    again = back(driver, start, last_seq=2)
    assert verdict_of(again) is Verdict.FENCED

    again.change(start, Set(("step",), 99), seq=2)
    again.say(Finished(run_id=start.run_id, attempt=start.attempt, seq=3))

    assert driver.vars("root.job")["step"] == 0
    assert (the_run(driver).status, the_run(driver).attempt) == (RunStatus.RUNNING, newer.attempt)


def test_the_grace_counts_afresh_after_a_restart() -> None:
    driver, agent, start = running(orphan_grace=timedelta(seconds=60))
    agent.detach()
    driver.advance(55)
    driver.restart()
    driver.advance(55)

    assert verdict_of(back(driver, start)) is Verdict.CONTINUE


# Resuming


def test_an_attempt_goes_on_from_what_the_lost_one_left() -> None:
    driver, agent, start = running(resume=True)
    agent.change(start, Set(("step",), 3), Splice(("items",), 0, 0, ["a"]))
    driver.restart()

    again = FakeAgent(driver, session=2, agent_id="far", boot_id="boot-2").attach()
    second = again.take_start()

    assert (second.attempt, second.vars) == (2, {"step": 3, "items": ["a"]})


@pytest.mark.parametrize(("resume", "step"), [(True, 3), (False, 0)])
def test_an_attempt_after_a_failure_goes_on_if_its_work_does(resume: bool, step: int) -> None:
    driver, agent, start = running(resume=resume, retry=Retry(attempts=2, delay=timedelta(seconds=1)))
    agent.change(start, Set(("step",), 3))
    agent.finish(start, RAISED)
    driver.advance(1)

    assert agent.take_start().vars["step"] == step


def test_each_attempt_takes_back_what_it_changed_itself() -> None:
    driver, agent, start = running(retry=Retry(attempts=3, delay=timedelta(seconds=1)))
    for number in (1, 2):
        agent.change(start, Set(("step",), number))
        agent.finish(start, RAISED)
        driver.advance(2)
        start = agent.take_start()

    assert start.vars["step"] == 0


def test_a_resume_that_cannot_be_meant_is_refused() -> None:
    with pytest.raises(TypeError, match="Job: resume=3 is no bool; write True or False"):
        Job(resume=3)
