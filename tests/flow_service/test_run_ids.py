"""An id of a run is never used again, not even when the run it named is forgotten."""

from __future__ import annotations

from typing import Any

from flowrpc.component import Dict, LightningFlow, LightningWork
from flowrpc.protocol.messages import HeldAttempt, Verdict, Welcome

from tests.flow_service.driver import Driver, FakeAgent


class Job(LightningWork):
    def __init__(self) -> None:
        super().__init__(parallel=True)
        self.count = 0

    def run(self) -> None: ...


class Root(LightningFlow):
    def __init__(self) -> None:
        self.jobs = Dict()

    def run(self) -> None:
        for job in self.jobs.values():
            job.run()

    def put(self, key: str) -> None:
        self.jobs[key] = Job()

    def drop(self, key: str) -> None:
        del self.jobs[key]

    def configure_commands(self) -> list[dict[str, Any]]:
        return [{"put": self.put}, {"drop": self.drop}]


def test_a_run_that_an_agent_still_holds_is_not_taken_for_a_new_one() -> None:
    driver = Driver(Root)
    agent = FakeAgent(driver, agent_id="far").attach()
    driver.call("put", key="a")
    forgotten = agent.take_start()
    agent.detach()
    driver.call("drop", key="a")
    driver.restart()
    driver.call("put", key="b")
    other = FakeAgent(driver, session=2, agent_id="other").attach()
    assert other.take_start().run_id != forgotten.run_id
    held = HeldAttempt(run_id=forgotten.run_id, attempt=1, last_seq=3)
    back = FakeAgent(driver, session=3, agent_id="far").attach(held)
    (welcome,) = back.heard(Welcome)
    assert welcome.verdicts[0].verdict is Verdict.UNKNOWN
