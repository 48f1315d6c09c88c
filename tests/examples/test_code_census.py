"""The example `code_census`: its numbers, its demo, and what it comes to when processes are killed."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from flowrpc.protocol.run_directory import entry_in
from flowrpc.state.records import RunStatus
from flowrpc.testing import SimulatedApp
from flowrpc_client import CommandFailed, FlowClient, StateReplica

from tests.examples.conftest import (
    FLOWCTL,
    SECONDS,
    descendants,
    first_line,
    program,
    wait_until_ended,
)
from tests.examples.plain_count import Numbers, plain_count, total

EXAMPLE = Path(__file__).parents[2] / "examples" / "code_census"
APP = EXAMPLE / "app.py"

SHOP = '''"""A shop."""

import asyncio


class Till:
    """Takes money."""

    def take(self, coins):
        """Takes coins."""
        for coin in coins:
            def check():
                return coin
        return sum(coins)

    @staticmethod
    async def close(): "Closes."
'''


@pytest.fixture(scope="module")
def census() -> ModuleType:
    spec = spec_from_file_location("census", EXAMPLE / "census.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules["census"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def expected(library: Path) -> dict[str, Numbers]:
    return plain_count(library)


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A small tree whose numbers are known."""
    root = tmp_path / "tree"
    for place, text in {
        "shop/__init__.py": SHOP,
        "shop/stock/goods.py": "def weigh(): pass\ndef wrap(): pass",
        "shop/broken.py": "print 'old'\n",
        "empty.py": "",
        "shop/notes.txt": "def no(): pass\n",
        "site-packages/other.py": "class Other: pass\n",
        "shop/__pycache__/shop.py": "class Other: pass\n",
    }.items():
        (root / place).parent.mkdir(parents=True, exist_ok=True)
        (root / place).write_text(text)
    return root


SHOP_NUMBERS = {
    "files": 2,
    "unparsable": 1,
    "lines": 19,
    "functions": 5,
    "classes": 1,
    "documented": 4,
    "longest": 6,
    "longest_at": "shop/__init__.py:9 take",
    "docstring_coverage": 0.5,
}


