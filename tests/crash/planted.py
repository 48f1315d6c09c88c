"""`python -m tests.crash.planted BUG [--agent] -- ARGUMENTS`: starts a service with a planted bug, or with none.

What is started is the real one: `flowctl ARGUMENTS`, or the agent that a flow service starts. Before it begins, one bug
is planted by replacing a function, the agents' acknowledgements are recorded (`TORTURE_HISTORY`), and snapshots are
made often (`TORTURE_SNAPSHOTS`).
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from tests.crash.bugs.patching import HISTORY, put
from tests.crash.bugs.table import BUGS

SNAPSHOTS = "TORTURE_SNAPSHOTS"
ROOT = Path(__file__).parents[2]


def main(arguments: list[str]) -> None:
    at = arguments.index("--")
    bug, *flags = arguments[:at]
    rest = arguments[at + 1 :]
    os.environ["PYTHONPATH"] = str(ROOT)  # of the agent that a flow starts
    _record_agents()
    if bug != "none":
        BUGS[bug].plant()
    if "--agent" in flags:
        from flowrpc.work_service.__main__ import main as serve

        sys.exit(serve(rest))
    _start_agents_like_this(bug)
    _make_snapshots_often()
    from flowrpc_client.flowctl import main as flowctl

    sys.argv = ["flowctl", *rest]
    flowctl()


def _start_agents_like_this(bug: str) -> None:
    from flowrpc.placement import local

    command = local._command

    def planted(placed: Any, boot_id: str) -> list[str]:
        made = command(placed, boot_id)
        after = made.index("flowrpc.work_service") + 1
        return [sys.executable, "-P", "-m", "tests.crash.planted", bug, "--agent", "--", *made[after:]]

    put(local, "_command", planted)


def _make_snapshots_often() -> None:
    every = os.environ.get(SNAPSHOTS)
    if every:
        from flowrpc.store.sqlite import SQLiteStore

        defaults = SQLiteStore.__init__.__kwdefaults__
        assert defaults is not None
        defaults["snapshot_revisions"] = int(every)


def _record_agents() -> None:
    """Has agents write down what they keep for the flow and what the flow acknowledged."""
    folder = os.environ.get(HISTORY)
    if not folder:
        return
    from flowrpc.protocol.messages import Finished
    from flowrpc.work_service.roster import Roster

    path = Path(folder) / f"agent-{os.getpid()}-{time.monotonic_ns()}.jsonl"
    descriptor = -1
    acknowledge, keep = Roster.acknowledge, Roster._keep

    def write(kind: str, **facts: Any) -> None:
        nonlocal descriptor
        if descriptor < 0:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        line = json.dumps({"kind": kind, "at": time.monotonic(), **facts})
        os.write(descriptor, line.encode() + b"\n")

    def recorded_acknowledge(roster: Roster, ack: Any) -> None:
        write("ack", run_id=ack.run_id, attempt=ack.attempt, seq=ack.seq)
        acknowledge(roster, ack)

    def recorded_keep(roster: Roster, attempt: Any, frame: Any, size_bytes: int) -> None:
        keep(roster, attempt, frame, size_bytes)
        if isinstance(frame, Finished):
            write("kept", run_id=frame.run_id, attempt=frame.attempt, seq=frame.seq)

    put(Roster, "acknowledge", recorded_acknowledge)
    put(Roster, "_keep", recorded_keep)


if __name__ == "__main__":
    main(sys.argv[1:])
