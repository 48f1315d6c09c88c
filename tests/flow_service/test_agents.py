"""Agents: deltas, acknowledgements, fences, leases, and what becomes of lost attempts."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flowrpc import LightningFlow, LightningWork
from flowrpc.flow_service.agents import LEASE
from flowrpc.flow_service.dispatcher import GRACE_MARGIN
from flowrpc.flow_service.events import StopRequested
from flowrpc.protocol.messages import (
    Ack,
    Beat,
    Bye,
    CancelAttempt,
    Fence,
    Finished,
    HeldAttempt,
    Nack,
    NackReason,
    Rejected,
    StartRun,
    VarsChanged,
    Verdict,
    Welcome,
)
from flowrpc.state import Set, Splice
from flowrpc.state.records import Failure, FailureReason, Run, RunStatus

from tests.flow_service.driver import Driver, FakeAgent

GRACE = timedelta(seconds=60)


class Job(LightningWork):
    def __init__(self) -> None:
        super().__init__(parallel=True, orphan_grace=GRACE)
        self.step = 0
        self.items: list[Any] = []
        self.flag = False

    def run(self) -> None:
        raise AssertionError("a flow never executes a work")


class Root(LightningFlow):
    def __init__(self) -> None:
        self.job = Job()
        self.seen = 0

    def run(self) -> None:
        self.job.run()
        if self.job.flag:
            self.job.flag = False
            self.seen += 1

    def set_items(self, items: list[Any]) -> None:
        self.job.items = items

    def configure_commands(self) -> Any:
        return [{"set items": self.set_items}]


def running(agent_id: str = "far") -> tuple[Driver, FakeAgent, StartRun]:
    driver = Driver(Root)
    agent = FakeAgent(driver, agent_id=agent_id).attach()
    driver.settle()
    return driver, agent, agent.take_start()


def held(start: StartRun, last_seq: int) -> HeldAttempt:
    return HeldAttempt(run_id=start.run_id, attempt=start.attempt, last_seq=last_seq)


def the_run(driver: Driver) -> Run:
    (run,) = driver.runs()
    return run


def test_the_welcome_comes_first_and_tells_lease_and_epoch() -> None:
    driver = Driver(Root)
    driver.settle()
    FakeAgent(driver).attach()

    first, second = driver.sent[1]

    assert isinstance(first, Welcome)
    assert (first.lease, first.epoch) == (LEASE, 1)
    assert isinstance(second, StartRun)
    assert second.vars == {"step": 0, "items": [], "flag": False}
    assert second.recipe is not None
    assert second.recipe.type.endswith("test_agents:Job")


def test_deltas_are_applied_once_in_order_and_acknowledged() -> None:
    driver, agent, start = running()

    agent.change(start, Set(("step",), 1), Splice(("items",), 0, 0, ["a"]))
    agent.change(start, Set(("step",), 2))
    agent.change(start, Set(("step",), 99), seq=2)

    assert driver.vars("root.job") == {"step": 2, "items": ["a"], "flag": False}
    assert [ack.seq for ack in agent.heard(Ack)] == [1, 2, 2]


def test_a_missing_delta_is_asked_for() -> None:
    driver, agent, start = running()

    agent.change(start, Set(("step",), 3), seq=3)

    (nack,) = agent.heard(Nack)
    assert (nack.reason, nack.seq) == (NackReason.GAP, 0)
    assert driver.vars("root.job")["step"] == 0


def test_the_end_cannot_overtake_a_delta() -> None:
    driver, agent, start = running()

    agent.say(Finished(run_id=start.run_id, attempt=start.attempt, seq=2))

    assert agent.heard(Nack)[0].reason is NackReason.GAP
    assert the_run(driver).status is RunStatus.RUNNING


def test_a_flag_that_the_work_sets_and_the_flow_resets_loses_nothing() -> None:
    driver, agent, start = running()

    for _ in range(8):
        agent.change(start, Set(("flag",), True))

    assert driver.vars()["seen"] == 8
    told = agent.heard(VarsChanged)
    assert [message.changes for message in told] == [(Set(("flag",), False),)] * 8
    numbers = [message.number for message in told]
    assert numbers == sorted(set(numbers))


def test_a_nested_change_into_a_var_that_the_flow_changed_meanwhile_is_refused() -> None:
    driver, agent, start = running()
    driver.call("set_items", items=["x"])
    (told,) = agent.heard(VarsChanged)

    agent.change(start, Set(("step",), 1), Splice(("items",), 0, 0, ["a"]), base=0)
    (nack,) = agent.heard(Nack)
    assert (nack.reason, nack.var, nack.seq) == (NackReason.CONFLICT, "items", 1)
    assert driver.vars("root.job") == {"step": 1, "items": ["x"], "flag": False}

    agent.change(start, Set(("items",), ["a"]), base=0)  # sent whole: the later arrival wins
    assert driver.vars("root.job")["items"] == ["a"]
    agent.change(start, Splice(("items",), 1, 0, ["b"]), base=told.number)
    assert driver.vars("root.job")["items"] == ["a", "b"]


def test_a_change_that_does_not_fit_is_asked_for_whole() -> None:
    driver, agent, start = running()

    agent.change(start, Splice(("items",), 5, 1, []), Set(("step",), 1))

    (nack,) = agent.heard(Nack)
    assert (nack.reason, nack.var) == (NackReason.INVALID, "items")
    assert driver.vars("root.job")["step"] == 1


def test_the_flow_is_not_told_what_its_work_changed() -> None:
    _, agent, start = running()

    agent.change(start, Set(("step",), 1))

    assert agent.heard(VarsChanged) == []


def test_a_rejected_run_has_failed() -> None:
    driver = Driver(Root)
    agent = FakeAgent(driver).attach()
    driver.settle()
    (start,) = agent.heard(StartRun)

    failure = Failure(reason=FailureReason.NOT_BUILT, message="no such module")
    agent.say(Rejected(run_id=start.run_id, attempt=1, failure=failure))

    assert the_run(driver).failure == failure


def test_frames_of_an_attempt_that_is_not_wanted_are_fenced() -> None:
    driver, agent, start = running()
    agent.finish(start)
    agent.heard(Ack)

    agent.change(start, Set(("step",), 5), seq=9)

    (fence,) = agent.heard(Fence)
    assert (fence.run_id, fence.attempt) == (start.run_id, 1)
    assert driver.vars("root.job")["step"] == 0


def test_a_broken_stream_is_notice_not_death() -> None:
    driver, agent, start = running()
    agent.change(start, Set(("step",), 1))
    agent.detach()
    driver.advance(GRACE.total_seconds())

    again = FakeAgent(driver, session=2, agent_id="far").attach(held(start, 3))

    (welcome,) = again.heard(Welcome)
    (verdict,) = welcome.verdicts
    assert (verdict.verdict, verdict.applied_seq) == (Verdict.CONTINUE, 1)
    again.change(start, Set(("step",), 2), seq=2)
    again.change(start, Set(("step",), 3), seq=3)
    again.finish(start)
    assert driver.vars("root.job")["step"] == 3
    assert the_run(driver).status is RunStatus.SUCCEEDED
    assert the_run(driver).attempt == 1


def test_an_agent_that_stays_away_loses_its_attempt_and_what_it_changed() -> None:
    driver, agent, start = running()
    agent.change(start, Set(("step",), 1), Splice(("items",), 0, 0, ["a"]))
    agent.detach()

    driver.advance((GRACE + GRACE_MARGIN).total_seconds() + 0.1)

    assert driver.vars("root.job") == {"step": 0, "items": [], "flag": False}
    assert the_run(driver).status is RunStatus.PENDING
    other = FakeAgent(driver, session=2, agent_id="other").attach()
    assert other.take_start().attempt == 2
    late = FakeAgent(driver, session=3, agent_id="far").attach(held(start, 2))
    assert late.heard(Welcome)[0].verdicts[0].verdict is Verdict.FENCED


def test_what_the_flow_changed_since_stays_when_an_attempt_is_lost() -> None:
    driver, agent, start = running()
    agent.change(start, Set(("step",), 1), Set(("items",), ["work"]))
    driver.call("set_items", items=["flow"])

    agent.exit()

    assert driver.vars("root.job") == {"step": 0, "items": ["flow"], "flag": False}


def test_a_silent_agent_is_closed_after_its_lease() -> None:
    driver, agent, _ = running()
    driver.advance(LEASE.total_seconds() - 1)
    agent.say(Beat(number=1))
    assert agent.heard(Beat) == [Beat(number=1)]
    driver.advance(LEASE.total_seconds() - 1)
    assert driver.closed == []

    driver.advance(1.1)

    assert (driver.closed, driver.why_closed) == ([1], ["AGENT_SILENT"])
    assert the_run(driver).status is RunStatus.RUNNING, "suspect, not dead"


def test_people_are_told_when_an_agent_with_runs_is_away_and_when_it_is_back(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO", logger="flowrpc")
    driver, agent, start = running()
    idle = FakeAgent(driver, session=2, agent_id="idle").attach()

    agent.detach()
    idle.detach()
    FakeAgent(driver, session=3, agent_id="far").attach(held(start, 0))

    told = [record.getMessage() for record in caplog.records if "agent " in record.getMessage()]
    assert told == [
        "agent far is away; its runs of root.job are tried again 10 s after their orphan_grace",
        "agent far is back; it had runs of root.job",
    ]


def test_an_agent_whose_stream_ends_with_the_app_is_not_told_as_away(
    caplog: pytest.LogCaptureFixture,
) -> None:
    driver, agent, _ = running()
    driver.submit(StopRequested(message="enough"))

    agent.detach()

    assert not [record for record in caplog.records if "is away" in record.getMessage()]


def test_a_new_process_of_the_agent_proves_the_old_one_dead() -> None:
    driver, agent, start = running()
    agent.change(start, Set(("step",), 1))
    agent.detach()

    again = FakeAgent(driver, session=2, agent_id="far", boot_id="boot-2").attach()

    assert driver.vars("root.job")["step"] == 0
    assert again.take_start().attempt == 2


def test_a_start_that_got_lost_is_sent_again_as_the_same_attempt() -> None:
    driver = Driver(Root)
    agent = FakeAgent(driver, agent_id="far").attach()
    driver.settle()
    (start,) = agent.heard(StartRun)
    agent.detach()

    again = FakeAgent(driver, session=2, agent_id="far").attach()

    (resent,) = again.heard(StartRun)
    assert (resent.run_id, resent.attempt) == (start.run_id, 1)


def test_a_seen_exit_of_the_agent_starts_the_next_attempt_at_once() -> None:
    driver, agent, start = running("local")
    agent.change(start, Set(("step",), 1))

    agent.exit()
    again = FakeAgent(driver, session=2, boot_id="boot-2").attach()

    assert again.take_start().attempt == 2
    assert driver.vars("root.job")["step"] == 0


def test_an_agent_that_leaves_gives_its_runs_back() -> None:
    driver, agent, _ = running()

    agent.say(Bye())

    other = FakeAgent(driver, session=2, agent_id="other").attach()
    assert other.take_start().attempt == 2


def test_the_newer_of_two_agents_of_one_name_wins() -> None:
    driver, _, start = running()

    FakeAgent(driver, session=2, agent_id="far").attach(held(start, 0))

    assert (driver.closed, driver.why_closed) == ([1], ["AGENT_REPLACED"])


def test_runs_go_to_the_agent_that_asked_for_the_work_and_not_to_the_local_one_if_told() -> None:
    driver = Driver(Root, remote_works=("root.j*",))
    local = FakeAgent(driver, session=1).attach()
    driver.settle()
    assert local.heard(StartRun) == []

    far = FakeAgent(driver, session=2, agent_id="far", works="root.job").attach()

    assert far.take_start().work == "root.job"


class TestAfterARestartOfTheFlow:
    def test_the_local_agents_runs_are_tried_again_with_the_vars_they_began_with(self) -> None:
        driver, agent, start = running("local")
        agent.change(start, Set(("step",), 1))

        driver.restart()

        assert driver.vars("root.job")["step"] == 0
        again = FakeAgent(driver, boot_id="boot-2").attach()
        assert again.take_start().attempt == 2

    def test_another_agents_runs_go_on_where_they_were(self) -> None:
        driver, agent, start = running()
        agent.change(start, Set(("step",), 1))
        driver.restart()
        assert driver.vars("root.job")["step"] == 1

        again = FakeAgent(driver, agent_id="far").attach(held(start, 2))

        (verdict,) = again.heard(Welcome)[0].verdicts
        assert (verdict.verdict, verdict.applied_seq) == (Verdict.CONTINUE, 1)
        again.change(start, Set(("step",), 2), seq=2)
        again.finish(start)
        assert driver.vars("root.job")["step"] == 2
        assert the_run(driver).attempt == 1

    def test_an_end_whose_acknowledgement_was_lost_is_acknowledged(self) -> None:
        driver, agent, start = running()
        agent.finish(start)
        driver.restart()

        again = FakeAgent(driver, agent_id="far").attach(held(start, 1))

        (verdict,) = again.heard(Welcome)[0].verdicts
        assert (verdict.verdict, verdict.applied_seq) == (Verdict.CONTINUE, 1)
        assert len(driver.runs()) == 1

    def test_a_lost_attempt_takes_back_what_it_changed_before_the_restart(self) -> None:
        driver, agent, start = running()
        agent.change(start, Set(("step",), 1))
        agent.change(start, Set(("items",), [1]))
        driver.restart()

        driver.advance((GRACE + GRACE_MARGIN).total_seconds() + 0.1)

        assert driver.vars("root.job") == {"step": 0, "items": [], "flag": False}


def test_a_run_of_an_unknown_journal_is_unknown() -> None:
    driver = Driver(Root)
    stranger = HeldAttempt(run_id="elsewhere-1", attempt=1, last_seq=4)
    agent = FakeAgent(driver, agent_id="far").attach(stranger)

    assert agent.heard(Welcome)[0].verdicts[0].verdict is Verdict.UNKNOWN


@pytest.mark.parametrize("reason", [FailureReason.EXITED, FailureReason.SIGNALLED])
def test_a_crash_is_a_failure_with_its_reason(reason: FailureReason) -> None:
    driver, agent, start = running()

    agent.finish(start, Failure(reason=reason, message="the process ended", exit_code=3))

    run = the_run(driver)
    assert run.status is RunStatus.FAILED
    assert run.failure is not None
    assert run.failure.reason is reason


def test_deltas_are_acknowledged_before_later_changes_of_the_flow_are_told() -> None:
    driver, agent, start = running()

    agent.change(start, Set(("flag",), True))

    said = [message for message in driver.sent[1] if isinstance(message, Ack | VarsChanged)]
    assert [type(message) for message in said] == [Ack, VarsChanged]


def test_what_the_flow_changed_while_the_agent_was_away_is_told_when_it_comes_back() -> None:
    driver, agent, start = running()
    agent.detach()
    driver.call("set_items", items=["x"])

    again = FakeAgent(driver, session=2, agent_id="far").attach(held(start, 0))

    (told,) = again.heard(VarsChanged)
    assert told.changes == (Set(("items",), ["x"]),)
    again.change(start, Splice(("items",), 1, 0, ["y"]), base=told.number, seq=1)
    assert driver.vars("root.job")["items"] == ["x", "y"]


class Many(LightningFlow):
    def __init__(self) -> None:
        self.jobs = [Job() for _ in range(5)]

    def run(self) -> None:
        for job in self.jobs:
            job.run()


def test_an_agent_gets_no_more_attempts_than_it_executes_at_a_time() -> None:
    driver = Driver(Many)
    agent = FakeAgent(driver, capacity=2).attach()
    driver.settle()

    first, second = agent.heard(StartRun)
    assert [run.status for run in driver.runs()] == [RunStatus.PENDING] * 5
    agent.finish(first)
    (third,) = agent.heard(StartRun)
    FakeAgent(driver, session=2, agent_id="other", capacity=1).attach()
    assert [type(message) for message in driver.sent[2]] == [Welcome, StartRun]

    assert len({start.work for start in (first, second, third)}) == 3


def test_a_failed_run_is_told_in_the_log_with_its_work(caplog: pytest.LogCaptureFixture) -> None:
    _, agent, start = running()

    agent.finish(
        start, Failure(reason=FailureReason.EXCEPTION, message="broken", traceback="Traceback: broken\n")
    )

    (record,) = [record for record in caplog.records if "Traceback: broken" in record.getMessage()]
    assert (record.levelname, record.component) == ("ERROR", "root.job")  # type: ignore[attr-defined]


def test_when_the_app_ends_its_works_may_clean_up_and_what_they_say_is_not_taken() -> None:
    driver, agent, start = running()
    driver.submit(StopRequested())

    (cancel,) = agent.heard(CancelAttempt)
    assert cancel.grace > timedelta(0)
    agent.change(start, Set(("step",), 9))
    agent.finish(start, Failure(reason=FailureReason.CANCELLED, message="cancelled"))

    assert driver.vars("root.job")["step"] == 0
    assert the_run(driver).status is RunStatus.RUNNING, "the next life makes another attempt"


def test_a_var_that_grew_large_is_taken_back_like_any_other() -> None:
    driver, agent, start = running()
    part = "x" * 1_000_000
    for number in range(4):
        driver.root.job.items.append(part)
        driver.settle()
        assert len(driver.vars("root.job")["items"]) == number + 1  # type: ignore[arg-type]

    agent.change(start, Splice(("items",), 0, 4, []), base=1 << 62)
    assert driver.vars("root.job")["items"] == []
    agent.exit()

    assert driver.vars("root.job")["items"] == [part] * 4
