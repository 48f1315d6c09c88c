"""How soon a flow notices that a process is dead or frozen, and a run that it is cancelled."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from flowrpc.flow_service.agents import LEASE
from flowrpc.state.records import RunStatus
from flowrpc_client import FlowClient

from benchmarks import cancellations
from benchmarks.apps import cancelling, waiting
from benchmarks.harness import Goal, Result, Settings, at_most, percentile
from benchmarks.processes import Service, flow_service

SOON_SECONDS = 0.5
CANCEL_SECONDS = 0.1
"""What is promised, from when the agent hears of it; the way from the client to the agent is measured, too."""
AGENTS = 10
"""How many agents are killed in one round, one shortly after another."""
APART_SECONDS = 0.05
POLL_SECONDS = 0.005
WAIT_SECONDS = 120.0


def measure(settings: Settings) -> Iterator[Result]:
    """Kills runners, freezes and kills agents and cancels runs, and takes the times until that has its effect."""
    samples = settings.choose(200, 20)
    with flow_service("waiting", settings.directory) as service:
        with service.client() as client:
            runners = [s for _ in range(samples // waiting.WORKS) for s in _kill_runners(client)]
        frozen, killed = [], []
        for number in range(samples // AGENTS):
            freezes, kills = _freeze_and_kill_agents(service, settings.directory, number)
            frozen += freezes
            killed += kills
    with flow_service("cancelling", settings.directory) as service, service.client() as client:
        rounds = range(samples // cancelling.WORKS)
        interrupted = [s for _ in rounds for s in cancellations.interrupt(client)]
        dead = [s for _ in rounds for s in cancellations.kill_the_deaf(client)]
    lease = LEASE.total_seconds()
    yield _result("runner killed → its run is not running any more", runners, at_most(SOON_SECONDS))
    yield _result("agent killed → it is not attached any more", killed, at_most(SOON_SECONDS))
    yield _result("agent frozen → it is not attached any more", frozen, at_most(lease + SOON_SECONDS))
    yield _result("cancel → user code interrupted, the way included", interrupted, at_most(CANCEL_SECONDS))
    yield _result("cancel → deaf runner dead, way included, less grace", dead, at_most(CANCEL_SECONDS))


def _result(what: str, samples: Sequence[float], goal: Goal) -> Result:
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    p50 = percentile(samples, 50)
    return Result(
        what=f"{what}, worst of {len(samples)}",
        value=max(samples),
        unit="s",
        goal=goal,
        detail=f"p50 {p50:.3f} s, p99 {percentile(samples, 99):.3f} s; load of the machine {load}",
    )


def _kill_runners(client: FlowClient) -> list[float]:
    """Has every work run, kills their processes one after another, and watches their runs end."""
    client.call("go")
    names = [f"root.waits.{index}" for index in range(waiting.WORKS)]
    begun = _until(lambda: _running(client, names), "the works do not run")
    with client.replica() as replica:
        replica.wait_for(lambda state: all(_pid(state, name) for name in names), timeout=WAIT_SECONDS)
        pids = {name: _pid(replica, name) for name in names}
    killed: dict[str, float] = {}
    seen: dict[str, float] = {}
    for name in names:
        killed[begun[name]] = time.monotonic()
        os.kill(pids[name], signal.SIGKILL)
        _look_at_runs(client, killed, seen, until=time.monotonic() + APART_SECONDS)
    while len(seen) < len(killed):
        _look_at_runs(client, killed, seen, until=time.monotonic() + 1)
    return [seen[run] - killed[run] for run in killed]


def _running(client: FlowClient, names: Sequence[str]) -> dict[str, str]:
    runs = {run.work: run.run_id for run in client.runs(statuses=[RunStatus.RUNNING])}
    return runs if set(names) <= set(runs) and _fresh(client, names) else {}


def _fresh(client: FlowClient, names: Sequence[str]) -> bool:
    """Tells whether the process that each work named is there: after a kill there is another."""
    vars_ = [client.state(name)["vars"] for name in names]
    return all(each["pid"] and Path(f"/proc/{each['pid']}").exists() for each in vars_)


def _pid(state: object, name: str) -> int:
    with suppress(KeyError):  # it is loaded in a moment
        return int(state.vars(name)["pid"])  # type: ignore[attr-defined]
    return 0


def _look_at_runs(client: FlowClient, killed: dict[str, float], seen: dict[str, float], until: float) -> None:
    while len(seen) < len(killed) and time.monotonic() < until:
        running = {run.run_id for run in client.runs(statuses=[RunStatus.RUNNING])}
        now = time.monotonic()
        seen.update({run: now for run in killed if run not in seen and run not in running})
        time.sleep(POLL_SECONDS)
    time.sleep(max(until - time.monotonic(), 0) if len(seen) < len(killed) else 0)


def _freeze_and_kill_agents(
    service: Service, directory: Path, number: int
) -> tuple[list[float], list[float]]:
    names = [f"agent-{number}-{index}" for index in range(AGENTS)]
    with service.client() as client, ExitStack() as stack:
        agents = {name: stack.enter_context(_agent(service, directory, name)) for name in names}
        _until(lambda: set(names) <= _attached(client), "the agents do not attach")
        frozen = _strike(client, agents, signal.SIGSTOP)
        for agent in agents.values():
            agent.send_signal(signal.SIGCONT)
        _until(lambda: set(names) <= _attached(client), "the agents do not come back")
        return frozen, _strike(client, agents, signal.SIGKILL)


def _strike(
    client: FlowClient, agents: dict[str, subprocess.Popen[bytes]], number: signal.Signals
) -> list[float]:
    """Sends each agent a signal, and takes the times until it is not listed any more."""
    struck: dict[str, float] = {}
    seen: dict[str, float] = {}
    waiting_for = list(agents)
    while len(seen) < len(agents):
        if waiting_for and (not struck or time.monotonic() > max(struck.values()) + APART_SECONDS):
            name = waiting_for.pop(0)
            struck[name] = time.monotonic()
            agents[name].send_signal(number)
        attached, now = _attached(client), time.monotonic()
        seen.update({name: now for name in struck if name not in seen and name not in attached})
        time.sleep(POLL_SECONDS)
    return [seen[name] - struck[name] for name in struck]


def _attached(client: FlowClient) -> set[str]:
    return {agent.agent_id for agent in client.agents()}


@contextmanager
def _agent(service: Service, directory: Path, name: str) -> Iterator[subprocess.Popen[bytes]]:
    program = str(Path(sys.executable).with_name("flowctl"))
    process = subprocess.Popen(
        [
            *(program, "work", "serve", str(Path(waiting.__file__)), "--work", "root.nothing"),
            *("--agent-id", name, "--flow", service.address),
            *("--token-file", str(service.token_file.with_name("work"))),
        ],
        cwd=directory,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _until(condition: Callable[[], object], what: str) -> dict[str, str]:
    end = time.monotonic() + WAIT_SECONDS
    while not (found := condition()):
        if time.monotonic() > end:
            raise TimeoutError(what)
        time.sleep(0.05)
    return found if isinstance(found, dict) else {}
