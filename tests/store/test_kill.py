"""What a commit has returned for survives kill -9, at any instant."""

import random
import subprocess
import sys
from itertools import islice
from pathlib import Path

import pytest
from flowrpc.protocol.answers import CommandOutcome
from flowrpc.store import SQLiteStore

ROOT = Path(__file__).parents[2]


def last_revision_told(data_dir: Path, lines: int) -> int:
    """Lets a child commit, kills it after it has told so many revisions, and returns the last one it told."""
    command = [sys.executable, "-m", "tests.store.commit_forever", str(data_dir)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        told = list(islice(child.stdout, lines))
        child.kill()
        told += child.stdout.readlines()
    assert len(told) >= lines, "the child ended by itself"
    whole = [line for line in told if line.endswith(b"\n")]
    numbers = list(map(int, whole))
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    return numbers[-1]


@pytest.mark.slow
def test_nothing_that_was_told_is_lost_and_nothing_is_half(tmp_path: Path) -> None:
    dice = random.Random(20260101)
    store = SQLiteStore(tmp_path / "data")
    for kill in range(10):
        told = last_revision_told(tmp_path / "data", dice.randint(1, 300))
        recovered = store.open()
        found = recovered.replica.revision

        # One commit may have been durable before it could be told; its run and its answer came with it.
        assert told <= found <= told + 1
        assert recovered.replica.components["root"].vars["counter"] == found
        assert recovered.records[0].applied_seq == found
        answer = store.answer(f"request-{found}")
        assert answer is not None
        assert answer.answer == CommandOutcome(result=found, revision=found)
        assert store.answer(f"request-{found + 1}") is None
        assert recovered.life == 2 * (kill + 1)
        store.close()
