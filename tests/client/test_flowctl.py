import json
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import click
import pytest
from flowrpc.errors import AppLoadError
from flowrpc.protocol.answers import WatchEnd
from flowrpc.protocol.messages import LogRecord
from flowrpc.protocol.run_directory import AppEntry, publish
from flowrpc.state.changes import Remove, Set, Splice
from flowrpc.state.records import (
    AppStage,
    AppStatus,
    ComponentKind,
    ComponentRecord,
    Delta,
    Revision,
    RunStatus,
)
from flowrpc_client.commands.works import STATUSES
from flowrpc_client.flowctl import main

from tests.client.fake_service import BEGIN, JOURNAL, FakeService, RunningFake, run_of, set_counter

Flowctl = Callable[..., tuple[int, str, str]]


@pytest.fixture
def flowctl(capsys: pytest.CaptureFixture[str]) -> Flowctl:
    """Runs flowctl here; gives its exit code, output and errors."""

    def run(*args: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as left:
            main(args)
        output, errors = capsys.readouterr()
        assert "Traceback" not in output
        return int(left.value.code or 0), output, errors

    return run


pytestmark = pytest.mark.usefixtures("entry")


def test_the_call_of_the_manual_works(flowctl: Flowctl) -> None:
    assert flowctl("call", "rename", "--args", "name=x") == (0, '{\n  "name": "x"\n}\n', "")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("x", "x"),
        ("3", 3),
        ('"3"', "3"),
        ("1.0", 1.0),
        ("true", True),
        ("null", None),
        ("[1, {}]", [1, {}]),
        ("", ""),
        ("a=b", "a=b"),
        ("NaN", "NaN"),
        ("1e999", "1e999"),
        ("{broken", "{broken"),
        (str(2**80), 2**80),
        ("0.1", 0.1),
    ],
)
def test_arguments_are_json_where_they_are(flowctl: Flowctl, text: str, value: object) -> None:
    code, output, _ = flowctl("call", "echo", "--args", f"value={text}", "--json")

    assert code == 0
    assert repr(json.loads(output)) == repr(value)


def test_several_arguments(flowctl: Flowctl) -> None:
    _, output, _ = flowctl("--json", "call", "rename", "--args", "name=x", "--args", "times=2")

    assert json.loads(output) == {"name": "x", "times": 2}


@pytest.mark.parametrize(
    ("value", "printed"),
    [("plain ü", "plain ü\n"), ("null", ""), ("12", "12\n"), ("[]", "[]\n"), ("[1]", "[\n  1\n]\n")],
)
def test_results_are_printed_for_people(flowctl: Flowctl, value: str, printed: str) -> None:
    assert flowctl("call", "echo", "--args", f"value={value}") == (0, printed, "")


@pytest.mark.parametrize("pair", ["name", "=x", ""])
def test_an_argument_without_equals_is_named(flowctl: Flowctl, pair: str) -> None:
    code, _, errors = flowctl("call", "rename", "--args", pair)

    assert code == 2
    assert f"{pair!r} is not KEY=VALUE" in errors


def test_an_argument_given_twice_is_refused(flowctl: Flowctl) -> None:
    code, _, errors = flowctl("call", "rename", "--args", "name=x", "--args", "name=y")

    assert code == 2
    assert "'name' comes twice" in errors


def test_a_command_that_raises_ends_with_1_and_its_traceback(flowctl: Flowctl) -> None:
    code, output, errors = flowctl("call", "explode")

    assert (code, output) == (1, "")
    assert errors.startswith("Traceback (most recent call last):\n")
    assert errors.endswith("Error: command 'explode' raised builtins.ValueError: boom\n")


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("call", "ech"), "did you mean 'echo'?"),
        (("call", "echo"), "echo takes value"),
        (("call", "echo", "--args", "valu=1"), "echo takes value"),
        (("state", "root.trian"), "did you mean 'root.train'?"),
        (("watch", "root.trian"), "did you mean 'root.train'?"),
        (("cancel", "nope"), "no run 'nope'"),
        (("stat",), "did you mean 'state'?"),
        (("zzz",), "`flowctl --help` lists them"),
        (("runs", "--status", "done"), "'done' is not one of"),
        (("call",), "Missing argument 'COMMAND'"),
        (("--address", "a:1", "--app", "b", "state"), "--address already chooses"),
        (("--data-dir", "a", "--app", "b", "state"), "--data-dir already chooses"),
    ],
)
def test_mistakes_end_with_2_and_a_hint(flowctl: Flowctl, args: tuple[str, ...], said: str) -> None:
    code, output, errors = flowctl(*args)

    assert (code, output) == (2, "")
    assert said in errors
    assert "Traceback" not in errors


