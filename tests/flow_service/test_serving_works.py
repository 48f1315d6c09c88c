"""Where works serve, what they are called, and processes that are started ahead of the first run."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flowrpc import LightningFlow, LightningWork, List
from flowrpc.errors import AttributeRuleError
from flowrpc.flow_service.events import WorksListed
from flowrpc.protocol.answers import WorkInfo, WorkStage
from flowrpc.protocol.messages import Bye, Serving, StartRun, StopRunner, VarsChanged
from flowrpc.state.records import AppStage, Failure, FailureReason, RunStatus

from tests.flow_service.driver import Driver, FakeAgent

URL = "http://10.0.0.7:8080"
BROKEN = Failure(reason=FailureReason.NOT_BUILT, message="no such module")


class Server(LightningWork):
    def __init__(self, **options: Any) -> None:
        super().__init__(parallel=True, **options)

    def run(self) -> None:
        raise AssertionError("a flow never executes a work")


class Root(LightningFlow):
    def __init__(self, *, runs: bool = True, **options: Any) -> None:
        self.runs = runs
        self.seen: list[str] = []
        self.server = Server(**options)
        self.more = List()

    def configure_commands(self) -> Any:
        return {
            "stop_server": self.server.stop,
            "start_server": self.server.start,
            "delete_server": self.server.delete,
            "run_server": self.server.run,
            "rename": self.rename,
        }

    def rename(self, name: Any) -> None:
        self.server.display_name = name

    def run(self) -> None:
        if self.runs:
            self.server.run()
        if self.server.url and self.server.url not in self.seen:
            self.seen.append(self.server.url)


def attached(**options: Any) -> tuple[Driver, FakeAgent]:
    driver = Driver(lambda: Root(**options))
    agent = FakeAgent(driver, internal_ip="10.0.0.7", public_ip="203.0.113.7").attach()
    driver.settle()
    return driver, agent


def info(driver: Driver) -> WorkInfo:
    (info,) = driver.ask(WorksListed).works
    assert isinstance(info, WorkInfo)
    return info


def serve(agent: FakeAgent, url: str = URL, port: int = 8080) -> None:
    agent.say(Serving(work="root.server", port=port, url=url))


# Where a work serves


def test_a_url_wakes_the_flow_and_clients_see_it() -> None:
    driver, agent = attached()
    agent.take_start()
    serve(agent, url="")
    assert (driver.root.server.port, driver.root.server.url) == (8080, "")

    serve(agent)

    assert driver.vars()["seen"] == [URL]
    assert driver.replica.components["root.server"].vars["_url"] == URL
    assert (info(driver).url, info(driver).internal_ip, info(driver).public_ip) == (
        URL,
        "10.0.0.7",
        "203.0.113.7",
    )


def test_addresses_are_those_of_the_host_that_executes_it() -> None:
    driver = Driver(Root)
    driver.settle()
    assert (driver.root.server.internal_ip, driver.root.server.public_ip) == ("", "")
    FakeAgent(driver, internal_ip="10.0.0.7", public_ip="203.0.113.7").attach()
    assert (driver.root.server.internal_ip, driver.root.server.public_ip) == ("10.0.0.7", "203.0.113.7")


def test_what_the_framework_keeps_of_a_work_is_not_told_to_it() -> None:
    _, agent = attached()
    agent.take_start()
    serve(agent)
    assert agent.heard(VarsChanged) == []


def test_a_run_that_ends_well_may_go_on_serving() -> None:
    driver, agent = attached()
    start = agent.take_start()
    serve(agent)
    agent.finish(start)
    assert driver.root.server.url == URL


@pytest.mark.parametrize("how", ["exit", "bye", "stop", "detach"])
def test_the_url_goes_with_the_process(how: str) -> None:
    driver, agent = attached()
    start = agent.take_start()
    serve(agent)
    agent.finish(start)
    {
        "exit": agent.exit,
        "bye": lambda: agent.say(Bye()),
        "stop": lambda: driver.call("stop_server"),
        "detach": agent.detach,
    }[how]()
    assert (driver.root.server.url, info(driver).url) == ("", "")
    assert driver.root.server.port == 8080, "it gets the port again if that is free"


def test_a_broken_stream_takes_no_url_from_a_work_that_is_busy() -> None:
    driver, agent = attached()
    agent.take_start()
    serve(agent)
    agent.detach()
    assert driver.root.server.url == URL
    agent.exit()
    assert driver.root.server.url == ""


def test_a_url_of_an_earlier_life_is_gone_until_the_agent_tells_it_again() -> None:
    driver, agent = attached()
    start = agent.take_start()
    serve(agent)
    agent.finish(start)
    driver.restart()
    driver.settle()
    assert driver.root.server.url == ""
    agent = FakeAgent(driver, agent_id="local", boot_id="boot-1").attach()
    serve(agent)
    assert driver.root.server.url == URL


def test_another_agent_cannot_say_where_a_work_serves() -> None:
    driver, agent = attached()
    agent.take_start()
    other = FakeAgent(driver, session=2, agent_id="other", boot_id="boot-2").attach()
    serve(other, url="http://evil:1")
    assert driver.root.server.url == ""
    agent.say(Serving(work="root.nobody", url="http://x:1", port=1))
    assert driver.root.server.url == ""


# Starting ahead


def test_start_asks_for_the_process_and_executes_nothing() -> None:
    driver, agent = attached(runs=False)
    driver.call("start_server")
    (start,) = agent.heard(StartRun)
    assert start.prepare
    assert (driver.root.server.is_pending, driver.root.server.has_started) == (True, True)

    agent.finish(start)

    server = driver.root.server
    assert (server.status.stage, info(driver).stage) == ("started", WorkStage.STARTED)
    assert (server.has_succeeded, server.num_successes, info(driver).succeeded_count) == (False, 0, 0)


def test_start_does_nothing_where_the_work_was_started() -> None:
    driver, agent = attached(runs=False)
    driver.call("start_server")
    driver.call("start_server")
    agent.do()
    driver.call("start_server")
    assert agent.heard(StartRun) == []
    assert len(driver.runs()) == 1


@pytest.mark.parametrize("how", ["stop_server", "delete_server"])
def test_a_work_that_was_stopped_starts_again(how: str) -> None:
    driver, agent = attached(runs=False)
    driver.call("start_server")
    agent.do()

    driver.call(how)

    assert agent.heard(StopRunner)
    assert (driver.root.server.has_stopped, driver.root.server.status.stage) == (True, "stopped")
    driver.call("start_server")
    assert agent.do().prepare
    assert (driver.root.server.has_stopped, driver.root.server.status.stage) == (False, "started")


def test_start_with_flow_starts_with_every_life_of_the_app() -> None:
    driver = Driver(lambda: Root(runs=False, start_with_flow=True))
    agent = FakeAgent(driver).attach()
    assert agent.do().prepare
    driver.restart()
    agent = FakeAgent(driver, boot_id="boot-2").attach()
    assert agent.do().prepare
    assert len(driver.runs()) == 1, "the start before is forgotten"


def test_a_run_comes_after_the_start() -> None:
    driver, agent = attached(runs=False)
    driver.call("start_server")
    driver.call("run_server")
    start = agent.take_start()
    assert start.prepare
    agent.finish(start)
    run = agent.take_start()
    assert not run.prepare
    agent.finish(run)
    assert (driver.root.server.status.stage, driver.root.server.num_successes) == ("succeeded", 1)


def test_a_start_that_fails_fails_the_app() -> None:
    driver, agent = attached(runs=False)
    driver.call("start_server")
    agent.finish(agent.take_start(), BROKEN)
    driver.settle()
    assert driver.exit is not None
    assert (driver.exit.stage, driver.exit.message) == (
        AppStage.FAILED,
        "root.server.start failed: no such module",
    )


def test_a_start_that_fails_may_be_met_in_the_status() -> None:
    driver, agent = attached(runs=False, raise_exception=False)
    driver.call("start_server")
    agent.finish(agent.take_start(), BROKEN)
    driver.settle()
    assert driver.root.server.has_failed
    assert driver.exit is None
    assert info(driver).failed_count == 0, "it was no run"


# Stopping what has ended


def test_a_work_that_is_stopped_after_its_run_has_stopped_and_has_succeeded() -> None:
    driver, agent = attached()
    agent.do()
    driver.call("stop_server")
    server = driver.root.server
    assert (server.has_stopped, server.has_succeeded, server.status.stage) == (True, True, "stopped")
    assert info(driver).stage is WorkStage.STOPPED
    driver.restart()
    driver.settle()
    assert driver.root.server.has_stopped
    (run,) = driver.runs()
    assert run.status is RunStatus.SUCCEEDED


def test_stopping_what_was_never_asked_for_changes_nothing() -> None:
    driver, _ = attached(runs=False)
    driver.call("stop_server")
    assert driver.root.server.status.stage == "not_started"


# Its name for people


def test_a_display_name_may_be_set_until_the_work_is_started() -> None:
    driver, _ = attached(runs=False)
    driver.call("rename", name="The server")
    assert (driver.root.server.display_name, info(driver).display_name) == ("The server", "The server")
    driver.restart()
    assert driver.root.server.display_name == "The server"

    driver.call("run_server")

    failure = driver.call("rename", name="Late").failure
    assert failure is not None
    assert failure.type == "RuntimeError"
    assert "root.server.display_name: the work was started already" in failure.message


def test_a_display_name_is_a_text() -> None:
    with pytest.raises(AttributeRuleError, match="is a text, not int"):
        Server().display_name = 3  # type: ignore[assignment]


# Outside of an app


def test_start_and_delete_need_an_app() -> None:
    for ask in (Server().start, Server().stop, Server().delete):
        with pytest.raises(RuntimeError, match="root"):
            ask()


def test_a_work_alone_has_a_free_port_that_stays() -> None:
    server = Server()
    assert server.port == server.port > 0
    assert (server.host, server.url, server.internal_ip) == ("127.0.0.1", "", "127.0.0.1")
    assert Server(port=8123).port == 8123


def test_in_the_flow_a_port_is_known_when_it_was_chosen() -> None:
    driver, _ = attached(runs=False)
    assert driver.root.server.port == 0
    fixed, _ = attached(runs=False, port=8123)
    assert fixed.root.server.port == 8123


@pytest.mark.parametrize("port", [0, -1, 65536])
def test_a_port_that_is_none_is_refused(port: int) -> None:
    with pytest.raises(ValueError, match=f"Server: port={port} is none; choose 1 to 65535"):
        Server(port=port)


def test_run_once_is_the_old_name_of_cache_calls() -> None:
    with pytest.warns(DeprecationWarning, match="run_once is the old name of cache_calls"):
        server = Server(run_once=False)
    assert (server.cache_calls, server.run_once) == (False, False)
    assert Server(timeout=timedelta(seconds=1)).run_once
