"""`python -m tests.soak --deltas 1000000`: prints what an app takes after the warm-up and at the end."""

from __future__ import annotations

import argparse
import sys

from tests.soak.counts import KINDS, Counts
from tests.soak.soak import soak


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--deltas", type=int, default=1_000_000, help="Changes that works make.")
    parser.add_argument("--rss-bound", type=float, default=0.05, help="How much memory may grow, as a share.")
    options = parser.parse_args()
    outcome = soak(options.deltas, unheard=True, tell=lambda line: print(line, flush=True))
    done = f"{outcome.changes:,} changes, {outcome.revisions:,} revisions, {outcome.rounds} rounds, {outcome.cuts} cuts"
    print(f"{done} in {outcome.seconds:.0f} s")
    for growth in outcome.growths:
        first, last = growth.before, growth.after
        print(
            f"{first.name:24} RSS {first.rss_bytes >> 10:>8,} → {last.rss_bytes >> 10:>8,} KiB ({growth.rss:+.1%})"
            f"  descriptors {first.descriptors} → {last.descriptors}  threads {first.threads} → {last.threads}"
            f"  children {first.children} → {last.children}"
        )
    for process, after in outcome.after.counts.items():
        before = outcome.before.counts[process]
        kinds = (f"{kind} {_sum(before, kind)} → {_sum(after, kind)}" for kind in KINDS)
        print(f"{process:24} {'  '.join(kinds)}")
    leaks = outcome.leaks(options.rss_bound)
    print("\n".join(leaks) or "nothing grew")
    return 1 if leaks else 0


def _sum(counts: Counts, kind: str) -> int:
    return sum(amount for name, amount in counts.items() if name.startswith(kind))


if __name__ == "__main__":
    sys.exit(main())
