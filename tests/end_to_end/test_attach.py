"""Agents and their flow over bad networks, kills at bad moments, stalls and drains: nothing lost, nothing doubled."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from functools import partial

import pytest
from flowrpc.state.records import Run, RunStatus
from flowrpc_client import FlowClient, StateReplica

from tests.end_to_end.conftest import FLOWCTL, MakeApp, RunningApp, flowctl, var, wait_until_gone
from tests.end_to_end.forwarder import Forwarder

WAIT = 60.0
pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

APP = """
from datetime import timedelta

from flowrpc import Retry

if os.environ.get("KILL_BEFORE_TELLING"):
    from flowrpc.flow_service.work_servicer import WorkServicer
    from flowrpc.protocol.messages import VarsChanged

    send = WorkServicer.send

    def send_or_die(self, effect):
        if isinstance(effect.message, VarsChanged):
            os.kill(os.getpid(), signal.SIGKILL)
        send(self, effect)

    WorkServicer.send = send_or_die

if os.environ.get("SHORT_LEASE"):
    from flowrpc.flow_service import agents

    agents.LEASE = timedelta(seconds=2)


class Train(LightningWork):
    def __init__(self, **options):
        super().__init__(parallel=True, **options)
        self.pid = 0
        self.items = []
        self.flag = False
        self.flags = 0
        self.halt = False
        self.attempts = []

    def run(self, what, *arguments):
        self.pid = os.getpid()
        self.attempts.append(self.attempt)
        getattr(self, what)(*arguments)

    def until_told(self):
        while not self.halt:
            time.sleep(0.01)

    def until_the_second_attempt(self):
        while self.attempt == 1:
            time.sleep(0.01)

    def steps(self, count):
        while len(self.items) < count:
            self.items.append(len(self.items))
            if len(self.items) == 5 and self.attempt == 1:
                signal.pause()

    def append(self, count):
        for number in range(count):
            self.items.append(number)
            time.sleep(0.002)
            if not self.flag:
                self.flags += 1
                self.flag = True
        while self.flag:
            time.sleep(0.01)


class Root(LightningFlow):
    def __init__(self):
        self.train = Train(OPTIONS)
        self.more = Train()
        self.seen = 0

    def run(self):
        self.train.run(CALL)
        if self.train.flag:
            self.train.flag = False
            self.seen += 1

    def halt(self):
        self.train.halt = True

    def stall(self, seconds: float, interpreter: bool):
        if interpreter:
            import ctypes

            ctypes.PyDLL(None).sleep(int(seconds))
        else:
            time.sleep(seconds)

    def another(self):
        self.more.run("until_told")

    def configure_commands(self):
        return [{"halt": self.halt}, {"stall": self.stall}, {"another": self.another}]


app = LightningApp(Root())
"""


class AgentByHand:
    """An agent that is no child of the flow."""

    def __init__(self, app: RunningApp, address: str = "", agent_id: str = "far", work: str = "*") -> None:
        self.log = app.folder / f"{agent_id}-{len(list(app.folder.glob(f'{agent_id}-*')))}.txt"
        environment = {key: value for key, value in os.environ.items() if key not in SEAMS}
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [
                    *(FLOWCTL, "work", "serve", "app.py", "--work", work, "--agent-id", agent_id),
                    *("--flow", address or app.address),
                    *("--token-file", app.folder / ".flowrpc" / "tokens" / "work"),
                ],
                cwd=app.folder,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment,
            )

    def says(self, text: str) -> bool:
        return text in self.log.read_text()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(timeout=WAIT)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(timeout=WAIT)


SEAMS = ("KILL_BEFORE_TELLING", "SHORT_LEASE")
MakeAgent = Callable[..., AgentByHand]


@pytest.fixture
def make_agent() -> Iterator[MakeAgent]:
    agents: list[AgentByHand] = []

    def make(*arguments: object, **options: object) -> AgentByHand:
        agents.append(AgentByHand(*arguments, **options))  # type: ignore[arg-type]
        return agents[-1]

    yield make
    for agent in agents:
        agent.close()


def app_of(make_app: MakeApp, call: str, options: str = "") -> RunningApp:
    """Makes an app whose works are executed by agents that are started by hand."""
    return make_app(APP.replace("OPTIONS", options).replace("CALL", call), "--remote-work", "*")


def until(condition: Callable[[], bool], what: str, seconds: float = WAIT) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.02)


def begun(client: FlowClient) -> int:
    """Waits until the work runs; returns its process."""
    with client.replica() as replica:
        replica.wait_for(lambda replica: var(replica, "root.train", "pid") > 0, timeout=WAIT)
        return int(var(replica, "root.train", "pid"))


def longer_than(least: int, replica: StateReplica) -> bool:
    return len(var(replica, "root.train", "items")) > least


def ended(client: FlowClient) -> Run:
    """Waits until the first run of the work has ended."""
    found: list[Run] = []

    def terminal() -> bool:
        found[:] = client.runs(work="root.train")[-1:]
        return bool(found) and found[0].status.terminal

    until(terminal, "the run has not ended")
    return found[0]


def test_what_the_flow_changed_is_told_although_it_was_killed_before(
    make_app: MakeApp, make_agent: MakeAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The change is durable, and the frame that tells of it was never sent."""
    app = app_of(make_app, "'until_told'")
    monkeypatch.setenv("KILL_BEFORE_TELLING", "1")
    app.start()
    make_agent(app)
    with app.client() as client:
        pid = begun(client)
    halting = subprocess.Popen([FLOWCTL, "call", "halt"], cwd=app.folder, stderr=subprocess.DEVNULL)
    assert app.wait(WAIT) == -signal.SIGKILL
    monkeypatch.delenv("KILL_BEFORE_TELLING")

    app.start()
    with app.client() as client:
        run = ended(client)
        assert (run.status, run.attempt) == (RunStatus.SUCCEEDED, 1)
        assert client.state("root.train")["vars"]["pid"] == pid
    halting.wait(timeout=WAIT)


