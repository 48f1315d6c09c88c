"""`python -m benchmarks`: measures, and prints a table of ratios with their goals."""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import grpc

from benchmarks import (
    busy,
    callers,
    command,
    dashboard,
    deltas,
    detection,
    durable,
    files,
    first_calls,
    many_watchers,
    passes,
    reads,
    restart,
    routes,
    sse_watchers,
    start,
    state_size,
    streams,
    typed,
    watchers,
)
from benchmarks.harness import HEADING, Result, Row, Settings, table_lines

ROWS: dict[str, Row] = {
    "passes": passes.measure,
    "state_size": state_size.measure,
    "command": command.measure,
    "typed": typed.measure,
    "durable": durable.measure,
    "streams": streams.measure,
    "callers": callers.measure,
    "deltas": deltas.measure,
    "busy": busy.measure,
    "routes": routes.measure,
    "dashboard": dashboard.measure,
    "start": start.measure,
    "restart": restart.measure,
    "first_calls": first_calls.measure,
    "reads": reads.measure,
    "watchers": watchers.measure,
    "many_watchers": many_watchers.measure,
    "sse_watchers": sse_watchers.measure,
    "files": files.measure,
    "detection": detection.measure,
}
"""Every measurement by name, in the order of the table."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Measures what is asked for. It does not fail when a goal is missed: it is no test."""
    options = _parser().parse_args(arguments)
    with tempfile.TemporaryDirectory(dir=options.dir) as scratch:
        settings = Settings(quick=options.quick, directory=Path(scratch))
        if options.json:
            print(json.dumps(_as_json(options.only or ROWS, settings), indent=2, ensure_ascii=False))
        else:
            _print_table(options.only or ROWS, settings)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", action="append", choices=ROWS, metavar="NAME", help=", ".join(ROWS))
    parser.add_argument("--quick", action="store_true", help="Measure less, in under a minute.")
    parser.add_argument("--json", action="store_true", help="Print JSON instead of a table.")
    parser.add_argument("--dir", type=Path, help="Where files are put; its disk is what commits are on.")
    return parser


def _print_table(names: Any, settings: Settings) -> None:
    machine = _machine()
    print(", ".join(f"{key} {value}" for key, value in machine.items()), flush=True)
    print(HEADING)
    begin, met, missed = time.perf_counter(), 0, 0
    for name in names:
        results = list(ROWS[name](settings))
        print("\n".join(table_lines(name, results)), flush=True)
        verdicts = [_met(result) for result in results]
        met, missed = met + verdicts.count(True), missed + verdicts.count(False)
    print(f"{met} goals met, {missed} not met; load {_load()}, {time.perf_counter() - begin:.0f} s")


def _as_json(names: Any, settings: Settings) -> dict[str, Any]:
    rows = {name: [result.as_dict() for result in ROWS[name](settings)] for name in names}
    return {"machine": _machine(), "quick": settings.quick, "rows": rows}


def _met(result: Result) -> bool | None:
    return None if result.goal is None else result.goal.met(result.value)


def _machine() -> dict[str, Any]:
    return {
        "Python": platform.python_version(),
        "grpcio": grpc.__version__,
        "cores": os.cpu_count(),
        "load": _load(),
    }


def _load() -> str:
    return f"{os.getloadavg()[0]:.1f}"


if __name__ == "__main__":
    main()
