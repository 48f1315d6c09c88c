"""The long set: `python -m tests.power_loss --cuts 10000 --seed 1` prints one line, and one for each violation."""

from __future__ import annotations

import argparse
import sys
import time

from tests.power_loss.trial import Tally, Trial


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.power_loss", description=__doc__)
    parser.add_argument("--cuts", type=int, default=10_000, help="how often power is cut, about")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--trial", type=int, help="this trial alone, to see a violation again")
    options = parser.parse_args()
    begin = time.monotonic()
    tally, trial = Tally(), options.trial or 0
    while True:
        found = Trial(f"{options.seed}-{trial}").run()
        tally.add(found)
        for violation in found.violations:
            again = f"python -m tests.power_loss --seed {options.seed} --trial {trial}"
            print(f"{violation}\n    again: {again}", file=sys.stderr)  # noqa: T201 - a command line prints
        trial += 1
        if options.trial is not None or tally.cuts >= options.cuts:
            break
    print(  # noqa: T201
        f"seed {options.seed}: {tally.cuts} cuts, {tally.images} images, {tally.acknowledged} acknowledged commits "
        f"checked, {len(tally.violations)} violations, {time.monotonic() - begin:.0f} s"
    )
    return 1 if tally.violations else 0


if __name__ == "__main__":
    sys.exit(main())
