"""`python -m tests.simulation`: runs many seeds, or one of them with its log."""

from __future__ import annotations

import argparse
import sys
import time

from tests.simulation.seeds import Sum, describe, run, shrink
from tests.simulation.world import run_seed

EVERY_SECONDS = 30.0
"""How often the sum so far is printed."""


def main(arguments: list[str]) -> int:
    options = _parser().parse_args(arguments)
    if options.seed is not None:
        return _one(options)
    total, begin, told = Sum(), time.monotonic(), time.monotonic()
    for outcome in run(range(options.start, options.start + options.seeds), options.jobs):
        total.add(outcome)
        if outcome.violations:
            _print(describe(outcome))
        if time.monotonic() - told > EVERY_SECONDS:
            told = time.monotonic()
            _print(f"{total}, {told - begin:.0f} s")
    _print(f"{total}, {time.monotonic() - begin:.1f} s")
    return 1 if total.failed else 0


def _one(options: argparse.Namespace) -> int:
    without: tuple[int, ...] = tuple(options.without)
    if options.shrink:
        _, without = shrink(options.seed)
        left = " ".join(map(str, without))
        _print(f"it still fails --without {left}" if without else "no fault can be left out")
    outcome = run_seed(options.seed, without=without, tell=_print if options.trace else None)
    _print(describe(outcome) if outcome.violations else f"seed {outcome.seed}: nothing is violated")
    _print(f"faults: {', '.join(map(str, outcome.faults)) or 'none'}; log {outcome.digest}")
    return 1 if outcome.violations else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1_000, help="how many")
    parser.add_argument("--start", type=int, default=0, help="the first one")
    parser.add_argument("--jobs", type=int, default=1, help="in how many processes")
    parser.add_argument("--seed", type=int, help="this one only")
    parser.add_argument("--trace", action="store_true", help="with its log")
    parser.add_argument(
        "--shrink", action="store_true", help="with as few of its faults as still make it fail"
    )
    parser.add_argument("--without", type=int, nargs="*", default=(), help="without these of its faults")
    return parser


def _print(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - a command line prints


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
