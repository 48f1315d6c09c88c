"""Deltas of one work: from its first set until the flow has made the last one durable."""

from __future__ import annotations

from collections.abc import Iterator

from flowrpc.state import Set
from flowrpc.state.records import Revision
from flowrpc_client import FlowClient

from benchmarks.apps.counting_work import BURST
from benchmarks.harness import Result, Settings, at_least, at_most, percentile
from benchmarks.processes import flow_service

WORK = "root.counting"


def measure(settings: Settings) -> Iterator[Result]:
    """Asks a work to count, and waits for the revision that holds its last set."""
    sets = settings.choose(400_000, 200_000)
    with flow_service("counting_work", settings.directory) as service, service.client() as client:
        _count(client, BURST)  # starts the process
        runs = [_count(client, sets) for _ in range(settings.choose(5, 2))]
    rate = percentile([sets / (durable - began) for began, _, durable, _ in runs], 50)
    made = percentile([sets / (ended - began) for began, ended, _, _ in runs], 50)
    cost = percentile([cost for *_, cost in runs], 50)
    yield Result(
        what="deltas of one work, each set sent, until durable",
        value=rate,
        unit="/s",
        goal=at_least(200_000),
        detail=f"{sets:,} sets in a row; user code, held back, makes {made:,.0f}/s",
    )
    yield Result(
        what="a set in the work, not held back",
        value=cost * 1e6,
        unit="µs",
        goal=at_most(2.0),
        detail=f"in bursts of {BURST:,}, the loop taken off, the sender at work beside it",
    )


def _count(client: FlowClient, sets: int) -> tuple[float, float, float, float]:
    """Lets the work count; returns when it began, ended and was durable, and the seconds of one set in a burst."""
    with client.watch(WORK) as updates:
        client.call("count", sets=sets)
        for update in updates:
            if isinstance(update, Revision) and _holds_last_set(update):
                vars_ = client.state(WORK)["vars"]
                burst = (vars_["burst_seconds"] - vars_["loop_seconds"]) / BURST
                return vars_["began"], vars_["ended"], update.time.timestamp(), burst
    raise RuntimeError(f"{WORK} ended without its last set")


def _holds_last_set(revision: Revision) -> bool:
    changes = (change for delta in revision.deltas for change in delta.changes)
    return any(isinstance(change, Set) and change.path == ("ended",) for change in changes)
