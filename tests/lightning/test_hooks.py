"""LightningTestApp and application_testing: apps that are run under the eyes of a test."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest
from flowrpc.component import LightningApp, LightningFlow, LightningWork
from flowrpc.errors import AppLoadError
from flowrpc.lightning.runners import MultiProcessRuntime
from flowrpc.lightning.testing import LightningTestApp, application_testing
from flowrpc.testing import AppFailed, SimulationError


class Job(LightningWork):
    def __init__(self) -> None:
        super().__init__(parallel=True)
        self.done = 0

    def run(self, number: int) -> None:
        self.done += number


class Spins(LightningFlow):
    """Changes state in every pass, and calls a work."""

    def __init__(self) -> None:
        super().__init__()
        self.job = Job()
        self.passes = 0

    def run(self) -> None:
        self.passes += 1
        self.job.run(7)


class Watched(LightningTestApp):
    """Ends when the work is done."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.hooks: list[str] = []

    def on_before_run_once(self) -> None:
        self.hooks.append("before")

    def on_after_run_once(self) -> bool | None:
        self.hooks.append("after")
        return True if self.root.job.has_succeeded else None  # type: ignore[attr-defined]


def test_hooks_stand_around_each_pass_until_one_ends_the_app() -> None:
    app = Watched(Spins())
    MultiProcessRuntime(app, start_server=False).dispatch()

    root: Any = app.root
    assert app.hooks == ["before", "after"] * root.passes
    assert root.job.done == 7
    assert app.simulated is not None
    assert app.simulated.ended is None


def test_a_hook_before_the_pass_may_end_it() -> None:
    class Never(LightningTestApp):
        def on_before_run_once(self) -> bool:
            return True

    app = Never(Spins())
    app.simulate()
    assert app.root.passes == 0  # type: ignore[attr-defined]


def test_hooks_that_say_that_it_goes_on_do_not_outlive_the_app() -> None:
    class GoesOn(LightningTestApp):
        def on_after_run_once(self) -> bool:
            return False

    app = GoesOn(Nightly("stop"))
    app.simulate()
    assert app.root.nights == 4  # type: ignore[attr-defined]


def test_a_hook_may_leave_a_pass_out() -> None:
    class EverySecond(LightningTestApp):
        rounds = 0

        def on_before_run_once(self) -> bool | None:
            self.rounds += 1
            return False if self.rounds % 2 else None

        def on_after_run_once(self) -> bool:
            return self.rounds == 10

    app = EverySecond(Spins())
    app.simulate()
    assert app.root.passes == 5  # type: ignore[attr-defined]


def test_run_once_may_be_overridden_as_apps_do() -> None:
    class ThreePasses(LightningTestApp):
        def run_once(self) -> bool:
            return self.root.passes == 3 or super().run_once()  # type: ignore[attr-defined]

    app = ThreePasses(Spins())
    app.simulate()
    assert app.root.passes == 3  # type: ignore[attr-defined]


class Nightly(LightningFlow):
    def __init__(self, ends: str) -> None:
        super().__init__()
        self.ends = ends
        self.nights = 0

    def run(self) -> None:
        if self.schedule("0 3 * * *"):
            self.nights += 1
        if self.nights == 4:
            getattr(self, self.ends)("tired")


def test_time_passes_when_nothing_else_is_left_to_do() -> None:
    app = LightningTestApp(Nightly("stop"))
    app.simulate()

    assert app.simulated is not None
    assert app.simulated.exit_code == 0
    assert app.root.nights == 4  # type: ignore[attr-defined]


def test_an_app_that_fails_raises() -> None:
    with pytest.raises(AppFailed, match="the app failed: tired"):
        LightningTestApp(Nightly("fail")).simulate()


def test_an_app_that_has_nothing_to_do_is_told_rather_than_waited_for() -> None:
    class Idle(LightningFlow):
        def run(self) -> None: ...

    with pytest.raises(SimulationError, match="nothing more to do, and no hook has ended it: return True"):
        LightningTestApp(Idle()).simulate()


def test_hooks_without_simulating_are_a_mistake_that_is_told() -> None:
    with pytest.raises(SimulationError, match="simulate"):
        LightningTestApp(Spins()).run_once()


FILE = """
import os

from neighbour import WORD
from flowrpc.lightning import LightningApp, LightningFlow


class Root(LightningFlow):
    def __init__(self):
        super().__init__()
        self.word = WORD

    def run(self):
        print(self.word, os.environ.get("SHOP_COLOUR"))
        self.stop() if self.word == "well" else self.fail("badly")


app = LightningApp(Root())
"""


@pytest.fixture(params=["well", "badly"])
def app_file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    (tmp_path / "neighbour.py").write_text(f"WORD = {request.param!r}\n")
    (tmp_path / "app.py").write_text(FILE)
    return tmp_path / "app.py"


def test_a_file_is_run_under_hooks(app_file: Path) -> None:
    class Counts(LightningTestApp):
        def on_after_run_once(self) -> None:
            sys.stdout.write("a pass\n")

    before = (dict(os.environ), list(sys.path))
    word = app_file.with_name("neighbour.py").read_text().split("'")[1]
    result = application_testing(
        Counts, [str(app_file), "--env", "SHOP_COLOUR=red", "--open-ui", "False", "--blocking=False"]
    )

    assert result.exit_code == int(word == "badly")
    assert result.stdout.splitlines()[0] == f"{word} red"
    assert (b"a pass" in result.stdout_bytes) == (word == "well")
    assert (dict(os.environ), list(sys.path)) == before
    assert {"app", "neighbour"}.isdisjoint(sys.modules)


@pytest.mark.slow
def test_a_file_is_served_for_real(app_file: Path) -> None:
    word = app_file.with_name("neighbour.py").read_text().split("'")[1]
    result = application_testing(
        LightningApp, [str(app_file), "--env", "SHOP_COLOUR=blue", "--without-server"]
    )

    assert result.exit_code == int(word == "badly")
    assert f"{word} blue" in result.stdout
    assert "the page is at" not in result.stdout


@pytest.mark.parametrize(
    ("command_line", "told"),
    [
        ([], "begins with the app's file"),
        (["--blocking", "False"], "begins with the app's file"),
        (["app.py", "--cloud"], "--cloud would be ignored; there is --blocking, --env, --open-ui"),
        (["app.py", "--without-server=1"], "would be ignored"),
        (["app.py", "--open-ui", "True"], "--open-ui True: no browser is opened"),
        (["app.py", "--env"], "--env needs a value"),
        (["app.py", "--env", "SHOP"], "--env SHOP: write KEY=VALUE"),
    ],
)
def test_a_command_line_that_would_be_ignored_is_refused(command_line: list[str], told: str) -> None:
    with pytest.raises(ValueError, match=r"application_testing: ") as refused:
        application_testing(LightningTestApp, command_line)
    assert told in str(refused.value)


def test_a_file_that_is_missing_is_told(tmp_path: Path) -> None:
    with pytest.raises(AppLoadError, match="no such file"):
        application_testing(LightningTestApp, [str(tmp_path / "app.py")])