def test_state_prints_the_nested_state_with_json_before_and_after(flowctl: Flowctl) -> None:
    before = flowctl("--json", "state")

    assert before == flowctl("state", "--json")
    assert list(json.loads(before[1])) == ["vars", "calls", "flows", "works", "structures", "changes"]
    assert json.loads(before[1])["vars"] == {"counter": 1, "names": ["a"], "big": 2**70}


def test_state_prints_its_hash(flowctl: Flowctl) -> None:
    """The fake tells none; a real app's is printed in `tests/end_to_end/test_watchers.py`."""
    assert flowctl("state", "--hash")[1] == "5  \n"
    assert json.loads(flowctl("--json", "state", "--hash")[1]) == {
        "journal_id": JOURNAL,
        "revision": 5,
        "hash": "",
    }


def test_state_prints_a_tree_for_people(flowctl: Flowctl) -> None:
    assert flowctl("state", "root.child")[1] == (
        "root.child (flow, revision 5)\n  ratio = 0.1\n  root.child.deep (work)\n    loss = 1.0\n"
    )


def test_commands_are_listed_with_their_arguments(flowctl: Flowctl) -> None:
    code, output, _ = flowctl("commands")

    assert code == 0
    assert output.splitlines() == [
        "NAME     ARGUMENTS                  WHAT IT DOES",
        "echo     value: object              Gives back what it gets.",
        "rename   name: str, times: int = 1",
        "explode",
    ]


def test_commands_as_json(flowctl: Flowctl) -> None:
    listed = json.loads(flowctl("commands", "--json")[1])

    assert listed[1]["parameters"][1] == {
        "name": "times",
        "annotation": "int",
        "required": False,
        "default": 1,
    }


def test_works_and_runs_are_listed(flowctl: Flowctl, service: FakeService) -> None:
    service.commit("root", runs=[run_of(1, args=("a\x1b[31m\nb",)), run_of(2, status=RunStatus.FAILED)])

    works = flowctl("works")[1].splitlines()
    runs = flowctl("runs")[1].splitlines()

    assert works[1].split() == ["root.train", "running", "2", "0", "-", "run-1", "app:Train"]
    assert [line.split()[0] for line in runs] == ["RUN", "run-2", "run-1"]
    assert "\x1b" not in runs[2]
    assert len(flowctl("runs", "--work", "root.train", "--status", "failed")[1].splitlines()) == 2
    assert json.loads(flowctl("runs", "--json")[1])[0]["status"] == "failed"
    assert json.loads(flowctl("works", "--json")[1])[0]["latest_run"]["run_id"] == "run-1"


def test_what_runs_wait_for_is_shown(flowctl: Flowctl, service: FakeService) -> None:
    waits = "root.train needs gpus=1\x1b[31m"
    service.works = [replace(service.works[0], pending_reason=waits)]
    service.commit("root", runs=[replace(run_of(1), status=RunStatus.PENDING, pending_reason=waits)])

    assert flowctl("works")[1].splitlines()[2] == "root.train is pending: root.train needs gpus=1\\x1b[31m"
    assert flowctl("runs")[1].splitlines()[1].endswith("root.train needs gpus=1\\x1b[31m")


def test_agents_are_listed_with_what_is_taken_of_them(flowctl: Flowctl, service: FakeService) -> None:
    service.page_limit = 1
    titles, first, second = flowctl("agents")[1].splitlines()

    assert titles.split() == ["AGENT", "HOST", "RUNS", "CPUS", "MEMORY", "GPUS", "LABELS", "WORKS"]
    assert first.split() == [
        "gpu-box",
        "b",
        "1/64",
        "0.5/8",
        "0B/16GiB",
        "1/2",
        "gpu=a100,zone=a",
        "root.train",
    ]
    assert second.split() == ["local", "-", "0", "0/0", "0B/0B", "0/0", "-"]
    listed = json.loads(flowctl("agents", "--json")[1])
    assert listed[0]["resources"] == {"cpu_millis": 8000, "memory_bytes": 16 * 2**30, "gpus": 2}


def test_an_agent_is_drained(flowctl: Flowctl, service: FakeService) -> None:
    told = "gpu-box finishes what it has and leaves; see flowctl agents\n"
    assert flowctl("agents", "drain", "gpu-box") == (0, told, "")
    assert json.loads(flowctl("agents", "drain", "gpu-box", "--grace", "2.5", "--json")[1]) == {
        "agent_id": "gpu-box"
    }
    assert service.drained == [("gpu-box", None), ("gpu-box", timedelta(seconds=2.5))]
    assert flowctl("agents")[1].splitlines()[1].startswith("gpu-box (draining) ")

    code, _, error = flowctl("agents", "drain", "nobody")
    assert (code, "no agent 'nobody'" in error) == (2, True)


def test_statuses_of_the_option_are_those_of_runs() -> None:
    assert tuple(status.value for status in RunStatus) == STATUSES


