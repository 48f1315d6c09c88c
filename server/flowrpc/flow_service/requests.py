"""Requests that change things: carried out whole or not at all, and once for each request id."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from flowrpc.component.component import Component
from flowrpc.component.failures import failure_of
from flowrpc.errors import CallError, FlowrpcError, InvalidValueError
from flowrpc.flow_service.catalogue import Command
from flowrpc.flow_service.effects import RouteOutcome
from flowrpc.flow_service.events import CommandCalled, RouteCalled, UpdateRequested, Writing
from flowrpc.flow_service.instant import Instant
from flowrpc.flow_service.request_ids import check_request_id
from flowrpc.flow_service.transition import Transition, Transitions
from flowrpc.flow_service.tree import Tree
from flowrpc.flow_service.user_code import UserCode
from flowrpc.protocol.answers import CommandOutcome, UpdateOutcome
from flowrpc.protocol.stored_answer import StoredAnswer
from flowrpc.state import Change, Remove, Set, Splice, apply_tracked, copy_value, format_path
from flowrpc.storage.payload import refuse_payloads

Outcome = CommandOutcome | UpdateOutcome


class Requests:
    """Answers commands, routes and updates.

    Args:
        tree: The components.
        transitions: Begins and undoes transitions.
        revision_read: Returns the revision that holds all that was just done or read.
        user_code: Calls what users wrote.
    """

    def __init__(
        self,
        tree: Tree,
        transitions: Transitions,
        revision_read: Callable[[], int],
        user_code: UserCode,
    ) -> None:
        self._tree = tree
        self._transitions = transitions
        self._revision_read = revision_read
        self._user_code = user_code
        self.answers: dict[str, StoredAnswer] = {}
        """First answers that the open revision holds, by request id."""

    def answer(self, event: CommandCalled | UpdateRequested, now: Instant) -> Outcome:
        """Carries out a request, or gives the first answer to its id again.

        Raises:
            CallError: It is refused; nothing changed.
        """
        return self.first_answer(event, now) or self._carry_out(event, now)

    def first_answer(self, event: Writing, now: Instant) -> Outcome | None:
        """Returns the first answer to the id of a request; None if there is none, or the request has no id.

        Raises:
            CallError: The id is not usable.
        """
        if not event.request_id:
            return None
        check_request_id(event.request_id, now.wall)
        first = self.answers.get(event.request_id) or event.earlier
        if first is None:
            return None
        if first.digest != event.digest:
            message = f"the request id {event.request_id} was used for another request; make a new one"
            raise CallError("REQUEST_ID_REUSED", message, request_id=event.request_id)
        return replace(first.answer, replayed=True)

    def _carry_out(self, event: CommandCalled | UpdateRequested, now: Instant) -> Outcome:
        _check_outside(event)
        if isinstance(event, CommandCalled):
            return self._command(event, now)
        return self._update(event, now)

    def route(self, event: RouteCalled, now: Instant) -> RouteOutcome:
        """Calls a route.

        Raises:
            CallError: There is no such route any more, or an argument may not come from outside.
        """
        _check_outside(event)
        route = self._tree.routes().find(event.verb, event.path)
        called = self._user_code.call(lambda: event.encode(route.method(**event.arguments)), now)
        return RouteOutcome(content=called.result, raised=called.raised, ended=called.end is not None)

    def _command(self, event: CommandCalled, now: Instant) -> CommandOutcome:
        command = self._tree.commands().find(event.command)
        if command.streams:
            raise _streams(command)
        arguments = command.bind(event.arguments)
        called = self._user_code.call(
            lambda: copy_value(command.call(arguments), f"the result of {command.name}"), now
        )
        failure = failure_of(called.raised) if called.raised is not None else None
        outcome = CommandOutcome(result=called.result, failure=failure, revision=self._revision_read())
        self._remember(event, called.transition, outcome, changed=called.end is not None)
        return outcome

    def _update(self, event: UpdateRequested, now: Instant) -> UpdateOutcome:
        component = self._tree.find(event.component)
        self._check_expected(component, event.expected_revision)
        transition = self._transitions.begin(now, in_pass=False, undoable=True)
        try:
            for change in event.changes:
                _apply(component, change)
        except BaseException:
            self._transitions.undo(transition)
            raise
        finally:
            self._transitions.complete()
        outcome = UpdateOutcome(revision=self._revision_read())
        self._remember(event, transition, outcome)
        return outcome

    def _check_expected(self, component: Component, expected: int | None) -> None:
        changed_at = self._tree.last_change(component.name)
        if expected is not None and changed_at > expected:
            raise CallError(
                "REVISION_CONFLICT",
                f"{component.name} changed in revision {changed_at}, after {expected}; read it again",
                component=component.name,
                revision=str(changed_at),
            )

    def _remember(
        self, event: Writing, transition: Transition, answer: Outcome, *, changed: bool = False
    ) -> None:
        """Keeps the answer for a retry, if the request changed something."""
        if event.request_id and (changed or self._transitions.changed_since(transition)):
            self.answers[event.request_id] = StoredAnswer(
                request_id=event.request_id, digest=event.digest, answer=answer
            )


def _streams(command: Command) -> CallError:
    return CallError(
        "WRONG_METHOD",
        f"{command.name} streams items: call it with StreamCommand, FlowClient.stream or flowctl call",
        command=command.name,
        method="StreamCommand",
    )


def check_arguments(arguments: dict[str, Any]) -> None:
    """Refuses what clients may not hand in as arguments.

    Raises:
        CallError: INVALID_VALUE.
    """
    try:
        for name, value in arguments.items():
            refuse_payloads(value, f"arguments.{name}")
    except InvalidValueError as error:
        raise _invalid_value(error) from None


def _invalid_value(error: InvalidValueError) -> CallError:
    return CallError("INVALID_VALUE", str(error), place=error.place, problem=error.problem)


def _check_outside(event: CommandCalled | UpdateRequested | RouteCalled) -> None:
    """Refuses what clients may not hand in, by whatever door they come."""
    if not isinstance(event, UpdateRequested):
        check_arguments(event.arguments)
        return
    try:
        for change in event.changes:
            refuse_payloads(_brought(change), f"{event.component}.{format_path(change.path)}")
    except InvalidValueError as error:
        raise _invalid_value(error) from None


def _brought(change: Change) -> Any:
    """Returns what a change puts into state."""
    if isinstance(change, Set):
        return change.value
    return change.insert if isinstance(change, Splice) else None


def _apply(component: Component, change: Change) -> None:
    """Applies a change from outside, which may not define or remove vars."""
    name = str(change.path[0])
    place = format_path(change.path)
    if name not in component._var_names or name.startswith("_"):
        known = ", ".join(name for name in component._var_names if not name.startswith("_"))
        message = f"{component.name} has no var {name!r}; it has {known or 'none'}"
        raise CallError("INVALID_CHANGE", message, component=component.name, path=place)
    if type(change) is Remove and len(change.path) == 1:
        message = f"{component.name}.{name}: a var cannot be removed; set it to null"
        raise CallError("INVALID_CHANGE", message, component=component.name, path=place)
    try:
        apply_tracked(component, change)
    except FlowrpcError as error:
        raise CallError("INVALID_CHANGE", str(error), component=component.name, path=place) from error
