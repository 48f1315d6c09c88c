"""`python -m tests.crash`: lets faults loose on real processes, and checks what is left.

python -m tests.crash --kills 100 --operations 100000 --seed 1      the set of every day
python -m tests.crash --kills 1000 --operations 1000000             the long one
python -m tests.crash --faults all --pairs 200                      faults two at a time
python -m tests.crash --each-once                                   every kind of fault once
python -m tests.crash --matrix                                      which checkers catch which planted bug
python -m tests.crash --check FOLDER                                checks again what a campaign left
"""

from __future__ import annotations

import argparse
import asyncio
import random
import shlex
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tests.crash.bugs.table import BUGS
from tests.crash.campaign import Campaign, Order, Outcome
from tests.crash.checkers.all import check
from tests.crash.checkers.evidence import Evidence, Violation
from tests.crash.faults.table import FAULTS
from tests.crash.matrix import expose, matrix_lines

_SHOWN = 5
"""How many violations of one checker are printed."""


def main(arguments: Sequence[str]) -> int:
    """Runs what is asked for; returns 1 if a promise was broken."""
    options = _parser().parse_args(arguments)
    if options.check is not None:
        return _report(options.check, check(Evidence.load(options.check)), "")
    if options.matrix:
        return _matrix()
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(1_000_000)
    repeat = shlex.join(["python", "-m", "tests.crash", *_without_seed(arguments), "--seed", str(seed)])
    _say(f"to repeat: {repeat}")
    folder = Path(tempfile.mkdtemp(prefix="torture-", dir=options.folder))
    order = Order(
        seed=seed,
        folder=folder,
        kills=options.kills,
        operations=options.operations,
        seconds=options.seconds,
        faults=_faults(options.faults),
        pairs=options.pairs,
        each_once=options.each_once,
        commanders=options.commanders,
    )
    outcome = asyncio.run(Campaign(order).run())
    began = time.monotonic()
    evidence = Evidence.load(folder)
    violations = check(evidence)
    _tell(outcome, evidence, violations, time.monotonic() - began)
    code = _report(folder, violations, repeat)
    if outcome.kills < options.kills or outcome.operations < options.operations:
        outcome.problem = outcome.problem or f"the time was over: {options.seconds:.0f} s"
    if outcome.problem:
        _say(f"PROBLEM: {outcome.problem}\n  evidence: {folder}\n  to repeat: {repeat}")
        return 1
    if not code and not options.keep:
        shutil.rmtree(folder)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.crash", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=0, help="go on until so many processes were killed")
    parser.add_argument("--operations", type=int, default=0, help="… and so many operations acknowledged")
    parser.add_argument("--seconds", type=float, default=7_200.0, help="but no longer than this")
    parser.add_argument("--seed", type=int, help="decides which faults strike when")
    parser.add_argument("--faults", default="all", help="kinds by name, separated by commas; or all, or none")
    parser.add_argument("--pairs", type=int, default=0, help="so many pairs of faults at the same time")
    parser.add_argument("--each-once", action="store_true", help="every kind of fault once")
    parser.add_argument("--commanders", type=int, default=40, help="how many clients write at the same time")
    parser.add_argument("--folder", type=Path, help="where the evidence is put")
    parser.add_argument("--keep", action="store_true", help="keep the evidence though nothing was found")
    parser.add_argument("--matrix", action="store_true", help="plant every bug, and show who catches it")
    parser.add_argument("--check", type=Path, metavar="FOLDER", help="check the evidence in a folder again")
    return parser


def _faults(chosen: str) -> tuple[str, ...]:
    if chosen == "none":
        return ()
    names = tuple(FAULTS) if chosen == "all" else tuple(chosen.split(","))
    unknown = set(names) - set(FAULTS)
    if unknown:
        raise SystemExit(f"no fault {', '.join(sorted(unknown))}; there are: {', '.join(FAULTS)}")
    return names


def _without_seed(arguments: Sequence[str]) -> list[str]:
    kept = list(arguments)
    if "--seed" in kept:
        at = kept.index("--seed")
        del kept[at : at + 2]
    return kept


def _tell(
    outcome: Outcome, evidence: Evidence, violations: Sequence[Violation], checking_seconds: float
) -> None:
    struck = Counter(outcome.struck)
    _say(f"faults: {', '.join(f'{name} {count}' for name, count in sorted(struck.items()))}")
    for name, why in outcome.skipped.items():
        _say(f"skipped {name}: {why}")
    slowest = max((life.seconds_orphaned for life in evidence.histories.lives), default=0.0)
    codes = Counter(life.code for life in evidence.histories.lives)
    _say(f"lives: {len(evidence.histories.lives)}, ends: {dict(codes)}, last process gone after {slowest} s")
    _say(
        f"kills: {outcome.kills}, kinds of faults: {len(struck)}, acknowledged operations: {outcome.operations} "
        f"(commands and updates {outcome.commands}, deltas {outcome.deltas}), "
        f"revisions: {len(evidence.story.numbers)}, lives: {len(evidence.histories.lives)}, "
        f"violations: {len(violations)}, seconds: {outcome.seconds:.0f} and {checking_seconds:.0f} of checking"
    )


def _report(folder: Path, violations: Sequence[Violation], repeat: str) -> int:
    shown: Counter[str] = Counter()
    for violation in violations:
        shown[violation.checker] += 1
        if shown[violation.checker] <= _SHOWN:
            _say(f"VIOLATION {violation}")
    if violations:
        _say(f"violations: {dict(shown)}\n  evidence: {folder}" + (f"\n  to repeat: {repeat}" * bool(repeat)))
    return int(bool(violations))


def _matrix() -> int:
    found: dict[str, set[str]] = {}
    missed = []
    for bug in BUGS.values():
        with tempfile.TemporaryDirectory(prefix="torture-") as folder:
            _, violations = expose(bug, Path(folder))
        found[bug.name] = {violation.checker for violation in violations}
        if not found[bug.name] & bug.caught_by:
            missed.append(bug.name)
    _say("\n".join(matrix_lines(found)))
    if missed:
        _say(f"MISSED: {', '.join(missed)}")
    return int(bool(missed))


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
