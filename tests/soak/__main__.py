"""`python -m tests.soak --deltas 1000000`: prints what an app takes after the warm-up and at the end."""

from __future__ import annotations

import argparse
import sys

from tests.soak.soak import soak


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--deltas", type=int, default=1_000_000, help="Changes that works make.")
    parser.add_argument("--rss-bound", type=float, default=0.05, help="How much memory may grow, as a share.")
    options = parser.parse_args()
    outcome = soak(options.deltas, tell=lambda line: print(line, flush=True))
    done = f"{outcome.changes:,} changes, {outcome.revisions:,} revisions, {outcome.rounds} rounds"
    print(f"{done} in {outcome.seconds:.0f} s")
    for growth in outcome.growths:
        before, after = growth.before, growth.after
        print(
            f"{before.name:24} RSS {before.rss_bytes >> 10:>8,} → {after.rss_bytes >> 10:>8,} KiB ({growth.rss:+.1%})"
            f"  descriptors {before.descriptors} → {after.descriptors}  threads {before.threads} → {after.threads}"
            f"  children {before.children} → {after.children}"
        )
    leaks = outcome.leaks(options.rss_bound)
    print("\n".join(leaks) or "nothing grew")
    return 1 if leaks else 0


if __name__ == "__main__":
    sys.exit(main())
