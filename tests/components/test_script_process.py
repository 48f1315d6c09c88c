"""The process of a script: nothing of it is left, whoever ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from flowrpc.components import script_process
from flowrpc.components.script_process import ScriptProcess
from flowrpc.process_group import ProcessGroup

from tests.end_to_end.conftest import wait_until_gone

FORKS = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, getattr(signal, sys.argv[1]))
child = os.fork()
if child:
    print(os.getpid(), child, flush=True)
time.sleep(1000)
"""


LEAVES = """
import os, time
if child := os.fork():
    os.write(1, f"{child}\\n".encode())
    os._exit(5)
time.sleep(1000)
"""


def printed_pids(process: ScriptProcess) -> set[int]:
    while not process.last_lines:
        process._step(10)
    return {int(word) for word in process.last_lines[0].split()}


@pytest.mark.parametrize(("handling", "code"), [("SIG_DFL", -15), ("SIG_IGN", -9)])
def test_the_whole_group_is_ended(handling: str, code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    if handling == "SIG_IGN":
        monkeypatch.setattr(script_process, "TERM_SECONDS", 0.2)
    process = ScriptProcess([sys.executable, "-c", FORKS, handling])
    pids = printed_pids(process)
    assert process.end() == code
    wait_until_gone({*pids, process._group.id})
    assert process.end() == code, "twice is once"


def test_what_a_script_leaves_behind_is_killed_when_it_ends() -> None:
    process = ScriptProcess([sys.executable, "-c", LEAVES])
    assert process.wait() == 5
    wait_until_gone({process.pid, int(process.last_lines[0])})


def test_what_cannot_be_started_leaves_no_group() -> None:
    before = _children()
    with pytest.raises(FileNotFoundError):
        ScriptProcess(["/none/such"])
    assert _children() == before


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_the_group_dies_with_the_process_that_made_it(number: signal.Signals) -> None:
    source = (
        "import sys\n"
        "from flowrpc.components.script_process import ScriptProcess\n"
        f"ScriptProcess([sys.executable, '-c', {FORKS!r}, 'SIG_IGN']).wait()"
    )
    owner = subprocess.Popen([sys.executable, "-c", source], stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    with owner.stdout:
        pids = {int(word) for word in owner.stdout.readline().split()}
        assert len(pids) == 2
        owner.send_signal(number)
        owner.wait()
        wait_until_gone(pids)


def test_the_leader_of_a_group_survives_what_ends_the_others() -> None:
    group = ProcessGroup()
    member = subprocess.Popen(["sleep", "1000"], process_group=group.id)
    group.terminate()
    assert member.wait() == -signal.SIGTERM
    assert os.getpgid(group.id) == group.id
    group.close()
    group.close()
    wait_until_gone({group.id})


def _children() -> str:
    return Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text()
