"""The soak: an app is kept busy for long, and takes no more at the end than after a while.

It is measured after the warm-up and at the end, each time when everybody has left: what the processes take as the
system tells it (`usage.py`), and what tasks, streams and objects the flow service and the agent have (`counts.py`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from flowrpc.errors import CallError
from flowrpc.state.records import Run, RunStatus
from flowrpc_client import FlowClient

from tests.soak.app import WORKS
from tests.soak.counted_app import CountedApp, run_counted
from tests.soak.counts import Counts, grown, unquiet
from tests.soak.usage import Usage, usage_of
from tests.soak.visits import Visitors

APP = Path(__file__).with_name("app.py")
ROUND_CHANGES = 600
"""How many changes each work makes in one round."""
COMMANDS = 40
"""How many commands are called in one round, by four callers."""
WATCHERS = 4
"""How many watchers come and go in one round, beside one that stays."""
QUICK_RUNS = 5
"""How many runs that end at once are asked for in one round."""
CUT_EVERY = 5
"""In every so many rounds the connection of the agent breaks while works change their vars."""
WAIT_SECONDS = 120.0
PAUSE_SECONDS = 0.25
_UNFINISHED = tuple(status for status in RunStatus if not status.terminal)


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """What one process took after the warm-up, and what at the end."""

    before: Usage
    after: Usage

    @property
    def rss(self) -> float:
        """How much larger the resident memory is, as a share."""
        return self.after.rss_bytes / self.before.rss_bytes - 1

    def leaks(self, rss_bound: float) -> Iterator[str]:
        """Yields what grew that should not."""
        name = self.before.name
        if self.rss > rss_bound:
            yield f"{name}: resident memory grew by {self.rss:.1%}"
        for what in ("descriptors", "threads", "children"):
            before, after = getattr(self.before, what), getattr(self.after, what)
            if after > before:
                yield f"{name}: {before} {what} before, {after} after"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What there is when everybody has left."""

    usage: dict[str, Usage]
    """What each process takes."""
    counts: dict[str, Counts]
    """What the flow service and the agent count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a soak."""

    changes: int
    revisions: int
    rounds: int
    cuts: int
    """How often the connection of the agent broke."""
    seconds: float
    before: Measured
    after: Measured

    @property
    def growths(self) -> tuple[Growth, ...]:
        """What processes took that were there both times."""
        before, after = self.before.usage, self.after.usage
        return tuple(Growth(before=before[name], after=after[name]) for name in before if name in after)

    def leaks(self, rss_bound: float) -> list[str]:
        """Tells what grew that should not."""
        return [
            *(leak for growth in self.growths for leak in growth.leaks(rss_bound)),
            *(f"{name} was left" for name in sorted(self.after.usage.keys() - self.before.usage.keys())),
            *(
                f"{name}: {more} more"
                for name, more in sorted(grown(self.before.counts, self.after.counts).items())
            ),
            *unquiet(self.after.counts),
        ]


def soak(
    changes: int,
    *,
    warm_up: float = 0.6,
    unheard: bool = False,
    tell: Callable[[str], None] = lambda line: None,
) -> Outcome:
    """Keeps an app busy until its works have made so many changes.

    Args:
        changes: How many.
        warm_up: After which share of them the processes are measured for the first time: what is kept of revisions
            and of the log, which has its bound, is to be full by then.
        unheard: Whether at each measuring a watcher is gone whose connection does not break; it takes the service some
            20 seconds to find that out.
        tell: Takes a line now and then.
    """
    begin = time.monotonic()
    with (
        run_counted(APP, WAIT_SECONDS) as app,
        FlowClient(data_dir=app.data_dir, timeout=WAIT_SECONDS) as client,
    ):
        rounds = Rounds(app, client, unheard=unheard)
        rounds.run_until(changes * warm_up, tell)
        before = rounds.measure()
        rounds.run_until(changes, tell)
        after = rounds.measure(before)
        revision = client.app().revision
    return Outcome(
        changes=rounds.done,
        revisions=revision,
        rounds=rounds.count,
        cuts=rounds.cuts,
        seconds=time.monotonic() - begin,
        before=before,
        after=after,
    )


