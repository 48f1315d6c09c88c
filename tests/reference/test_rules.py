"""Rules of the reference that a row of a page cannot show: bounds, clashes in a tree, and what the log says."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from flowrpc import Dict, LightningFlow, LightningWork, List
from flowrpc.errors import CallError, ComponentError, FlowrpcError, TreeError
from flowrpc.testing import AppFailed, SimulatedApp

NOON = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)


class Job(LightningWork):
    def __init__(self, **options: Any) -> None:
        super().__init__(**{"parallel": True, **options})
        self.items: list[Any] = []
        self.msg_changed = False

    def run(self, item: Any = None) -> None:
        self.items = [*self.items, item]


class Open(LightningFlow):
    """Has the children that it is given, and runs what it is given."""

    def __init__(self, run: Callable[[Any], Any] | None = None, **attributes: Any) -> None:
        self._run = run
        self.log: list[Any] = []
        for name, value in attributes.items():
            setattr(self, name, value)

    def run(self) -> None:
        if self._run is not None:
            self._run(self)


def app_of(run: Callable[[Any], Any] | None = None, **make: Callable[[], Any]) -> SimulatedApp:
    """An app whose root has these children, made anew in each life."""
    return SimulatedApp(lambda: Open(run, **{name: made() for name, made in make.items()}), begin=NOON)


class Till(LightningFlow):
    def close(self) -> str:
        return self.name

    def configure_commands(self) -> Any:
        return {"close": self.close}


class Ticks(LightningFlow):
    def __init__(self) -> None:
        self.count = 0

    def run(self) -> None:
        if self.schedule("hourly"):
            self.count += 1


class Loops(LightningFlow):
    def __init__(self) -> None:
        self.log: list[Any] = []

    def run(self) -> None:
        for outer in self.iterate("ab"):
            for inner in self.iterate([1, 2]):
                self.log.append(f"{outer}{inner}")
        for item in self.iterate("z"):
            self.log.append(item)


@dataclass(frozen=True, slots=True, kw_only=True)
class Repaired:
    """Something that frameworks of this kind got wrong, and what happens here."""

    fault: str
    found: Callable[[], Any]
    expected: Any


def _run_ticks(root: Any) -> None:
    root.left.run()
    root.right.run()


def _ticks() -> Any:
    app = app_of(_run_ticks, left=Ticks, right=Ticks)
    app.advance(hours=2)
    app.restart()
    app.advance(hours=1)
    return app.root.left.count, app.root.right.count


def _missed() -> Any:
    app = SimulatedApp(Ticks, begin=NOON)
    app.settle()
    app.crash(down_for=datetime(2026, 3, 8, 12, 30, tzinfo=UTC) - NOON)
    app.settle()
    return app.root.count


def _loops() -> Any:
    app = SimulatedApp(Loops)
    app.settle()
    return app.root.log


def _repeated(**options: Any) -> Any:
    def calls(root: Any) -> None:
        for item in (1, 2, 3):
            root.job.run(item)

    app = app_of(calls, job=lambda: Job(**options))
    app.run_works()
    for _ in range(3):
        app.root.log = [*app.root.log, 0]
        app.settle()
        app.run_works()
    return app.root.job.items


def _kept_in_structures() -> Any:
    inner = Open(work=Job(), deeper=List(Open(work=Job())))
    app = SimulatedApp(
        Open(lambda root: [work.run() for work in root.works()], row=List(Dict(x=List(inner))))
    )
    app.settle()
    return [work.status.stage for work in app.root.works()]


REPAIRED = [
    Repaired(fault="cached calls run again", found=_repeated, expected=[1, 2, 3]),
    Repaired(
        fault="cached calls of blocking works run again",
        found=lambda: _repeated(parallel=False),
        expected=[1, 2, 3],
    ),
    Repaired(fault="two instances of a class share a schedule", found=_ticks, expected=(4, 4)),
    Repaired(fault="every instant that was missed fires, one by one", found=_missed, expected=2),
    Repaired(
        fault="two loops in a method are one, and an inner one runs once",
        found=_loops,
        expected=["a1", "a2", "b1", "b2", "z"],
    ),
    Repaired(
        fault="works deep in structures are executed by the flow itself",
        found=_kept_in_structures,
        expected=["pending", "pending"],
    ),
]


@pytest.mark.parametrize("row", REPAIRED, ids=lambda row: row.fault)
def test_a_known_fault_is_none_here(row: Repaired) -> None:
    assert row.found() == row.expected


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Something that cannot be, the error, and what it says."""

    what: str
    does: Callable[[], Any]
    error: type[BaseException]
    says: str


