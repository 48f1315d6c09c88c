"""Why runs wait for an agent, in words."""

from __future__ import annotations

import logging
from shlex import quote

from flowrpc.flow_service.sessions import Session, Sessions
from flowrpc.protocol.resources import NO_DEMAND, Demand, describe

logger = logging.getLogger(__name__)

_SHOWN_AGENTS = 5


class WaitingReasons:
    """Tells why runs wait, and warns once of each work that no attached agent can ever execute.

    Args:
        sessions: The streams that are open.
    """

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._warned: dict[str, Demand] = {}

    def of(self, work: str, demand: Demand, *, able: bool) -> str:
        """Tells why a run waits that no agent can take now; empty if it waits for its turn only.

        Args:
            work: Its work.
            demand: What the work needs.
            able: Whether an agent could take it, were it idle.
        """
        if able:
            return f"waits until an agent has room for {demand}" if demand is not NO_DEMAND else ""
        attached = self._sessions.all()
        if not attached:
            return ""  # they are about to come, or to come back
        reason = self._never(work, demand, attached)
        self._warn(work, demand, reason)
        return reason

    def forget(self, work: str) -> None:
        """Forgets a work that got an agent: if it waits again, that is new."""
        self._warned.pop(work, None)

    def _never(self, work: str, demand: Demand, attached: list[Session]) -> str:
        executing = self._sessions.executing(work)
        shown = sorted(executing or attached, key=lambda session: session.hello.agent_id)
        names = ", ".join(map(_describe if executing else _name, shown[:_SHOWN_AGENTS]))
        more = f" and {len(shown) - _SHOWN_AGENTS} more" if len(shown) > _SHOWN_AGENTS else ""
        if executing:
            return f"{work} needs {demand}; attached: {names}{more}; start {_command(work, demand)}"
        return f"no attached agent executes {work}; attached: {names}{more}; start {_command(work, demand)}"

    def _warn(self, work: str, demand: Demand, reason: str) -> None:
        if self._warned.get(work) == demand:
            return
        self._warned[work] = demand
        # That an agent for certain works is still to be started is nothing unusual.
        level = logging.INFO if demand is NO_DEMAND else logging.WARNING
        logger.log(level, "a run waits: %s", reason, extra={"component": work})


def _describe(session: Session) -> str:
    hello = session.hello
    return f"{hello.agent_id} has {describe(hello.resources, hello.labels) or 'told nothing of what it has'}"


def _name(session: Session) -> str:
    return session.hello.agent_id


def _command(work: str, demand: Demand) -> str:
    """Writes how to start an agent that could take it."""
    options = [f"--{name} {text}" for name, text in demand.resources.texts(up=True).items()]
    options += [f"--label {quote(f'{key}={value}')}" for key, value in sorted(demand.labels.items())]
    return " ".join(["`flowctl work serve APP.py --work", quote(work), *options, "--flow … --token-file …`"])