@pytest.mark.parametrize("interpreter", [False, True])
def test_user_code_that_stalls_the_flow_for_longer_than_a_lease_kills_nobody(
    make_app: MakeApp, make_agent: MakeAgent, monkeypatch: pytest.MonkeyPatch, interpreter: bool
) -> None:
    monkeypatch.setenv("SHORT_LEASE", "1")
    app = app_of(make_app, "'until_told'").start()
    agent = make_agent(app)
    with app.client(timeout=WAIT) as client:
        begun(client)
        client.call("stall", seconds=7.0, interpreter=interpreter)
        client.call("halt")
        run = ended(client)
    assert (run.status, run.attempt) == (RunStatus.SUCCEEDED, 1)
    assert "suspect" not in app.stderr()
    assert not agent.says("lost")


def test_an_orphan_is_killed_after_its_grace_and_made_again(make_app: MakeApp, make_agent: MakeAgent) -> None:
    app = app_of(make_app, "'until_the_second_attempt'", "orphan_grace=timedelta(seconds=1)").start()
    agent = make_agent(app)
    with app.client() as client:
        pid = begun(client)
    app.kill()
    wait_until_gone({pid}, WAIT)
    assert agent.process.poll() is None

    app.start()
    with app.client() as client:
        run = ended(client)
        assert (run.status, run.attempt) == (RunStatus.SUCCEEDED, 2)
        assert client.state("root.train")["vars"]["attempts"] == [2], "what the orphan changed is taken back"


@pytest.mark.parametrize("killed", ["agent", "runner"])
def test_a_work_that_resumes_keeps_its_progress_when_it_is_killed(
    make_app: MakeApp, make_agent: MakeAgent, killed: str
) -> None:
    """A runner's death is a failure, which is retried; the agent's is proven by its next process."""
    options = "resume=True, retry=Retry(attempts=2, delay=timedelta(0))"
    app = app_of(make_app, "'steps', 10", options).start()
    agent = make_agent(app)
    with app.client() as client:
        with client.replica() as replica:
            replica.wait_for(lambda replica: len(var(replica, "root.train", "items")) == 5, timeout=WAIT)
            pid = var(replica, "root.train", "pid")
        if killed == "agent":
            agent.kill()
            wait_until_gone({pid}, WAIT)
            make_agent(app)
        else:
            os.kill(pid, signal.SIGKILL)
        run = ended(client)
        vars_ = client.state("root.train")["vars"]
    assert (run.status, run.attempt) == (RunStatus.SUCCEEDED, 2)
    assert (vars_["attempts"], vars_["items"]) == ([1, 2], list(range(10)))


PAYING = """
class Pay(LightningWork):
    def __init__(self):
        super().__init__()
        self.begun = False

    def run(self, order):
        with open("paid.txt", "a") as paid:
            print(order, self.attempt, self.idempotency_key, file=paid)
        self.begun = True
        if order == "tea" and self.attempt == 1:
            signal.pause()


class Root(LightningFlow):
    def __init__(self):
        self.pay = Pay()
        self.done = False

    def run(self):
        self.pay.run("tea")
        self.pay.run("milk")
        self.done = True


app = LightningApp(Root())
"""


def test_a_run_keeps_its_key_when_its_agent_is_killed_and_no_other_has_it(
    make_app: MakeApp, make_agent: MakeAgent
) -> None:
    """What it stands for outside happens once only if both attempts hand over one key."""
    app = make_app(PAYING, "--remote-work", "*").start()
    agent = make_agent(app)
    with app.client() as client, client.replica() as replica:
        replica.wait_for(lambda replica: var(replica, "root.pay", "begun"), timeout=WAIT)
        agent.kill()
        make_agent(app)
        replica.wait_for(lambda replica: var(replica, "root", "done"), timeout=WAIT)
    first, again, other = (line.split() for line in (app.folder / "paid.txt").read_text().splitlines())
    assert (first[:2], again[:2], other[:2]) == (["tea", "1"], ["tea", "2"], ["milk", "1"])
    assert first[2] == again[2] != other[2]