class Rounds:
    """One thing after another that an app is asked for, again and again."""

    def __init__(self, app: CountedApp, client: FlowClient, *, unheard: bool = False) -> None:
        self._unheard = unheard
        self.done = 0
        self.count = 0
        self.cuts = 0
        self._app = app
        self._client = client
        self._visitors = Visitors(app)

    def run_until(self, changes: float, tell: Callable[[str], None]) -> None:
        while self.done < changes:
            self._round()
            if self.count % 50 == 0:
                flow = usage_of(self._app.pid)["flow"]
                tell(f"{self.done:,} changes, {self.count} rounds, flow {flow.rss_bytes >> 10:,} KiB")

    def measure(self, before: Measured | None = None) -> Measured:
        """Measures when everybody has left, and nothing is there that was not there before.

        Raises:
            TimeoutError: Somebody has not left; not raised if it was measured before, as the outcome tells it then.
        """
        self._nap()
        with self._visitors.watch_unheard() if self._unheard else nullcontext():
            return self._measure(before)

    def _measure(self, before: Measured | None) -> Measured:
        end = time.monotonic() + WAIT_SECONDS
        last = Measured(usage={}, counts={})
        while True:
            found = Measured(counts=self._app.counts(), usage=usage_of(self._app.pid))
            problems = unquiet(found.counts)
            if before is not None:
                problems += list(grown(before.counts, found.counts))
                problems += _more(before.usage, found.usage)
            if not problems and _is_same(last, found):
                return found
            if time.monotonic() > end:
                if before is None:
                    raise TimeoutError(
                        f"not quiet within {WAIT_SECONDS:g} s: {'; '.join(problems) or 'counts change'}"
                    )
                return found
            last = found
            time.sleep(PAUSE_SECONDS)

    def _round(self) -> None:
        self.count += 1
        self._client.call("go", changes=ROUND_CHANGES)
        self._client.call("hurry", runs=QUICK_RUNS)
        with ThreadPoolExecutor(4) as callers:
            list(callers.map(self._bump, range(COMMANDS)))
            list(callers.map(self._watch, range(WATCHERS)))
            if self.count % CUT_EVERY == 1:
                self._app.cut_agent(WAIT_SECONDS)
                self.cuts += 1
            list(callers.map(lambda visit: visit(), self._visitors.all()))
        wanted = self.count * ROUND_CHANGES
        self._app.wait_for(
            lambda state: (
                all(state.vars(f"root.counter_{n}")["total"] == wanted for n in range(WORKS))
                and state.vars("root.quick")["newest"] == self.count * QUICK_RUNS
                and not [run for run in self._unfinished() if run.work != "root.sleeper"]
            ),
            WAIT_SECONDS,
        )
        self.done = wanted * WORKS
        if self.count % 10 == 1:
            self._cancel_one()

    def _bump(self, number: int) -> None:
        self._client.call("bump", text=f"{self.count}-{number}" * 10)

    def _watch(self, number: int) -> None:
        """Watches a little, by a connection of its own, and leaves in the middle."""
        with FlowClient(data_dir=self._app.data_dir, timeout=WAIT_SECONDS) as client:
            client.call("bump", text="a watcher")  # is sent again if connecting takes several attempts
            self._watch_with(client, number)

    def _watch_with(self, client: FlowClient, number: int) -> None:
        with client.watch() as updates:
            for _ in range(number + 1):
                next(iter(updates))
                self._bump(number)

    def _cancel_one(self) -> None:
        self._client.call("sleep")
        self._app.wait_for(
            lambda state: any(run.status.value == "running" for run in self._sleeps()), WAIT_SECONDS
        )
        for run in self._sleeps():
            if not run.status.terminal:
                try:
                    self._client.cancel(run.run_id, grace=timedelta(seconds=0.1))
                except CallError as error:
                    if error.reason != "RUN_ENDED":
                        raise
        self._app.wait_for(lambda state: all(run.status.terminal for run in self._sleeps()), WAIT_SECONDS)

    def _nap(self) -> None:
        """Has every work have a process, whose count would else depend on how the last run was cancelled."""
        earlier = {run.run_id for run in self._sleeps()}
        self._client.call("nap")
        self._app.wait_for(
            lambda state: bool({run.run_id for run in self._sleeps()} - earlier) and not self._unfinished(),
            WAIT_SECONDS,
        )

    def _sleeps(self) -> list[Run]:
        return self._client.runs("root.sleeper")

    def _unfinished(self) -> list[Run]:
        return self._client.runs(statuses=_UNFINISHED)


def _is_same(last: Measured, found: Measured) -> bool:
    """Tells whether nothing came or went, memory aside: a count may dip for a moment."""
    return last.counts == found.counts and not (
        _more(last.usage, found.usage) or _more(found.usage, last.usage)
    )


def _more(before: dict[str, Usage], after: dict[str, Usage]) -> list[str]:
    """Tells what processes have more of, memory aside."""
    growths = (Growth(before=before[name], after=after[name]) for name in after if name in before)
    new = [name for name in after if name not in before]
    return new + [leak for growth in growths for leak in growth.leaks(float("inf"))]