async def _later() -> None: ...


class Configures(Open):
    def configure_commands(self) -> Any:
        return {"later": _later}


class Meddles(Open):
    def configure_layout(self) -> Any:
        self.log.append(1)
        return []


class NoValue:
    """Is no value."""


class Needy(LightningWork):
    def __init__(self, thing: Any) -> None:
        super().__init__(parallel=True)

    def run(self) -> None:
        """Does nothing."""


def _attach_needy(root: Any) -> None:
    root.needy = Needy(NoValue())


def _keep_loop(root: Any) -> None:
    root._loop = getattr(root, "_loop", None) or root.iterate([1, 2, 3])
    root.log.append(next(root._loop))


REFUSED = [
    Refused(
        what="an async command",
        does=lambda: SimulatedApp(Configures()),
        error=ComponentError,
        says="the command 'later' of root is async",
    ),
    Refused(
        what="a bare name of two commands",
        does=lambda: app_of(left=Till, right=Till).call("close"),
        error=CallError,
        says="command 'close' is ambiguous: say 'left.close' or 'right.close'",
    ),
    Refused(
        what="an update of a component that is not there",
        does=lambda: app_of().update("root.nope", log=[]),
        error=CallError,
        says="root.nope",
    ),
    Refused(
        what="an update of a var that is not there",
        does=lambda: app_of().update("root", nope=1),
        error=CallError,
        says="nope",
    ),
    Refused(
        what="a layout that changes state",
        does=lambda: SimulatedApp(Meddles()),
        error=ComponentError,
        says="root.configure_layout(): it must not change state; that was undone",
    ),
    Refused(
        what="a dynamic child that could not be built again",
        does=lambda: app_of(_attach_needy).settle(),
        error=TreeError,
        says="root.needy is added while the app runs, so its constructor's arguments must be values",
    ),
    Refused(
        what="a loop that goes on in a later pass",
        does=lambda: app_of(_keep_loop).settle(),
        error=ComponentError,
        says="root.iterate: the loop goes on after its pass has ended; begin it in each pass anew",
    ),
]


@pytest.mark.parametrize("row", REFUSED, ids=lambda row: row.what)
def test_what_cannot_be_is_refused(row: Refused) -> None:
    with pytest.raises(FlowrpcError) as caught:
        row.does()

    failure = caught.value.failure if isinstance(caught.value, AppFailed) else None
    kind = failure.type.rpartition(".")[2] if failure is not None else type(caught.value).__name__
    assert kind == row.error.__name__
    assert row.says in (failure.message if failure is not None else str(caught.value))


def test_a_work_keeps_so_many_calls_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flowrpc.flow_service.ledger.MAX_RUNS_PER_WORK", 3)
    app = app_of(lambda root: [root.job.run(item) for item in root.log], job=Job)
    app.update("root", log=[1, 2, 3])
    app.run_works()
    assert app.root.job.items == [1, 2, 3]

    app.root.log = [1, 2, 3, 4]
    with pytest.raises(
        AppFailed, match=r"LedgerFullError: root\.job was called with 3 different arguments"
    ) as caught:
        app.settle()

    assert "remove the work from its List or Dict and add a new one" in caught.value.message


def test_a_swallowed_unwinding_is_warned_of_with_its_line(caplog: pytest.LogCaptureFixture) -> None:
    def swallows(root: Any) -> None:
        try:
            root.job.run()
        except BaseException:  # noqa: BLE001 - the fault that is warned of
            root.log = ["swallowed"]

    app = app_of(swallows, job=lambda: Job(parallel=False))
    with caplog.at_level(logging.WARNING, "flowrpc"):
        app.step()

    assert app.vars()["log"] == ["swallowed"]
    assert len(app.runs("root.job")) == 1
    line = swallows.__code__.co_firstlineno + 2
    assert f"the call at {__file__}:{line} waits for its run, but the pass went on after it" in caplog.text


def test_a_pass_that_raises_keeps_nothing_and_the_next_life_goes_on_before_it() -> None:
    def raises_later(root: Any) -> None:
        root.log.append(len(root.log))
        if len(root.log) == 3:
            root.job.run()
            raise ValueError("the third time")

    app = app_of(raises_later, job=Job)
    with pytest.raises(AppFailed, match="the third time"):
        app.settle()

    assert (app.vars()["log"], app.exit_code, app.runs()) == ([0, 1], 1, [])
    app.restart()
    assert app.root.log == [0, 1]
