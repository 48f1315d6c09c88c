"""LightningApp: a root made runnable."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flowrpc.component.app_info import AppInfo, check_hosting
from flowrpc.component.calls import is_synchronous
from flowrpc.component.component import ROOT_NAME, Component
from flowrpc.component.compute import CloudCompute
from flowrpc.component.flow import LightningFlow
from flowrpc.component.readiness import has_begun, is_job
from flowrpc.component.work import LightningWork
from flowrpc.errors import TreeError

LOG_LEVELS = ("debug", "info", "warning", "error")


class WorkRoot(LightningFlow):
    """Is the root of an app that was given a work: it runs the work once, and the app ends when that succeeded."""

    def __init__(self, work: LightningWork) -> None:
        """Takes the work, which becomes `root.work`."""
        self.work = work

    def run(self) -> None:
        """Runs the work, and stops the app when it has succeeded."""
        self.work.run()
        if self.work.has_succeeded:
            self.stop(f"{self.work.name} succeeded")

    @property
    def ready(self) -> bool:
        """Whether the work is ready or has a `url`; one that serves nothing is ready as soon as its run has begun.

        A work that has a `ready` of its own, or a port, says by that when it is ready. Others are jobs: they would
        never be, and whoever waits for the app would wait for ever.
        """
        work = self.work
        return bool(work.ready or work.url) or (is_job(work) and has_begun(work))


class LightningApp:
    """Makes a root runnable: `flowctl run` starts the app that a file holds.

    Args:
        root: The root flow; its `run` is called whenever state has changed. A work is run once, and the app ends.
        log_level: What `flowctl run` shows of the log if it is not told: debug, info, warning or error.
        info: What `/docs` says about the app.
        root_path: Is refused unless empty, as is `flow_cloud_compute`: apps for Lightning gave them, and nothing here
            would heed them.

    Raises:
        TypeError: The root is no flow or work, or does not override `run`.
        TreeError: The root is part of another flow.
        ValueError: There is no such log level.
        ComponentError: An argument is given that would be ignored.
    """

    def __init__(
        self,
        root: LightningFlow | LightningWork,
        log_level: str = "info",
        *,
        info: AppInfo | None = None,
        root_path: str = "",
        flow_cloud_compute: CloudCompute | None = None,
    ) -> None:
        _check_root(root)
        if log_level not in LOG_LEVELS:
            raise ValueError(f"there is no log level {log_level!r}; choose {', '.join(LOG_LEVELS)}")
        check_hosting(root_path, flow_cloud_compute)
        self.root: LightningFlow = WorkRoot(root) if isinstance(root, LightningWork) else root
        self.log_level = log_level
        self.info = info or AppInfo()

    @property
    def state(self) -> dict[str, Any]:
        """The state of the root and everything below it."""
        return self.root.state

    @property
    def ready(self) -> bool:
        """Whether the root is ready."""
        return bool(self.root.ready)

    @property
    def state_vars(self) -> dict[str, Any]:
        """The vars of the root and everything below it."""
        return self.root.state_vars

    @property
    def state_with_changes(self) -> dict[str, Any]:
        """The state with what the pass or command under way has changed so far."""
        return self.root.state_with_changes

    def state_dict(self) -> dict[str, Any]:
        """Returns the state of the root and everything below it, as `load_state_dict` takes it."""
        return self.root.state

    def set_state(self, state: dict[str, Any]) -> None:
        """Sets a state that `state` gave, where everything that it speaks of is there.

        Raises:
            AttributeRuleError: A component has no such var or child.
        """
        self.root.set_state(state)

    def load_state_dict(self, state: dict[str, Any], strict: bool = True) -> None:
        """Sets a state that `state` gave, through the flows' `load_state_dict`, which create dynamic children.

        Raises:
            ValueError: There is a state for a child that was not created, and `strict`.
            AttributeRuleError: There is a value for a var that does not exist.
        """
        self.root.load_state_dict(_own(state), dict(_below(state, "")), strict)

    def get_component_by_name(self, name: str) -> Component:
        """Finds a component by its full name, such as `root.train` or `root.dags.0`.

        Raises:
            ValueError: The name does not begin with `root`.
            AttributeError: There is no such component.
        """
        first, *steps = name.split(".")
        if first != ROOT_NAME:
            raise ValueError(f"{name!r}: the name of a component begins with {ROOT_NAME}")
        component: Component = self.root
        for step in steps:
            child = component._children.get(step)
            if child is None:
                known = ", ".join(component._children) or "none"
                raise AttributeError(f"{component.name} has no child {step!r}; it has {known}")
            component = child
        return component

    @property
    def works(self) -> list[LightningWork]:
        """All works, by name."""
        return self.root.works()

    @property
    def named_works(self) -> list[tuple[str, LightningWork]]:
        """All works with their full names."""
        return self.root.named_works()

    @property
    def flows(self) -> list[LightningFlow]:
        """The root and all flows below it, by name."""
        return [self.root, *self.root.flows.values()]


def may_be_same_app(recorded: str, found: str) -> bool:
    """Tells whether a root can go on with the state of another one: its module or its class kept the name.

    Args:
        recorded: Class of the root that the state is of, as `module:qualified.name`.
        found: Class of the root of the app.
    """
    return any(then == now for then, now in zip(recorded.split(":"), found.split(":"), strict=True))


def _own(state: dict[str, Any]) -> dict[str, Any]:
    """Takes what is below a component out of its state."""
    return {**state, "flows": {}, "works": {}, "structures": {}}


def _below(state: dict[str, Any], prefix: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yields the own states of the flows and works below a component, by name below it."""
    for group in ("flows", "works", "structures"):
        for key, child in state.get(group, {}).items():
            if group != "structures":
                yield f"{prefix}{key}", _own(child)
            yield from _below(child, f"{prefix}{key}.")


def _check_root(root: Any) -> None:
    if isinstance(root, type):
        raise TypeError(f"LightningApp takes a flow, not the class {root.__name__}: write {root.__name__}()")
    if not isinstance(root, LightningFlow | LightningWork) or type(root).run is LightningFlow.run:
        raise TypeError(
            "The root flow passed to `LightningApp` does not override the `run()` method: "
            f"got {type(root).__name__}; pass an instance of a LightningFlow subclass that defines run"
        )
    if not is_synchronous(type(root).run):
        raise TypeError(
            f"the `run()` of {type(root).__name__} is async or a generator: flows are synchronous, write `def run`"
        )
    component: Component = root
    if component._parent is not None:
        raise TreeError(
            f"{component.name} is part of another flow and cannot be the root of an app; build a second one"
        )
