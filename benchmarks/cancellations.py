"""How long runs go on after they were cancelled. All is told by one clock, which is that of every process here."""

from __future__ import annotations

import os
import select
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from flowrpc.state.records import RunStatus
from flowrpc_client import FlowClient, StateReplica

from benchmarks.apps import cancelling

GRACE_SECONDS = 0.5
"""What runs get that do not heed their cancellation."""
LONG_GRACE_SECONDS = 30.0
"""What runs get that do: nobody is killed."""
WAIT_SECONDS = 120.0


def interrupt(client: FlowClient) -> list[float]:
    """Has works run that wait, and cancels them; returns the times from the calls to their user code."""
    with _running(client, "interrupted") as (replica, runs):
        called = {}
        for name, run_id in runs.items():
            called[name] = time.monotonic()
            client.cancel(run_id, grace=timedelta(seconds=LONG_GRACE_SECONDS))
        replica.wait_for(
            lambda state: all(_var(state, name, "interrupted_at") for name in runs), timeout=WAIT_SECONDS
        )
        return [_var(replica, name, "interrupted_at") - called[name] for name in runs]


def kill_the_deaf(client: FlowClient) -> list[float]:
    """Has works run that do not heed it, and cancels them; returns how long after their grace they were dead."""
    with _running(client, "deaf") as (replica, runs), ThreadPoolExecutor(len(runs)) as watching:
        deaths = {name: watching.submit(_death_of, _var(replica, name, "pid")) for name in runs}
        called = {}
        for name, run_id in runs.items():
            called[name] = time.monotonic()
            client.cancel(run_id, grace=timedelta(seconds=GRACE_SECONDS))
        return [deaths[name].result() - called[name] - GRACE_SECONDS for name in runs]


@contextmanager
def _running(client: FlowClient, kind: str) -> Iterator[tuple[StateReplica, dict[str, str]]]:
    """Has all works of a kind run, and waits for their end; gives the run of each."""
    names = {f"root.{kind}.{index}" for index in range(cancelling.WORKS)}
    number = client.call("go", kind=kind)
    with client.replica() as replica:
        replica.wait_for(
            lambda state: all(_var(state, name, "number") == number for name in names), timeout=WAIT_SECONDS
        )
        yield replica, _runs(client)
        end = time.monotonic() + WAIT_SECONDS
        while _runs(client):
            if time.monotonic() > end:
                raise TimeoutError("cancelled runs do not end")
            time.sleep(0.05)


def _runs(client: FlowClient) -> dict[str, str]:
    return {run.work: run.run_id for run in client.runs(statuses=[RunStatus.RUNNING])}


def _var(state: StateReplica, name: str, var: str) -> Any:
    return state.vars(name)[var]


def _death_of(pid: int) -> float:
    """Waits until a process is dead; returns when that was."""
    descriptor = os.pidfd_open(pid)
    try:
        death = select.poll()
        death.register(descriptor, select.POLLIN)
        if not death.poll(1000 * WAIT_SECONDS):
            raise TimeoutError(f"process {pid} was not killed")
        return time.monotonic()
    finally:
        os.close(descriptor)
