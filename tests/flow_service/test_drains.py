"""Draining an agent: it gets nothing more, and whoever asked for it hears when that is certain."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flowrpc import LightningFlow, LightningWork
from flowrpc.errors import CallError
from flowrpc.flow_service.events import AgentsListed, CommandCalled, DrainRequested
from flowrpc.protocol.messages import Bye, Drain, Draining, HeldAttempt, StartRun
from flowrpc.state.records import RunStatus

from tests.flow_service.driver import Driver, FakeAgent

CALL = 1_000
MINUTE = timedelta(minutes=1)


class Job(LightningWork):
    def __init__(self) -> None:
        super().__init__(parallel=True)

    def run(self, number: int) -> None:
        raise AssertionError("a flow never executes a work")


class Root(LightningFlow):
    def __init__(self) -> None:
        self.one = Job()
        self.two = Job()

    def run(self) -> None:
        self.one.run(0)

    def more(self) -> None:
        self.two.run(1)

    def configure_commands(self) -> Any:
        return [{"more": self.more}]


def running() -> tuple[Driver, FakeAgent, StartRun]:
    driver = Driver(Root)
    agent = FakeAgent(driver, agent_id="far").attach()
    driver.settle()
    return driver, agent, agent.take_start()


def drain(driver: Driver, agent_id: str = "far", grace: timedelta | None = None) -> None:
    driver.submit(DrainRequested(call_id=CALL, agent_id=agent_id, grace=grace))


def held(start: StartRun) -> HeldAttempt:
    return HeldAttempt(run_id=start.run_id, attempt=start.attempt, last_seq=0)


def back(
    driver: Driver, *attempts: HeldAttempt, draining: bool = False, boot_id: str = "boot-1"
) -> FakeAgent:
    agent = FakeAgent(driver, session=2, agent_id="far", boot_id=boot_id, draining=draining)
    return agent.attach(*attempts)


def test_a_draining_agent_finishes_what_it_has_and_gets_nothing_more() -> None:
    driver, agent, start = running()

    drain(driver, grace=MINUTE)
    assert agent.heard(Drain) == [Drain(grace=MINUTE)]
    driver.call("more")
    assert agent.heard(StartRun) == []
    agent.finish(start)

    assert [run.status for run in driver.runs()] == [RunStatus.SUCCEEDED, RunStatus.PENDING]
    assert "no attached agent executes root.two" in driver.runs()[1].pending_reason
    other = FakeAgent(driver, session=3, agent_id="other").attach()
    assert other.take_start().work == "root.two"


def test_the_caller_is_answered_when_the_agent_has_heard_it() -> None:
    driver, agent, _ = running()
    drain(driver)
    assert CALL not in driver.replies
    agent.say(Draining())
    assert driver.replies[CALL] is None


def test_a_list_of_agents_tells_who_drains() -> None:
    driver, _, _ = running()
    FakeAgent(driver, session=3, agent_id="other").attach()
    drain(driver)
    assert {info.agent_id: info.draining for info in driver.ask(AgentsListed)} == {
        "far": True,
        "other": False,
    }


def test_what_was_asked_for_before_is_told_before() -> None:
    """An agent refuses what it is asked for once it drains."""
    driver, _, _ = running()
    driver.feed(CommandCalled(call_id=CALL + 1, command="more", arguments={}))
    drain(driver)
    kinds = [type(message) for message in driver.sent[1] if isinstance(message, StartRun | Drain)]
    assert kinds == [StartRun, Drain]


def test_an_agent_that_did_not_hear_it_is_told_when_it_is_back() -> None:
    driver, agent, start = running()
    drain(driver, grace=MINUTE)
    agent.detach()
    assert CALL not in driver.replies

    again = back(driver, held(start))

    assert again.heard(Drain) == [Drain(grace=MINUTE)]
    driver.call("more")
    assert again.heard(StartRun) == []


def test_an_agent_that_drains_says_so_to_the_next_life() -> None:
    driver, agent, start = running()
    drain(driver)
    agent.say(Draining())
    driver.restart()

    again = back(driver, held(start), draining=True)
    driver.call("more")

    assert again.heard(StartRun) == []


def test_a_hello_that_says_so_answers_the_caller() -> None:
    driver, agent, start = running()
    drain(driver)
    agent.detach()
    back(driver, held(start), draining=True)
    assert driver.replies[CALL] is None


def test_another_process_of_the_agent_does_not_drain() -> None:
    """Whoever starts it again wants it back."""
    driver, agent, _ = running()
    drain(driver)
    agent.detach()

    again = back(driver, boot_id="boot-2")

    assert driver.replies[CALL] is None, "the process that was to leave is gone"
    assert again.heard(Drain) == []
    assert again.take_start().attempt == 2


@pytest.mark.parametrize("end", ["bye", "exit"])
def test_an_agent_that_left_has_drained(end: str) -> None:
    driver, agent, start = running()
    drain(driver)
    if end == "bye":
        agent.say(Bye())
    else:
        agent.exit()
    assert driver.replies[CALL] is None
    other = FakeAgent(driver, session=3, agent_id="other").attach()
    again = other.take_start()
    assert (again.run_id, again.attempt) == (start.run_id, 2)


def test_a_start_that_a_draining_agent_never_got_goes_to_another() -> None:
    driver = Driver(Root)
    agent = FakeAgent(driver, agent_id="far").attach()
    driver.settle()
    assert len(agent.heard(StartRun)) == 1
    agent.detach()

    again = back(driver, draining=True)
    other = FakeAgent(driver, session=3, agent_id="other").attach()

    assert again.heard(StartRun) == []
    assert other.take_start().work == "root.one"


def test_draining_again_changes_the_time() -> None:
    driver, agent, _ = running()
    drain(driver)
    drain(driver, grace=MINUTE)
    assert agent.heard(Drain) == [Drain(), Drain(grace=MINUTE)]


@pytest.mark.parametrize(
    ("agent_id", "reason", "message"),
    [
        ("nobody", "UNKNOWN_AGENT", "no agent 'nobody' is attached; see flowctl agents"),
        ("local", "INVALID_REQUEST", "the local agent lives as long as its app: stop that with flowctl stop"),
    ],
)
def test_what_cannot_be_drained_is_refused(agent_id: str, reason: str, message: str) -> None:
    driver, _, _ = running()
    with pytest.raises(CallError, match=message) as caught:
        driver.ask(DrainRequested, agent_id=agent_id, grace=None)
    assert caught.value.reason == reason
