"""The parts of a start in the background: what is run, and what is told through the pipe."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from flowrpc.cli.background import foreground_command
from flowrpc.cli.run import run
from flowrpc.cli.telling import Listener, Teller, Told
from flowrpc_client.flowctl import cli

LEFT_OUT = frozenset({"detach", "wait", "wait_timeout", "tell_fd"})


def command_of(*args: str) -> list[str]:
    with run.make_context("run", list(args)) as ctx:
        return foreground_command(ctx, LEFT_OUT)


def test_the_options_that_were_given_are_given_again() -> None:
    given = ["--data-dir=a b", "--fresh", "--remote-work=root.a", "--remote-work=-x", "--max-works=3"]

    command = command_of("app.py", *given, "--wait", "--wait-timeout", "3", "-d")

    assert command[0] == sys.executable
    assert command[-6:] == ["run", *given]


def test_defaults_are_left_to_the_other_process() -> None:
    assert command_of("app.py", "--detach")[-1] == "run"


@pytest.mark.parametrize(
    ("option", "problem"),
    [
        ("--app=x", "write --name after `run`"),
        ("--address=127.0.0.1:1", "to serve there, write it after `run`"),
        ("--token-file=x", "leave it out"),
        ("--tls-ca=x", "--tls-cert and --tls-key, after `run`"),
    ],
)
def test_what_chooses_a_running_app_is_refused_before_run(option: str, problem: str) -> None:
    told = CliRunner().invoke(cli, [option, "run", "none.py", "--detach"])

    assert (told.exit_code, f"{option.partition('=')[0]} before `run`" in told.output) == (2, True)
    assert problem in " ".join(told.output.split())


def test_flags_with_two_names_keep_what_was_said() -> None:
    @click.command()
    @click.option("--ui/--no-ui", default=True)
    @click.option("--loud", is_flag=True)
    def other(ui: bool, loud: bool) -> None:
        """Does nothing."""

    with other.make_context("other", ["--no-ui", "--loud"]) as ctx:
        assert foreground_command(ctx, frozenset())[-3:] == ["other", "--no-ui", "--loud"]


def test_what_is_told_is_heard_however_it_is_cut() -> None:
    reading, writing = os.pipe()
    teller = Teller(writing)
    teller.served("shop is served")
    teller.readiness(("root.model",))
    teller.readiness(())
    teller.readiness(("root.model",))
    with os.fdopen(reading, "rb") as pipe:
        data = pipe.read()

    listener = Listener()
    told = [one for number in range(len(data)) for one in listener.feed(data[number : number + 1])]

    assert told == [Told(served="shop is served"), Told(unready=("root.model",)), Told()]


def test_a_teller_lives_on_when_nobody_listens() -> None:
    reading, writing = os.pipe()
    teller = Teller(writing)
    os.close(reading)

    teller.served("shop is served")
    teller.readiness(())

    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(writing)


def test_a_teller_whose_listener_is_held_does_not_wait() -> None:
    reading, writing = os.pipe()
    teller = Teller(writing)

    for number in range(10_000):
        teller.readiness((f"root.child{number}",))

    os.close(reading)
    teller.close()


def test_lines_that_are_none_of_ours_are_passed_over(tmp_path: Path) -> None:
    assert list(Listener().feed(b"what?\n")) == []
