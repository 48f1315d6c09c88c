"""First calls of works: how long until user code runs, and what a runner costs in memory, for each way to start one."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from unittest.mock import patch

from flowrpc_client import FlowClient, StateReplica

from benchmarks.harness import (
    Block,
    Blocks,
    Result,
    Settings,
    alternate,
    at_most,
    p50,
    percentile,
    pooled,
    ratio,
)
from benchmarks.processes import flow_service

VARIABLE = "FLOWRPC_RUNNERS"
WAYS = ("preload", "fork", "spawn")
"""What the variable may be, the default first and what was before there was a choice last."""
MANY = 10
TIMEOUT_SECONDS = 60.0


def measure(settings: Settings) -> Iterator[Result]:
    """Measures all ways in turns, each block with a service of its own."""
    single, many, memory = _blocks(settings)
    for what, unit, blocks, goal in (
        ("first call → user code", "ms", single, 25.0),
        (f"{MANY} first calls at once → the last in user code", "ms", many, 150.0),
        ("memory of a runner's own (USS)", "MiB", memory, 8.0),
    ):
        for way in WAYS:
            yield Result(
                what=f"{what}, {way}",
                value=p50(blocks[way]),
                unit=unit,
                goal=at_most(goal) if way == WAYS[0] else None,
                detail=_detail(blocks, way),
            )


def _detail(blocks: Blocks, way: str) -> str:
    high, share = percentile(pooled(blocks[way]), 90), ratio(blocks[way], blocks[WAYS[-1]])
    return f"p90 {high:.3g}; {share:.2f} of {WAYS[-1]}"


def _blocks(settings: Settings) -> tuple[Blocks, Blocks, Blocks]:
    many: Blocks = {way: [] for way in WAYS}
    memory: Blocks = {way: [] for way in WAYS}

    def side(way: str) -> Block:
        with (
            patch.dict(os.environ, {VARIABLE: way}),
            flow_service("first_calls", settings.directory) as service,
            service.client() as client,
            client.replica() as replica,
        ):
            _begin(client, replica, ["warm"])
            single = [_begin(client, replica, [f"one{n}"]) for n in range(settings.choose(8, 4))]
            names = [f"many{n}" for n in range(MANY)]
            many[way].append([_begin(client, replica, names)])
            memory[way].append([_own_mebibytes(replica, name) for name in names])
            return single

    single = alternate({way: lambda way=way: side(way) for way in WAYS}, settings.choose(6, 2))  # type: ignore[misc]
    return single, _without_first(many), _without_first(memory)


def _begin(client: FlowClient, replica: StateReplica, names: Sequence[str]) -> float:
    """Lets works begin, and returns how many milliseconds it took until the last of them was in user code."""
    client.call("begin", names=list(names))
    replica.wait_for(
        lambda state: (
            all(_var(state, f"root.works_by_name.{name}", "process_id") for name in names)
            and bool(_var(state, "root", "asked"))
        ),
        timeout=TIMEOUT_SECONDS,
    )
    began = max(_var(replica, f"root.works_by_name.{name}", "began") for name in names)
    return 1e3 * (began - _var(replica, "root", "asked"))


def _var(replica: StateReplica, component: str, name: str) -> float:
    try:
        value: Any = replica.vars(component)[name]
    except LookupError:
        return 0.0
    return float(value)


def _own_mebibytes(replica: StateReplica, name: str) -> float:
    """Reads what a process shares with no other, and would give back if it ended."""
    process_id = int(_var(replica, f"root.works_by_name.{name}", "process_id"))
    lines = Path(f"/proc/{process_id}/smaps_rollup").read_text().splitlines()
    private = [int(line.split()[1]) for line in lines if line.startswith("Private_")]
    return sum(private) / 1024


def _without_first(blocks: Blocks) -> Blocks:
    return {way: of_way[1:] for way, of_way in blocks.items()}
