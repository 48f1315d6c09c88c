"""LightningWork: a long-running job with its own state, in its own process."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from datetime import timedelta
from functools import lru_cache
from typing import Any

from flowrpc.component.build_config import BuildConfig
from flowrpc.component.calls import gated, is_synchronous
from flowrpc.component.component import Component
from flowrpc.component.compute import CloudCompute
from flowrpc.component.endpoint import LOCALHOST
from flowrpc.component.framework_vars import set_framework_var
from flowrpc.component.frontend import Frontend
from flowrpc.component.lightningignore import Ignoring
from flowrpc.component.needs import WorkNeeds
from flowrpc.component.retry import Retry
from flowrpc.component.run_history import RunHistory
from flowrpc.component.work_endpoint import WorkEndpoint
from flowrpc.component.work_options import check_attempts, check_endpoint, check_resume
from flowrpc.component.work_status import calls_of
from flowrpc.errors import AttributeRuleError, TreeError
from flowrpc.state import SCALARS, Change, Value, track
from flowrpc.state.records import ComponentKind
from flowrpc.state.work_facts import DISPLAY_NAME
from flowrpc.storage.binding import renamed, taken_in

ORPHAN_GRACE = timedelta(minutes=10)


class LightningWork(RunHistory, WorkEndpoint, WorkNeeds, Ignoring):
    """Is a long-running job. Override `run`; a flow calls it, and it is executed in a process of its own.

    Args:
        parallel: Whether a call returns at once; otherwise the flow's pass waits until the run has ended.
        cache_calls: Whether equal arguments run once only; otherwise a run that has ended may start again.
        raise_exception: Whether a failed run raises in the flow, and ends the app if the flow does not catch it.
        host: The address that it listens on if it serves; `0.0.0.0` lets other hosts in.
        port: The port that it serves on; None: a free one, chosen where it runs.
        run_once: The old name of `cache_calls`.
        start_with_flow: Whether its process is started with the app, ahead of the first call of `run`.
        orphan_grace: How long a run goes on while its process cannot reach the flow.
        retry: How often a run that failed is tried again; None: never.
        resume: Whether an attempt goes on from the vars that the one before it left, if that was lost or failed. Else
            it begins with the vars that the run began with.
        timeout: How long an attempt may take; None: as long as it likes. One that takes longer is cancelled, and has
            failed with the reason `timed_out`.
        cloud_compute: What it needs of a machine: a run goes only to an agent that has it.
        cloud_build_config: What has to be installed where it is executed.
        local_build_config: The same for the local agent alone, if it differs.

    Raises:
        TypeError: A time is no timedelta, the retry no Retry, `resume` no bool, the host no text or the port no int.
        ValueError: The port is none, or a time cannot be meant.
    """

    KIND = ComponentKind.WORK

    _parallel: bool
    _cache_calls: bool
    _raise_exception: bool
    _start_with_flow: bool
    _orphan_grace: timedelta
    _retry: Retry | None
    _resume: bool
    _timeout: timedelta | None
    _executing: bool
    _run_id: str
    _attempt: int
    _cancelled: bool
    _display_name: str = ""  # a var of the framework, while it was never set
    _inline_results: dict[str, Any]

    def __init__(
        self,
        *,
        parallel: bool = False,
        cache_calls: bool = True,
        raise_exception: bool = True,
        host: str = LOCALHOST,
        port: int | None = None,
        run_once: bool | None = None,
        start_with_flow: bool = False,
        orphan_grace: timedelta = ORPHAN_GRACE,
        retry: Retry | None = None,
        resume: bool = False,
        timeout: timedelta | None = None,
        cloud_compute: CloudCompute | None = None,
        cloud_build_config: BuildConfig | None = None,
        local_build_config: BuildConfig | None = None,
    ) -> None:
        place = type(self).__name__
        check_endpoint(place, host, port)
        check_attempts(place, retry, timeout, orphan_grace)
        check_resume(place, resume)
        if run_once is not None:
            warnings.warn("run_once is the old name of cache_calls", DeprecationWarning, stacklevel=2)
        self._take_needs(cloud_compute, cloud_build_config, local_build_config)
        self.__dict__.update(
            _parallel=parallel,
            _cache_calls=cache_calls if run_once is None else run_once,
            _raise_exception=raise_exception,
            _host=host,
            _fixed_port=port,
            _start_with_flow=start_with_flow,
            _orphan_grace=orphan_grace,
            _retry=retry,
            _resume=resume,
            _timeout=timeout,
        )

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Makes calls of `run` go through the flow's ledger."""
        super().__init_subclass__(**kwargs)
        run = cls.run  # its own, or that of a class that is mixed in
        if run is not LightningWork.run and not getattr(run, "__flowrpc_gated__", False):
            cls.run = gated(run)  # type: ignore[method-assign]

    def run(self, *args: Any, **kwargs: Any) -> None:
        """Does the job. Override it; it returns nothing, its results are the state it sets."""
        raise NotImplementedError

    # What a subclass may override beside `run`; all of it is called in the work's process

    def on_start(self) -> None:
        """Is called once in each process, before its first run; what it sets is recorded with that run."""

    def on_exception(self, exception: Exception) -> None:
        """Is called when `run` raised; the run has failed in any case, and what is set here is recorded with it."""

    def on_exit(self) -> None:
        """Is called when the process ends in order: the work was stopped, or the app or the agent ends.

        It may take two seconds. State that it sets goes nowhere. A process that is killed does not call it.
        """

    def apply_flow_delta(self, changes: Sequence[Change]) -> None:
        """Takes in what the flow changed in the vars while the work runs.

        An override calls this one, or the work does not see the changes. What it raises is logged.
        """
        for change in changes:
            self._apply_unrecorded(change)

    def configure_layout(self) -> str | Frontend | None:
        """Returns what a flow shows that puts this work into its layout: a URL, by default its own, or a Frontend."""
        return self.url

    def _set_up(self) -> None:
        super()._set_up()
        self.__dict__.update(
            _executing=False,
            _run_id="",
            _attempt=0,
            _cancelled=False,
            _endpoint=None,
            _inline_results={},
            _inline_runs=[],
        )
        LightningWork.__init__(self)  # the defaults, for a subclass that forgets super().__init__()
        _check_run(type(self))

    def _as_child(self, name: str, value: Any) -> None:
        components = (
            value
            if isinstance(value, list | tuple)
            else value.values()
            if isinstance(value, dict)
            else [value]
        )
        for component in components:
            if isinstance(component, Component):
                raise TreeError(
                    f"{self.name}.{name}: a LightningWork isn't allowed to take any children, such as "
                    f"{type(component).__name__}; put both into a flow"
                )

    def _assign(self, name: str, value: Any) -> None:
        if name == "run":
            raise AttributeRuleError(
                f"{self.name}.run: a work's run is a method of its class and cannot be assigned"
            )
        super()._assign(name, value)

    def _take_in(self, name: str, value: Any) -> Value:
        plain = super()._take_in(name, value)
        return plain if type(plain) in SCALARS else taken_in(plain, self.name, executing=self._executing)

    def _rename(self, name: str) -> None:
        before = self.name
        super()._rename(name)
        for var in self._var_names:
            value = self.__dict__[var]
            new = value if type(value) in SCALARS else renamed(value, before, name)
            if new is not value:
                self.__dict__[var] = track(new, self, var)

    @property
    def parallel(self) -> bool:
        """Whether a call returns at once."""
        return self._parallel

    @property
    def cache_calls(self) -> bool:
        """Whether equal arguments run once only."""
        return self._cache_calls

    @property
    def raise_exception(self) -> bool:
        """Whether a failed run raises in the flow."""
        return self._raise_exception

    @property
    def run_once(self) -> bool:
        """The old name of `cache_calls`."""
        return self._cache_calls

    @property
    def start_with_flow(self) -> bool:
        """Whether the work's process is started with the app."""
        return self._start_with_flow

    @property
    def display_name(self) -> str:
        """What people call the work; empty: its name. Set it before the work is started.

        Raises:
            RuntimeError: The work was started already, or runs here.
        """
        return self._display_name

    @display_name.setter
    def display_name(self, name: str) -> None:
        if self.has_started or self._attempt:
            raise RuntimeError(
                f"{self.name}.display_name: the work was started already; set it before its first run"
            )
        if not isinstance(name, str):
            raise AttributeRuleError(f"{self.name}.display_name is a text, not {type(name).__name__}")
        set_framework_var(self, DISPLAY_NAME, name)

    # The attempt that is executed here

    @property
    def idempotency_key(self) -> str:
        """Text that is the same in all attempts of a run and in no other run; empty outside of one.

        Hand it to other systems with what must happen once only: an attempt may be made again.
        """
        return self._run_id

    @property
    def attempt(self) -> int:
        """Number of the attempt that is executed here, from 1; 0 outside of one."""
        return self._attempt

    @property
    def cancelled(self) -> bool:
        """Whether the attempt that is executed here was told to end; `Cancelled` is raised in `run` as well."""
        return self._cancelled

    # State

    @property
    def ready(self) -> bool:
        """Whether others may use it; by default when it has a `url`. Override it to say otherwise."""
        return bool(self.url)

    @property
    def state(self) -> dict[str, Any]:
        """The vars and what became of the calls: `{"vars", "calls", "changes"}`."""
        return {"vars": self._plain_vars(), "calls": calls_of(self._recent()), "changes": {}}

    @property
    def state_vars(self) -> dict[str, Any]:
        """Like `state`, with the vars alone: `{"vars"}`."""
        return {"vars": self._plain_vars()}

    @property
    def state_with_changes(self) -> dict[str, Any]:
        """Like `state`, with `changes`: the vars that the flow's pass or command under way has changed so far."""
        return {**self.state, "changes": self._changes()}

    def set_state(self, state: dict[str, Any]) -> None:
        """Sets the vars of a state that `state` gave; calls are the ledger's and stay.

        Raises:
            AttributeRuleError: The work has no such var.
        """
        self._set_vars(state.get("vars", {}))

    # What the flow asks for beside runs

    def start(self) -> None:
        """Starts the process ahead of the first run, which then begins sooner; does nothing if it was started.

        The status becomes `started` when the work was built and its `on_start` has returned.

        Raises:
            RuntimeError: The work is in no app.
        """
        if self._context is None:
            raise RuntimeError(f"Only the `LightningFlow` can request this work ({self.name!r}) to start.")
        self._context.start(self)

    def stop(self) -> None:
        """Cancels the runs and ends the process; a later call of `run` starts again.

        Raises:
            RuntimeError: The work is in no app.
        """
        if self._context is None:
            raise RuntimeError(f"Only the `LightningFlow` can request this work ({self.name!r}) to stop.")
        self._context.stop(self)

    def delete(self) -> None:
        """Stops the work, and gives back what a placement holds for it. The component stays, and may run again.

        Raises:
            RuntimeError: The work is in no app.
        """
        if self._context is None:
            raise RuntimeError(
                f"Can't delete the work {self.name!r}, it looks like it isn't attached to an app"
            )
        self._context.stop(self)


@lru_cache(maxsize=1024)
def _check_run(cls: type[LightningWork]) -> None:
    """Refuses a class whose `run` is missing, or is none that can simply be called."""
    if cls.run is LightningWork.run:
        raise TypeError(f"The work `{cls.__name__}` is missing the `run()` method: define it in the class")
    if not is_synchronous(cls.run):
        raise TypeError(
            f"The work `{cls.__name__}` has a `run()` that is async or a generator: write an ordinary `def run`, "
            "with `asyncio.run(…)` inside if need be"
        )
