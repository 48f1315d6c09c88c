"""What `FLOWRPC_FAILPOINTS` says."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from enum import Enum

from flowrpc.errors import StartError
from flowrpc.failpoints import VARIABLE
from flowrpc.failpoints.points import POINTS, Point

ANY = "*"
"""In the place of a name: every failpoint."""

_TRIGGER = re.compile(r"([a-z0-9_.]+|\*)\s*=\s*([a-z]+)(?:\(([^()]*)\))?(?:@([0-9]+)(\+?))?")


class Action(Enum):
    """What happens at a failpoint."""

    KILL = "kill"
    """The process gets SIGKILL."""
    STOP = "stop"
    """The process gets SIGSTOP."""
    EXIT = "exit"
    """The process ends at once with an exit code, 1 if none is given."""
    RAISE = "raise"
    """An OSError of the named errno is raised, EIO if none is given; of a name like SQLITE_FULL, a sqlite3 error."""
    SLEEP = "sleep"
    """The thread sleeps for so many milliseconds."""
    NOTE = "note"
    """Nothing but the file in the folder of the marks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """One failpoint of a plan."""

    name: str
    action: Action
    argument: str = ""
    at: int = 1
    """The how manieth time it acts, counted in each process from 1."""
    onwards: bool = False
    """Whether it acts every time from then on."""

    def acts_at(self, count: int) -> bool:
        """Tells whether it acts at this time."""
        return count == self.at or (self.onwards and count > self.at)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to happen where."""

    triggers: tuple[Trigger, ...]

    @classmethod
    def read(cls, text: str) -> Plan:
        """Reads a plan.

        Raises:
            StartError: It names no failpoint or action that there is.
        """
        return cls(tuple(_trigger(part.strip()) for part in text.split(";") if part.strip()))

    def of(self, points: Iterable[Point]) -> list[tuple[Point, Trigger]]:
        """Returns what is to happen at some failpoints."""
        return [(point, one) for point in points for one in self.triggers if one.name in (point.name, ANY)]


def _trigger(text: str) -> Trigger:
    match = _TRIGGER.fullmatch(text)
    if match is None:
        raise StartError(
            f"{VARIABLE}: {text!r} is not NAME=ACTION[(ARGUMENT)][@N[+]], as in store.commit.before=kill@3"
        )
    name, action, argument, at, onwards = match.groups()
    names = [ANY, *(point.name for point in POINTS)]
    if name not in names:
        raise StartError(
            f"{VARIABLE}: no failpoint {name!r}{_meant(name, names)}; docs/reference/failpoints.md lists them"
        )
    actions = [one.value for one in Action]
    if action not in actions:
        raise StartError(f"{VARIABLE}: no action {action!r} in {text!r}; there are {', '.join(actions)}")
    trigger = Trigger(
        name=name, action=Action(action), argument=argument or "", at=int(at or 1), onwards=bool(onwards)
    )
    _check_argument(trigger, text)
    return trigger


def _check_argument(trigger: Trigger, text: str) -> None:
    number = trigger.argument.isdecimal()
    if trigger.at == 0:
        raise StartError(f"{VARIABLE}: {text!r} counts from 1")
    if trigger.action is Action.SLEEP and not number:
        raise StartError(f"{VARIABLE}: {text!r} must say for how many milliseconds, as in sleep(250)")
    if trigger.action is Action.EXIT and trigger.argument and not (number and int(trigger.argument) < 256):
        raise StartError(f"{VARIABLE}: {text!r} must name an exit code, as in exit(3)")
    if trigger.action is Action.RAISE and not _is_error(trigger.argument or "EIO"):
        raise StartError(
            f"{VARIABLE}: {text!r} must name an error, as in raise(ENOSPC) or raise(SQLITE_FULL)"
        )


def _is_error(name: str) -> bool:
    if name.startswith("SQLITE_"):
        import sqlite3

        return isinstance(getattr(sqlite3, name, None), int)
    return isinstance(getattr(errno, name, None), int)


def _meant(name: str, names: list[str]) -> str:
    near = get_close_matches(name, names, n=1)
    return f"; did you mean {near[0]!r}?" if near else ""