def test_cancel_and_stop(flowctl: Flowctl, service: FakeService) -> None:
    service.commit("root", runs=[run_of(1)])

    told = "run-1 is told to end (revision 7); see flowctl runs\n"
    assert flowctl("cancel", "run-1") == (0, told, "")
    assert flowctl("stop", "--message", "enough", "--json")[:2] == (0, '{\n  "revision": 7\n}\n')
    assert service.stop_message == "enough"


def test_logs_are_filtered_and_printed(flowctl: Flowctl, service: FakeService) -> None:
    service.logs = [
        LogRecord(time=BEGIN, message="low", level=10, component="root"),
        LogRecord(time=BEGIN, message="one\x1b[2Jtwo", level=40, component="root.train"),
    ]

    _, output, _ = flowctl("logs", "root.train", "--level", "warning")

    assert output.split(" ", 2)[2] == "ERROR    root.train  one\\x1b[2Jtwo\n"
    assert [json.loads(line)["message"] for line in flowctl("logs", "--json")[1].splitlines()] == [
        "low",
        "one\x1b[2Jtwo",
    ]
    assert flowctl("logs", "--tail", "1", "-f")[1].count("\n") == 1


def test_watch_prints_a_line_for_each_revision_until_the_end(flowctl: Flowctl, service: FakeService) -> None:
    script = iter(
        [
            lambda: service.commit("root", set_counter(2), Set(("_layout",), None)),
            lambda: service.commit("root", Splice(("names",), 1, 0, ["b"]), runs=[run_of(1)]),
            lambda: service.commit("root", Remove(("big",))),
            service.end,
        ]
    )
    _on_watch(service, script)

    code, output, _ = flowctl("watch", "root")

    lines = output.splitlines()
    assert code == 0
    assert lines[0].startswith('5  root.counter = 1, root.names = ["a"], root.big = 1180591620717411303424')
    assert lines[1:] == [
        "6  root.counter = 2",
        '7  root.names[1:1] = ["b"], run run-1 of root.train pending',
        "8  root.big removed",
        "8  end: the app stopped",
    ]


def test_watch_tells_what_comes_and_goes(flowctl: Flowctl, service: FakeService) -> None:
    new = ComponentRecord(name="root.new", kind=ComponentKind.WORK, type="app:W", vars={"a": 1, "_b": 2})
    deltas = (Delta(component="root.new", attached=new), Delta(component="root.train", detached=True))
    ended = AppStatus(stage=AppStage.FAILED, message="no")
    _on_watch(
        service,
        iter(
            [
                lambda: service.send(Revision(number=6, time=BEGIN, deltas=deltas)),
                lambda: service.send(Revision(number=7, time=BEGIN, app=ended)),
                lambda: service.send(WatchEnd(revision=7, message="", app=ended)),
                service.break_watches,
            ]
        ),
    )

    assert flowctl("watch")[1].splitlines()[1:] == [
        "6  root.new attached, root.new.a = 1, root.train detached",
        "7  the app failed: no",
        "7  end: the app failed: no",
    ]


def test_watch_prints_json_lines(flowctl: Flowctl, service: FakeService) -> None:
    _on_watch(service, iter([lambda: service.commit("root", set_counter(2)), service.end]))

    code, output, _ = flowctl("--json", "watch", "root")

    snapshot, revision, end = map(json.loads, output.splitlines())
    assert code == 0
    assert snapshot["update"] == "snapshot"
    assert snapshot["components"][0]["vars"]["big"] == 2**70
    assert (revision["update"], revision["revision"]) == ("revision", 6)
    assert revision["deltas"][0]["changes"] == [{"set": ["counter"], "value": 2}]
    assert (end["update"], end["app"]["stage"]) == ("end", "stopped")


def test_ps_lists_running_apps(flowctl: Flowctl, entry: AppEntry, tmp_path: Path) -> None:
    publish(replace(entry, name="silent", data_dir=tmp_path / "silent", address="127.0.0.1:1"))

    table = flowctl("ps")[1].splitlines()

    assert table[0].split() == ["NAME", "ADDRESS", "READY", "READ", "ONLY", "REVISION", "PID", "DATA", "DIR"]
    assert table[1].split() == ["fake", entry.address, "no", "no", "5", str(os.getpid()), str(entry.data_dir)]
    assert "no answer" in table[2]
    plain = json.loads(flowctl("ps", "--json")[1])
    assert [facts["ready"] for facts in plain] == [False, None]
    assert plain[1]["revision"] is None


def test_ps_without_apps(flowctl: Flowctl, run_directory: Path) -> None:
    next(run_directory.iterdir()).unlink()

    assert flowctl("ps") == (0, "", "no app runs\n")
    assert flowctl("ps", "--json")[1] == "[]\n"


