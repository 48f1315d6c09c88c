"""LightningFlow: holds state and decides what should happen."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, tzinfo
from types import FrameType
from typing import Any, NoReturn

from flowrpc.component.call_site import call_site
from flowrpc.component.component import Component
from flowrpc.component.exits import ExitApp
from flowrpc.component.framework_vars import framework_dict
from flowrpc.component.frontend import Frontend
from flowrpc.component.iteration import Loops, begin_loop
from flowrpc.component.lightningignore import Ignoring
from flowrpc.component.routes import HttpMethod
from flowrpc.component.schedule import CatchUp, ask, read_times
from flowrpc.component.structures import Structure, as_structure, unwrapped
from flowrpc.component.work import LightningWork
from flowrpc.errors import AttributeRuleError, ComponentError
from flowrpc.state.flow_calls import SCHEDULES, flow_calls, kept_calls
from flowrpc.state.records import AppStage, ComponentKind

Commands = dict[str, Callable[..., Any]] | list[dict[str, Callable[..., Any]]]
"""Commands by name, as `configure_commands` returns them."""
Layout = Frontend | dict[str, Any] | list[dict[str, Any]]
"""What is shown of a flow, as `configure_layout` returns it."""


class LightningFlow(Ignoring):
    """Holds state, children, and a `run` that is called again whenever state has changed.

    It looks at state and decides: `run` should be quick and leave long jobs to works.
    """

    KIND = ComponentKind.FLOW

    _schedules: dict[str, Any]
    _iterations: dict[str, Any]
    _loops: Loops
    _layout: Any

    def __init__(self) -> None:
        """Needs nothing; a subclass that forgets to call it works as well."""

    def run(self, *args: Any, **kwargs: Any) -> None:
        """Decides what should happen. The app calls the root's; a flow calls its children's."""

    def configure_commands(self) -> Commands:
        """Returns the commands that clients may call: methods by name, as a dict or a list of dicts."""
        return {}

    def configure_api(self) -> list[HttpMethod]:
        """Returns the HTTP routes of this flow: a list of `Get`, `Post`, `Put`, `Delete` and `Patch`."""
        return []

    def configure_layout(self) -> Layout:
        """Returns what is shown of this flow: a Frontend, or one dict or several, each of which is a tab.

        It is called when the app is created and again when state has changed, and must not change any. A Frontend must
        be returned at the first call. By default the children that configure a layout are shown, each in a tab.
        """
        return [{"name": flow.name, "content": flow} for flow in _shown_flows(self)]

    def stop(self, end_msg: str = "") -> NoReturn:
        """Ends the app in order, with exit code 0; the message is kept in its final status."""
        raise ExitApp(AppStage.STOPPED, end_msg)

    def fail(self, end_msg: str = "") -> NoReturn:
        """Ends the app as failed, with exit code 1; the message is kept in its final status."""
        raise ExitApp(AppStage.FAILED, end_msg)

    def stop_works(self, works: Iterable[LightningWork]) -> None:
        """Stops several works.

        Raises:
            RuntimeError: One of them is in no app.
        """
        for work in works:
            work.stop()

    def schedule(
        self,
        cron_pattern: str,
        start_time: datetime | None = None,
        user_key: str | None = None,
        *,
        timezone: str | tzinfo | None = None,
        catch_up: CatchUp = "latest",
    ) -> bool:
        """Tells whether a part of `run` is to run now: at its first call, and then once for each instant of a pattern.

        An instant is consumed by the pass whose call was True, also if that pass has to wait after it: change state
        under the condition, and call works that wait outside of it. Passes that wait before the call lose nothing.

        Args:
            cron_pattern: Five fields, six with seconds last, or `hourly`, `daily`, `midnight`, `weekly`, `monthly`,
                `yearly` or `annually`.
            start_time: From when on instants count, by default from the first call; without a zone, in `timezone`.
            user_key: What to keep the schedule under, by default this call's place in the code and the pattern.
            timezone: The zone that the pattern is read in, by default UTC.
            catch_up: What becomes of instants that nobody met: `none`, the `latest`, or `all` of the newest 1,000.

        Raises:
            ComponentError: The pattern, the zone or the policy cannot be read.
        """
        try:
            times = read_times(cron_pattern, start_time, timezone, catch_up)
        except ComponentError as error:
            raise ComponentError(f"{self.name}.schedule: {error}") from None
        site = call_site(sys._getframe(1), "schedule")
        return ask(self, f"user_key {user_key}" if user_key else f"{site} {cron_pattern}", times, catch_up)

    def iterate(self, iterable: Iterable[Any], run_once: bool = True, user_key: str = "") -> Iterator[Any]:
        """Iterates, and goes on after a restart with the item that was in progress.

        An item is done when the next one is asked for: one whose pass waits for a work, or is lost, comes again.

        Args:
            iterable: What gives the same items, in the same order, whenever it is iterated.
            run_once: Whether a loop that came to its end is over for good; otherwise it begins anew.
            user_key: What to keep the loop under, by default this call's place in the code.

        Raises:
            TypeError: It is nothing to iterate over.
        """
        return self._iterate(iterable, run_once, user_key, sys._getframe(1))

    def experimental_iterate(
        self, iterable: Iterable[Any], run_once: bool = True, user_key: str = ""
    ) -> Iterator[Any]:
        """Is `iterate`, under the name that apps for Lightning know."""
        return self._iterate(iterable, run_once, user_key, sys._getframe(1))

    def _iterate(
        self, iterable: Iterable[Any], run_once: bool, user_key: str, frame: FrameType
    ) -> Iterator[Any]:
        site = f"user_key {user_key}" if user_key else call_site(frame, "iterate", "experimental_iterate")
        return begin_loop(self, iterable, site, run_once=run_once)

    def works(self, recurse: bool = True) -> list[LightningWork]:
        """Returns its works by name; those of its child flows too if `recurse`."""
        return [work for _, work in self.named_works(recurse)]

    def named_works(self, recurse: bool = True) -> list[tuple[str, LightningWork]]:
        """Returns its works with their full names; those of its child flows too if `recurse`."""
        found: dict[str, LightningWork] = {}
        for child in unwrapped(self._children.values()):
            if isinstance(child, LightningWork):
                found[child.name] = child
            elif recurse and isinstance(child, LightningFlow):
                found.update(child.named_works())
        return sorted(found.items())

    @property
    def flows(self) -> dict[str, LightningFlow]:
        """All flows below this one, by full name."""
        found: dict[str, LightningFlow] = {}
        for child in unwrapped(self._children.values()):
            if isinstance(child, LightningFlow):
                found[child.name] = child
                found.update(child.flows)
        return dict(sorted(found.items()))

    @property
    def ready(self) -> bool:
        """Whether clients may rely on it; by default when all flows below it are ready. Override it.

        The app is ready, for health probes too, when its root is. It is looked at when state may have changed, so it
        looks at state only, and changes nothing; if it raises, the flow is not ready.
        """
        return all(flow.ready for flow in flows_with_own_ready(self) if flow is not self)

    @property
    def state(self) -> dict[str, Any]:
        """Its vars and, nested, the state of everything below it.

        `{"vars", "calls", "flows", "works", "structures", "changes"}`; children are keyed by attribute name. `changes`
        is empty here, see `state_with_changes`.
        """
        return {**self._own_state(), **children_state(self), "changes": {}}

    @property
    def state_vars(self) -> dict[str, Any]:
        """Like `state`, with the vars alone: `{"vars", "flows", "works", "structures"}`."""
        return {"vars": self._plain_vars(), **children_state(self, "state_vars")}

    @property
    def state_with_changes(self) -> dict[str, Any]:
        """Like `state`, with `changes`: the vars that the pass or command under way has changed so far."""
        children = children_state(self, "state_with_changes")
        return {**self._own_state(), **children, "changes": self._changes()}

    def _own_state(self) -> dict[str, Any]:
        return {"vars": self._plain_vars(), "calls": flow_calls(self.name, self.__dict__)}

    def set_state(self, state: dict[str, Any], recurse: bool = True) -> None:
        """Sets a state that `state` gave: its vars, schedules and loops and, if `recurse`, those of what is below it.

        What the given state lacks stays as it is.

        Raises:
            AttributeRuleError: The flow has no such var or child.
            ComponentError: The calls are no calls that `state` gave.
        """
        self._set_vars(state.get("vars", {}))
        self._set_calls(state.get("calls", {}))
        if recurse:
            set_children_state(self, state)

    def _set_calls(self, calls: dict[str, Any]) -> None:
        try:
            kept = kept_calls(calls)
        except (KeyError, TypeError, AttributeError) as error:
            raise ComponentError(f"{self.name}: its calls are none that `state` gave: {error!r}") from None
        for name, entries in kept.items():
            if entries:
                framework_dict(self, name).update(entries)
        if kept[SCHEDULES] and self._context is not None:
            self._context.rescheduled(self)

    def state_dict(self) -> dict[str, Any]:
        """Returns its own state in the shape of `state`, with nothing below it."""
        return {**self._own_state(), "flows": {}, "works": {}, "structures": {}, "changes": {}}

    def load_state_dict(
        self, flow_state: dict[str, Any], children_states: dict[str, Any], strict: bool = True
    ) -> None:
        """Reloads its state and that of the flows and works below it.

        Recovery calls it where a class overrides it: to create children that came while the app ran, and to migrate
        the state of an earlier version of the code. Children that it does not create, recovery builds from what was
        recorded of them. Other flows get their state back without it.

        Args:
            flow_state: Its own state, as `state_dict` gave it.
            children_states: The own states of flows and works below it, by name below it: `train`, `dags.0.train`.
            strict: Whether a state without a child is an error; recovery calls it with False.

        Raises:
            ValueError: There is a state for a child that was not created, and `strict`.
            AttributeRuleError: There is a value for a var that does not exist.
        """
        self.set_state(flow_state, recurse=False)
        own = {name: child for name, child in self._own_children() if name in children_states}
        for name, child in own.items():
            if isinstance(child, LightningFlow):
                child.load_state_dict(children_states[name], _below(name, children_states), strict)
            else:
                child.set_state(children_states[name])
        missing = [
            name for name in children_states if not any(name == n or name.startswith(f"{n}.") for n in own)
        ]
        if missing and strict:
            raise ValueError(f"The component {missing[0]} wasn't instantiated for the component {self.name}")

    def _own_children(self) -> Iterator[tuple[str, LightningFlow | LightningWork]]:
        """Yields the flows and works that are its own, also those in structures, with their names below it."""
        for child in unwrapped(self._children.values()):
            if isinstance(child, LightningFlow | LightningWork):
                yield child.name.removeprefix(f"{self.name}."), child

    def _as_child(self, name: str, value: Any) -> Component | None:
        return value if isinstance(value, Component) else as_structure(value, f"{self.name}.{name}")


def flows_with_own_ready(component: Component) -> Iterator[LightningFlow]:
    """Yields those flows, from a component on downwards, whose class says itself when they are ready."""
    for flow in component._walk():
        if isinstance(flow, LightningFlow) and type(flow).ready is not LightningFlow.ready:
            yield flow


def _shown_flows(flow: LightningFlow) -> Iterator[LightningFlow]:
    """Yields the nearest flows below that configure a layout."""
    for child in unwrapped(flow._children.values()):
        if not isinstance(child, LightningFlow):
            continue
        if type(child).configure_layout is not LightningFlow.configure_layout:
            yield child
        else:
            yield from _shown_flows(child)


def _below(name: str, states: dict[str, Any]) -> dict[str, Any]:
    """Returns the states of what is below a child, by name below it."""
    prefix = f"{name}."
    return {key.removeprefix(prefix): state for key, state in states.items() if key.startswith(prefix)}


_GROUPS = {
    ComponentKind.FLOW: "flows",
    ComponentKind.WORK: "works",
    ComponentKind.LIST: "structures",
    ComponentKind.DICT: "structures",
}


def children_state(component: Component, shape: str = "state") -> dict[str, dict[str, Any]]:
    """Returns the states of the children in a shape, grouped into flows, works and structures."""
    groups: dict[str, dict[str, Any]] = {"flows": {}, "works": {}, "structures": {}}
    for key, child in component._children.items():
        groups[_GROUPS[child.KIND]][key] = (
            children_state(child, shape) if isinstance(child, Structure) else getattr(child, shape)
        )
    return groups


def set_children_state(component: Component, state: dict[str, Any]) -> None:
    """Sets the states of the children that `children_state` gave."""
    for group in ("flows", "works", "structures"):
        for key, child_state in state.get(group, {}).items():
            child = component._children.get(key)
            if child is None or _GROUPS[child.KIND] != group:
                raise AttributeRuleError(f"{component.name} has no {group[:-1]} {key!r} to set the state of")
            if isinstance(child, Structure):
                set_children_state(child, child_state)
            else:
                child.set_state(child_state)  # type: ignore[attr-defined]
