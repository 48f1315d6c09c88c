"""Commits until it is killed, and prints each revision when its commit returned: the child of test_kill."""

import dataclasses
import sys
from pathlib import Path

from flowrpc.protocol.answers import CommandOutcome
from flowrpc.protocol.stored_answer import StoredAnswer
from flowrpc.state.records import Run, RunRecord
from flowrpc.store import Commit, SQLiteStore

from tests.store.conftest import counting_revision


def main(data_dir: Path) -> None:
    # Snapshots, and journal deleted behind them, come all the time: kills hit them too.
    store = SQLiteStore(data_dir, snapshot_revisions=40)
    number = store.open().replica.revision
    while True:
        number += 1
        run = RunRecord(run=Run(run_id="run", work="root.train", call_key="k"), ordinal=1, applied_seq=number)
        answer = StoredAnswer(
            request_id=f"request-{number}", digest=b"d", answer=CommandOutcome(result=number, revision=number)
        )
        revision = dataclasses.replace(counting_revision(number), runs=(run.run,))
        store.commit(Commit(revision=revision, answers=(answer,), records=(run,)))
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