@contextmanager
def serving(data_dir: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    """Runs the app; it is ready when this begins."""
    with program(FLOWCTL, "run", APP, "--data-dir", data_dir, *options) as process:
        assert first_line(process.stdout).startswith("code_census is served at ")
        yield process


def counted(client: FlowClient, scan: int = 1) -> dict[str, Any]:
    """Waits until a scan is done; returns the flow's vars."""
    with client.replica() as replica:
        replica.wait_for(lambda seen: seen.vars()["finished_scan"] == scan, timeout=SECONDS)
        return dict(replica.vars())


def in_the_middle(replica: StateReplica) -> bool:
    """Tells whether every work has counted some files, and the flow not all."""
    works = [replica.vars(f"root.counters.{number}") for number in range(4)]
    census = replica.vars()
    return all(work["counted"] for work in works) and census["counted"] != census["files"]


def test_a_file_is_counted_by_what_it_defines(census: ModuleType, shop: Path) -> None:
    counts = census.count_file(shop, Path("shop/__init__.py"))

    assert counts == census.Counts(
        files=1,
        lines=17,
        functions=3,
        classes=1,
        documented=4,
        longest=6,
        longest_at="shop/__init__.py:9 take",
    )


def test_a_file_that_does_not_parse_counts_as_that_alone(census: ModuleType, shop: Path) -> None:
    assert census.count_file(shop, Path("shop/broken.py")) == census.Counts(unparsable=1)


def test_installed_packages_and_other_files_are_left_out(census: ModuleType, shop: Path) -> None:
    places = [path.as_posix() for path in census.python_files(shop)]

    assert places == ["empty.py", "shop/__init__.py", "shop/broken.py", "shop/stock/goods.py"]


@pytest.mark.parametrize("sizes", [[], [5], [0, 0, 0], [1] * 11, [100, 1, 1, 1], [3, 1, 4, 1, 5, 9, 2, 6, 5]])
def test_shares_are_of_about_equal_size_and_hold_each_file_once(census: ModuleType, sizes: list[int]) -> None:
    shares = census.equal_shares(sizes, 4)

    assert [index for begin, end in shares for index in range(begin, end)] == list(range(len(sizes)))
    assert len(shares) == 4
    assert max(sum(sizes[begin:end]) for begin, end in shares) <= sum(sizes) / 4 + max(sizes, default=0)


@pytest.fixture
def simulated(census: ModuleType, shop: Path, monkeypatch: pytest.MonkeyPatch) -> SimulatedApp:
    """The app in this process, over the small tree; `census` is what it imports."""
    monkeypatch.setenv("CODE_CENSUS_ROOT", str(shop))
    spec = spec_from_file_location("code_census_app", APP)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return SimulatedApp(module.Census)


def test_commands_answer_from_the_numbers_of_a_known_tree(simulated: SimulatedApp, shop: Path) -> None:
    simulated.run_works()
    assert simulated.root.totals == SHOP_NUMBERS | {"files": 3, "docstring_coverage": round(4 / 9, 3)}
    assert simulated.root.packages["shop"] == SHOP_NUMBERS

    assert simulated.call("top") == {"shop": 19}
    assert simulated.call("top", by="longest") == {"shop/__init__.py:9 take": 6}
    with pytest.raises(CommandFailed, match="cannot order by 'linse'; by is one of lines, functions"):
        simulated.call("top", by="linse")
    with pytest.raises(CommandFailed, match="n is at least 1, not 0"):
        simulated.call("top", n=0)

    (shop / "till.py").write_text("class Drawer: pass\n" * 30)
    assert simulated.call("rescan") == f"scan 2: 5 files of {shop.resolve()}"
    simulated.run_works()
    assert simulated.call("top", n=1) == {"till": 30}
    assert simulated.call("top", by="classes") == {"till": 30, "shop": 1}


def test_commands_that_need_the_numbers_are_refused_while_they_are_counted(simulated: SimulatedApp) -> None:
    simulated.settle()
    simulated.works["root.counters.0"].set(counted=1)
    simulated.settle()

    for command in ("top", "rescan"):
        with pytest.raises(CommandFailed, match="still counting, at 1 of 4 files; call again later"):
            simulated.call(command)


def test_the_last_census_answers_until_the_next_is_done(simulated: SimulatedApp, shop: Path) -> None:
    simulated.run_works()
    (shop / "till.py").write_text("class Drawer: pass\n" * 30)
    simulated.call("rescan")
    simulated.settle()

    assert simulated.call("top") == {"shop": 19}
    simulated.crash()
    assert simulated.call("top") == {"shop": 19}
    simulated.run_works()
    assert simulated.call("top") == {"till": 30, "shop": 19}


@pytest.mark.slow
def test_a_folder_that_is_missing_fails_the_app_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CODE_CENSUS_ROOT", str(tmp_path / "nowhere"))
    done = subprocess.run(
        [FLOWCTL, "run", APP, "--data-dir", tmp_path / "data"],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )

    assert done.returncode == 1
    assert f"{tmp_path / 'nowhere'} is no folder; set CODE_CENSUS_ROOT" in done.stderr + done.stdout


@pytest.mark.slow
def test_the_demo_succeeds_and_leaves_no_process(tmp_path: Path, library: Path) -> None:
    done = subprocess.run(
        [sys.executable, EXAMPLE / "demo.py", tmp_path / "demo"],
        capture_output=True,
        text=True,
        env=os.environ | {"CODE_CENSUS_ROOT": str(library)},
        timeout=SECONDS,
        check=False,
    )

    assert done.returncode == 0
    assert not re.search("Traceback|WARNING|ERROR", done.stderr)
    assert re.search(r"ended with exit code 0. It had 9 processes; 0 are left", done.stdout)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", done.stdout)
    assert [line for line in done.stdout.splitlines() if len(line) > 100 and str(tmp_path) not in line] == []


@pytest.mark.slow
def test_interrupting_the_demo_ends_the_app(tmp_path: Path, library: Path) -> None:
    with subprocess.Popen(
        [sys.executable, EXAMPLE / "demo.py", tmp_path / "demo"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"CODE_CENSUS_ROOT": str(library)},
    ) as demo:
        assert demo.stdout is not None
        next(line for line in demo.stdout if line.startswith("[###"))
        started = descendants(demo.pid)
        demo.send_signal(signal.SIGINT)
        _, errors = demo.communicate(timeout=SECONDS)

    assert demo.returncode == 130
    assert "Traceback" not in errors
    assert len(started) >= 3  # flow service, agent and runners
    wait_until_ended(started)


@pytest.mark.slow
def test_a_killed_census_goes_on_and_comes_to_the_same_numbers(
    tmp_path: Path, library: Path, expected: dict[str, Numbers], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CODE_CENSUS_ROOT", str(library))
    data_dir = tmp_path / "data"
    with (
        serving(data_dir) as app,
        FlowClient(data_dir=data_dir) as client,
        client.replica() as replica,
    ):
        replica.wait_for(in_the_middle, timeout=SECONDS)
        entry = entry_in(data_dir)
        assert entry is not None
        started = descendants(entry.pid)
        os.kill(entry.pid, signal.SIGKILL)
        assert app.wait(SECONDS) == -signal.SIGKILL
    assert (
        len(started) == 8
    )  # an agent with its guard, what forks runners, in two processes, and four runners
    wait_until_ended(started)

    with serving(data_dir), FlowClient(data_dir=data_dir) as client:
        state = counted(client)
        runs = client.runs()

    assert (state["packages"], state["totals"]) == (expected, total(expected))
    assert [run.status for run in runs] == [RunStatus.SUCCEEDED] * 4
    assert max(run.attempt for run in runs) == 2


@pytest.mark.slow
def test_works_on_an_agent_started_by_hand_come_to_the_same_numbers(
    tmp_path: Path, library: Path, expected: dict[str, Numbers], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CODE_CENSUS_ROOT", str(library))
    data_dir = tmp_path / "data"
    pattern = "root.*"
    with (
        serving(data_dir, "--remote-work", pattern) as app,
        FlowClient(data_dir=data_dir) as client,
        program(
            *(FLOWCTL, "work", "serve", APP, "--work", pattern, "--flow", client.address),
            *("--token-file", data_dir / "tokens" / "work", "--agent-id", "by-hand"),
        ) as agent,
    ):
        state = counted(client)
        runs = client.runs()
        agent.terminate()
        assert agent.wait(SECONDS) == 0
        assert app.poll() is None

    assert (state["packages"], state["totals"]) == (expected, total(expected))
    assert {run.agent_id for run in runs} == {"by-hand"}


@pytest.mark.slow
def test_flowctl_prints_the_top_as_json_and_errors_with_their_exit_code(
    tmp_path: Path, shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CODE_CENSUS_ROOT", str(shop))
    data_dir = tmp_path / "data"
    with serving(data_dir), FlowClient(data_dir=data_dir) as client:
        counted(client)
        call = [FLOWCTL, "call", "top", "--args", "n=10", "--args"]
        good = subprocess.run([*call, "by=functions"], capture_output=True, text=True, check=False)
        bad = subprocess.run([*call, "by=letters"], capture_output=True, text=True, check=False)

    assert (good.returncode, json.loads(good.stdout), good.stderr) == (0, {"shop": 5}, "")
    assert (bad.returncode, bad.stdout) == (1, "")
    assert bad.stderr.endswith("cannot order by 'letters'; by is one of lines, functions, classes, longest\n")
