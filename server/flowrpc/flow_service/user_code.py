"""User code that clients call: a command, a route or a step of a stream, each a transition of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from flowrpc.component.exits import ExitApp
from flowrpc.flow_service.instant import Instant
from flowrpc.flow_service.transition import Transition, Transitions
from flowrpc.state.records import AppStatus


class Called(NamedTuple):
    """What became of a call of user code."""

    transition: Transition
    result: Any
    raised: BaseException | None
    end: AppStatus | None
    """How it ended the app; None if it did not."""


class UserCode:
    """Calls user code.

    Args:
        transitions: Begins and undoes transitions.
        end_app: Is told that user code ended the app.
    """

    def __init__(self, transitions: Transitions, end_app: Callable[[AppStatus], None]) -> None:
        self._transitions = transitions
        self._end_app = end_app

    def call(self, call: Callable[[], Any], now: Instant) -> Called:
        """Calls user code: what it changed is undone if it raises, and stands if it ends the app."""
        transition = self._transitions.begin(now, in_pass=False, undoable=True)
        result = raised = end = None
        try:
            result = call()
            self._transitions.check_tree()
        except ExitApp as exit_app:
            end = exit_app.status
        except BaseException as error:  # noqa: BLE001  # a command ends here, whatever user code raises
            self._transitions.undo(transition)
            raised = error
        finally:
            self._transitions.complete()
        if end is not None:
            self._end_app(end)
        return Called(transition, result if raised is None else None, raised, end)

    def discard(self, call: Callable[[], Any], now: Instant) -> BaseException | None:
        """Calls user code of a tree that is not to be used any more: nothing of it is recorded.

        Returns:
            What it raised.
        """
        transition = self._transitions.begin(now, in_pass=False)
        try:
            call()
        except BaseException as error:  # noqa: BLE001  # nothing goes on after it
            return error
        finally:
            self._transitions.drop(transition)
        return None