def test_nothing_reachable_ends_with_3(flowctl: Flowctl, fake: RunningFake) -> None:
    fake.close()

    for command in (("state",), ("call", "echo"), ("watch",), ("logs",), ("stop",)):
        code, output, errors = flowctl(*command)
        assert (code, output) == (3, "")
        assert fake.address in errors


def test_no_app_and_several_apps_end_with_3(flowctl: Flowctl, entry: AppEntry, tmp_path: Path) -> None:
    assert flowctl("--data-dir", str(tmp_path), "state")[0] == 3

    publish(replace(entry, name="other", data_dir=tmp_path / "other"))

    code, _, errors = flowctl("state")
    assert code == 3
    assert "several apps run: fake, other; choose one with --app NAME" in errors
    assert flowctl("--app", "fake", "state")[0] == 0
    assert flowctl("--data-dir", str(entry.data_dir), "state")[0] == 0


def test_a_wrong_token_ends_with_3(flowctl: Flowctl, service: FakeService) -> None:
    service.token = "another"

    assert flowctl("state")[0] == 3


def test_the_environment_chooses_and_options_override(
    flowctl: Flowctl, entry: AppEntry, run_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in run_directory.iterdir():
        path.unlink()
    monkeypatch.setenv("FLOWCTL_ADDRESS", entry.address)
    monkeypatch.setenv("FLOWCTL_TOKEN_FILE", str(entry.token_file))
    assert flowctl("state")[0] == 0

    monkeypatch.setenv("FLOWCTL_ADDRESS", "127.0.0.1:1")
    assert flowctl("state")[0] == 3
    assert flowctl("--address", entry.address, "state")[0] == 0
    assert flowctl("--data-dir", str(entry.data_dir), "state")[0] == 0


def test_help_is_grouped_and_names_every_command(flowctl: Flowctl) -> None:
    code, output, _ = flowctl("--help")

    assert code == 0
    sections = [line for line in output.splitlines() if line.endswith(":") and not line.startswith(" ")]
    assert sections == ["Options:", "Apps:", "State:", "Commands:", "Works:"]
    names = {line.split()[0] for line in output.splitlines() if line.startswith("  ") and line[2] != " "}
    assert names >= {
        "run", "ps", "stop", "state", "watch", "commands", "call", "works", "runs", "cancel", "logs", "work",
    }  # fmt: skip


def test_server_side_commands_are_loaded_when_used(flowctl: Flowctl, monkeypatch: pytest.MonkeyPatch) -> None:
    _install(monkeypatch, EntryPoint("extra", f"{__name__}:extra_command", "flowrpc.cli"))

    assert flowctl("extra") == (0, "extra\n", "")
    assert "More:\n  extra" in flowctl("--help")[1]


def test_server_side_commands_that_do_not_import_say_why(
    flowctl: Flowctl, monkeypatch: pytest.MonkeyPatch
) -> None:
    _install(monkeypatch, EntryPoint("run", "flowrpc_nowhere:run", "flowrpc.cli"))

    code, _, errors = flowctl("run")

    assert code == 2
    assert "No module named 'flowrpc_nowhere'" in errors
    assert flowctl("--help")[0] == 0


@pytest.mark.parametrize(
    ("color", "terminal", "coloured"), [("", True, True), ("1", True, False), ("", False, False)]
)
def test_colours_only_on_terminals_that_want_them(
    flowctl: Flowctl, monkeypatch: pytest.MonkeyPatch, color: str, terminal: bool, coloured: bool
) -> None:
    monkeypatch.setenv("NO_COLOR", color)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal)

    assert ("\x1b[" in flowctl("works")[1]) is coloured


@click.command()
def extra_command() -> None:
    """Stands for a command of the server side."""
    click.echo("extra")


def test_an_app_that_cannot_be_loaded_is_a_bad_argument(
    flowctl: Flowctl, monkeypatch: pytest.MonkeyPatch
) -> None:
    _install(monkeypatch, EntryPoint("extra", f"{__name__}:failing_command", "flowrpc.cli"))

    assert flowctl("extra") == (2, "", "Error: app.py: no such file\n")


@click.command()
def failing_command() -> None:
    """Stands for `flowctl run` with a wrong file."""
    raise AppLoadError("app.py: no such file")


def _install(monkeypatch: pytest.MonkeyPatch, *installed: EntryPoint) -> None:
    """Makes these the installed server-side commands."""

    def entry_points(*, group: str, name: str | None = None) -> list[EntryPoint]:
        return [entry for entry in installed if name in (None, entry.name)]

    monkeypatch.setattr("importlib.metadata.entry_points", entry_points)


def _on_watch(service: FakeService, script: Any) -> None:
    """Plays a script once somebody watches."""
    import threading

    def play() -> None:
        assert service.watching.wait(10)
        for step in script:
            step()

    threading.Thread(target=play, daemon=True).start()
