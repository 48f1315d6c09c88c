"""Testing apps by hooks around each pass, and by the command line that would run them."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout, suppress
from dataclasses import dataclass
from pathlib import Path

from flowrpc.component import LightningApp
from flowrpc.component.app_file import load_app
from flowrpc.lightning.testing.command_line import CommandLine
from flowrpc.testing import AppFailed, SimulatedApp, SimulationError, run_app, run_work_isolated

__all__ = ["LightningTestApp", "TestResult", "application_testing", "run_work_isolated"]


class LightningTestApp(LightningApp):
    """Is an app with hooks around each pass; `MultiProcessRuntime(app).dispatch()` simulates it.

    It runs in the test's process, on a manual clock: passes, then the works that they called, one after the other, and
    when nothing is left to do, time passes until something is due. A hook that returns True ends it.
    """

    simulated: SimulatedApp | None = None
    """What runs it, once `simulate` was called; flowrpc.testing tells what it can be asked."""

    def on_before_run_once(self) -> bool | None:
        """Is called before each pass; True ends the app there, False leaves the pass out."""

    def on_after_run_once(self) -> bool | None:
        """Is called after each pass; True ends the app there."""

    def run_once(self) -> bool:
        """Runs one pass with its hooks; tells whether the app is done. `simulate` calls it.

        Raises:
            SimulationError: Something else did.
        """
        if not isinstance(self.simulated, _Hooked):
            raise SimulationError("run_once runs a pass of what simulate() runs: call that")
        before = self.on_before_run_once()
        if before is not None:
            return before
        self.simulated.run_pass()
        after = self.on_after_run_once()
        return bool(after) or self.simulated.ended is not None

    def simulate(self) -> None:
        """Runs until the app ends, or a hook ends it.

        Raises:
            SimulationError: There is nothing more to do, and no hook ended it.
            AppFailed: The app failed.
        """
        self.simulated = _Hooked(self)
        with suppress(_Done):
            self.simulated.run_to_end()


class _Done(BaseException):
    """Unwinds a simulation because the app has ended, or a hook ended it."""


class _Hooked(SimulatedApp):
    """A simulated app that runs its passes by the app's `run_once`."""

    def __init__(self, app: LightningTestApp) -> None:
        self._test_app = app
        self._ran = False
        super().__init__(app)

    def step(self, *, commit: bool = True) -> bool:
        self._ran = False
        if self._test_app.run_once():
            raise _Done
        return self._ran

    def settle(self) -> int:
        """Runs one pass only: works are executed between the passes of a flow that never settles, too."""
        return int(self.step())

    def run_pass(self) -> None:
        self._ran = super().step()

    def run_to_end(self) -> None:
        while self.ended is None:
            ran, executed = self.step(), self.run_works()
            if ran or executed:
                continue
            due = self.next_due()
            if due is None:
                raise SimulationError(
                    "the app has nothing more to do, and no hook has ended it: return True from on_after_run_once "
                    "when the test has seen enough"
                )
            self.advance_to(due)


@dataclass(frozen=True, slots=True, kw_only=True)
class TestResult:
    """How an app that was tested ended, and what it printed."""

    __test__ = False  # pytest takes it for a test otherwise

    exit_code: int
    stdout: str

    @property
    def stdout_bytes(self) -> bytes:
        """What was printed, encoded."""
        return self.stdout.encode()


def application_testing(
    lightning_app_cls: type[LightningApp] = LightningApp,
    command_line: Sequence[str] = (),
    *,
    timeout: float = 30.0,
) -> TestResult:
    """Runs the app of a file to its end.

    Args:
        lightning_app_cls: A subclass of `LightningTestApp` takes the root of the file's app and is simulated in this
            process. `LightningApp` serves the file for real, in processes of its own.
        command_line: The file, and options as `lightning run app` had them.
        timeout: How many seconds a served app may take.

    Raises:
        ValueError: The command line has no file, or an option that would be ignored.
        AppLoadError: The file cannot be loaded.
        TimeoutError: A served app did not end in time; hooks of a simulated one end it.
    """
    given = CommandLine.of(command_line)
    if issubclass(lightning_app_cls, LightningTestApp):
        return _simulated(lightning_app_cls, given)
    with run_app(given.app_file, *given.options, env=given.env, timeout=timeout) as app:
        code = app.wait()
        return TestResult(exit_code=code, stdout="\n".join([*app.lines, ""]))


def _simulated(cls: type[LightningTestApp], given: CommandLine) -> TestResult:
    printed = io.StringIO()
    code = 0
    with given.environment(), _modules_of(given.app_file.resolve().parent), redirect_stdout(printed):
        app = cls(load_app(given.app_file).root)
        try:
            app.simulate()
        except AppFailed as failed:
            code = 1
            printed.write(f"{failed}\n")
    return TestResult(exit_code=code, stdout=printed.getvalue())


@contextmanager
def _modules_of(folder: Path) -> Iterator[None]:
    """Forgets the modules of a folder afterwards, so that the next test may load another `app.py`."""
    before, path = set(sys.modules), list(sys.path)
    try:
        yield
    finally:
        sys.path[:] = path
        for name in set(sys.modules) - before:
            file = getattr(sys.modules[name], "__file__", None)
            if file is not None and Path(file).is_relative_to(folder):
                del sys.modules[name]
