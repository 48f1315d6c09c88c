"""Passes of a spinning flow: on the real service, and of the core alone."""

from __future__ import annotations

import time
from collections.abc import Iterator

from flowrpc.store import MemoryStore
from flowrpc_client import FlowClient

from benchmarks.apps.commanded import Commanded
from benchmarks.core_driver import CoreDriver
from benchmarks.harness import Result, Settings, alternate, at_least, p50
from benchmarks.processes import flow_service

CORE_PASSES = 100_000


def measure(settings: Settings) -> Iterator[Result]:
    """Counts passes between two reads of the counter that they count with."""
    root = Commanded()
    root.spinning = True
    core = CoreDriver(root, MemoryStore())
    seconds = settings.choose(2, 1)
    with flow_service("commanded", settings.directory) as service, service.client() as client:
        rates = alternate(
            {
                "service": lambda: [_spin(client, seconds)],
                "core": lambda: [1 / core.seconds_per_pass(CORE_PASSES)],
            },
            blocks=settings.choose(5, 3),
        )
    service_rate, core_rate = p50(rates["service"]), p50(rates["core"])
    yield Result(what="passes, journalled, 10 vars", value=service_rate, unit="/s", goal=at_least(200_000))
    yield Result(what="core alone, no disk, no server", value=core_rate, unit="/s")
    yield Result(what="service ÷ core alone", value=service_rate / core_rate, unit="x")


def _spin(client: FlowClient, seconds: float) -> float:
    """Lets the flow spin and tells its passes per second."""
    client.call("spin", on=True)
    before, begin = _counter(client), time.perf_counter()
    time.sleep(seconds)  # the measured time itself
    after, end = _counter(client), time.perf_counter()
    client.call("spin", on=False)
    return (after - before) / (end - begin)


def _counter(client: FlowClient) -> int:
    counter: int = client.state()["vars"]["counter"]
    return counter