def test_a_drained_agent_finishes_and_ends_while_others_get_what_comes(
    make_app: MakeApp, make_agent: MakeAgent
) -> None:
    app = app_of(make_app, "'until_told'").start()
    agent = make_agent(app)
    with app.client(timeout=WAIT) as client:
        begun(client)
        drained = flowctl("agents", "drain", "far", cwd=app.folder, timeout=WAIT)
        assert drained.returncode == 0, drained.stderr
        assert "far (draining)" in flowctl("agents", cwd=app.folder).stdout
        client.call("another")
        assert agent.process.poll() is None
        make_agent(app, agent_id="near")
        until(lambda: client.runs(work="root.more")[0].agent_id == "near", "the run got no agent")
        client.call("halt")
        run = ended(client)
        assert (run.status, run.attempt, run.agent_id) == (RunStatus.SUCCEEDED, 1, "far")
        assert agent.process.wait(timeout=WAIT) == 0
        assert [info.agent_id for info in client.agents() if info.agent_id != "local"] == ["near"]


def test_a_half_open_link_is_noticed_by_its_transport_and_the_work_goes_on(
    make_app: MakeApp, make_agent: MakeAgent
) -> None:
    """Long before the agent would take the flow for silent, which is after 15 seconds."""
    app = app_of(make_app, "'until_told'").start()
    with Forwarder(app.address) as network, app.client(timeout=WAIT) as client:
        agent = make_agent(app, network.address)
        pid = begun(client)
        network.freeze()
        until(lambda: agent.says("lost"), "the agent did not notice", 12.0)
        until(lambda: agent.says("regained"), "the agent did not come back")
        client.call("halt")
        run = ended(client)
        assert (run.status, run.attempt) == (RunStatus.SUCCEEDED, 1)
        assert client.state("root.train")["vars"]["pid"] == pid
    assert not agent.says("dialling again: the flow was silent")


@pytest.mark.parametrize(("delay", "cut_every"), [(0.0, 60), (0.002, 100)])
def test_a_link_that_flaps_loses_nothing_and_doubles_nothing(
    make_app: MakeApp, make_agent: MakeAgent, delay: float, cut_every: int
) -> None:
    """The work appends, and the flow resets a flag that it sets: each of both counts once."""
    count = 1_000
    app = app_of(make_app, f"'append', {count}").start()
    with (
        Forwarder(app.address, delay_seconds=delay, cut_every=cut_every) as network,
        app.client(timeout=WAIT) as client,
    ):
        make_agent(app, network.address)
        run = ended(client)
        state = client.state()
        vars_ = state["works"]["train"]["vars"]
        assert (run.status, run.attempt) == (RunStatus.SUCCEEDED, 1)
        assert vars_["items"] == list(range(count))
        assert vars_["flags"] == state["vars"]["seen"] > 0
        assert network.cuts > 2


def test_a_cut_in_the_middle_of_everything_is_survived(make_app: MakeApp, make_agent: MakeAgent) -> None:
    """A kill of the flow, a reset of the connection, and a kill again, under one attempt."""
    app = app_of(make_app, "'append', 1_000").start()
    with Forwarder(app.address) as network:
        make_agent(app, network.address)
        for least in (100, 300, 600):
            with app.client() as client, client.replica() as replica:
                replica.wait_for(
                    partial(longer_than, least),
                    timeout=WAIT,
                )
            network.cut()
            if least != 300:
                app.kill()
                app.start()
        with app.client() as client:
            run = ended(client)
            state = client.state()
        vars_ = state["works"]["train"]["vars"]
        assert (run.status, run.attempt) == (RunStatus.SUCCEEDED, 1)
        assert vars_["items"] == list(range(1_000))
        assert vars_["flags"] == state["vars"]["seen"] > 0


def test_a_cancellation_of_a_run_stands_although_the_link_is_down(
    make_app: MakeApp, make_agent: MakeAgent
) -> None:
    app = app_of(make_app, "'until_told'").start()
    with Forwarder(app.address) as network, app.client(timeout=WAIT) as client:
        make_agent(app, network.address)
        begun(client)
        (run,) = client.runs(work="root.train")
        network.freeze()  # what is said from now on is lost, and the flow does not know
        client.cancel(run.run_id)
        run = ended(client)
        assert (run.status, run.attempt) == (RunStatus.CANCELLED, 1)


def test_the_app_ends_in_order_with_a_link_that_is_half_open(
    make_app: MakeApp, make_agent: MakeAgent
) -> None:
    app = app_of(make_app, "'until_told'").start()
    with Forwarder(app.address) as network:
        make_agent(app, network.address)
        with app.client() as client:
            begun(client)
        network.freeze()
        assert app.end() == 0
