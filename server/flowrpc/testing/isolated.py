"""Running one work by itself, in a process of its own."""

from __future__ import annotations

import inspect
from typing import Any

from flowrpc.component.app import LightningApp
from flowrpc.component.work import LightningWork
from flowrpc.errors import WorkRunError
from flowrpc.state import same, untrack
from flowrpc.state.records import Run
from flowrpc.testing.errors import SimulationError
from flowrpc.testing.one_call import OneCall
from flowrpc.testing.root_source import built_again
from flowrpc.testing.simulated_app import SimulatedApp


def run_work_isolated(work: LightningWork, /, *args: Any, **kwargs: Any) -> None:
    """Runs a work in a real process, as an app would: the arguments are those of its `run`.

    Afterwards the work has the vars and the status that the run ended with, also if it failed. Retries and timeouts are
    the work's own; without a timeout it has a minute. To give it longer, use `SimulatedApp.run_works`.

    Raises:
        TypeError: The arguments do not fit its `run`.
        WorkRunError: It failed, and has `raise_exception=True`; carries type, message and traceback of what it raised.
        SimulationError: It is part of an app, its process could not build it, or it takes longer than a minute.
    """
    if work._context is not None or work._parent is not None:
        raise SimulationError(f"{work.name} is part of an app: give run_work_isolated a work by itself")
    inspect.signature(work.run).bind(*args, **kwargs)
    app = SimulatedApp(lambda: _calling(work, args, kwargs))
    app.run_works(isolated=True)
    run = app.works["root.work"].run
    assert run is not None, "its root calls it"
    _take_over(work, app.root.work, run)
    if run.failure is not None and work.raise_exception:
        raise WorkRunError(type(work).__name__, run.failure.type, run.failure.message, run.failure.traceback)


def _calling(work: LightningWork, args: Any, kwargs: Any) -> LightningApp:
    copy = built_again(work)
    for name, value in work._plain_vars().items():
        setattr(copy, name, value)
    return LightningApp(OneCall(copy, list(args), kwargs))


def _take_over(work: LightningWork, ended: LightningWork, run: Run) -> None:
    for name in work._var_names:
        value = untrack(ended.__dict__[name])
        if not same(untrack(work.__dict__[name]), value):
            setattr(work, name, value)
    work._inline_runs.append(run)
