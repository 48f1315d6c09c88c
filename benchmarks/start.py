"""Start to serving against a bare server's, and what an idle service costs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.apps.counting_work import BURST
from benchmarks.harness import Block, Result, Settings, alternate, at_most, p50, ratio
from benchmarks.processes import Service, bare_server, children, cpu_seconds, flow_service

SETTLE_SECONDS = 1.0


def measure(settings: Settings) -> Iterator[Result]:
    """Starts both in turns; then lets a service with its agent be idle."""
    starts = alternate(
        {
            "bare": lambda: _start_bare(settings.directory),
            "service": lambda: _start_service(settings.directory),
        },
        blocks=settings.choose(8, 3),
    )
    yield Result(
        what="start to serving ÷ a bare gRPC server's",
        value=ratio(starts["service"], starts["bare"]),
        unit="x",
        goal=at_most(2.0),
        detail=f"{p50(starts['service']) * 1e3:.0f} ms ÷ {p50(starts['bare']) * 1e3:.0f} ms",
    )
    yield from _idle(settings)


def _start_bare(directory: Path) -> Block:
    with bare_server(directory) as served:
        return [served.start_seconds]


def _start_service(directory: Path) -> Block:
    with flow_service("commanded", directory) as service:
        return [service.start_seconds]


def _idle(settings: Settings) -> Iterator[Result]:
    seconds = 10.0
    with (
        bare_server(settings.directory) as bare,
        flow_service("counting_work", settings.directory) as service,
    ):
        agent = _agent(service)
        processes = {"flow service": service.pid, "local agent": agent, "bare server": bare.process.pid}
        _run_once(service)
        shares = _shares(processes, seconds)
    for name, share in shares.items():
        yield Result(
            what=f"idle {name}, over {seconds:g} s",
            value=share,
            unit="% of a core",
            goal=None if name == "bare server" else at_most(0.5),
            detail="" if name == "bare server" else "one work has run, its process waits",
        )


def _run_once(service: Service) -> None:
    """Runs the work once, so that all that an idle app has is there."""
    with service.client() as client, client.replica() as replica:
        client.call("count", sets=BURST)
        replica.wait_for(lambda state: any(run.status.terminal for run in client.runs()), timeout=30.0)


def _agent(service: Service) -> int:
    """Finds the local agent: what `flowctl run` starts beside itself."""
    return children(service.pid)[0]


def _shares(processes: dict[str, int], seconds: float) -> dict[str, float]:
    time.sleep(SETTLE_SECONDS)  # what the last run left to do is done
    before = {name: cpu_seconds(pid) for name, pid in processes.items()}
    time.sleep(seconds)  # the measured time itself
    return {name: (cpu_seconds(pid) - before[name]) / seconds * 100 for name, pid in processes.items()}
