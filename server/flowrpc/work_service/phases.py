"""The states of what an agent holds, and every transition between them."""

from __future__ import annotations

import enum


class AttemptPhase(enum.Enum):
    """Where an attempt is."""

    WAITING = "waiting"
    """Another attempt of the same work is executed first, or the runner is not there yet."""
    EXECUTING = "executing"
    """A runner has it."""
    CANCELLING = "cancelling"
    """A runner has it and was told to end it; when the grace is over, the runner is killed."""
    ENDED = "ended"
    """Its `Finished` is in the outbox; it is forgotten when the flow has acknowledged that."""


class AttemptEvent(enum.Enum):
    """What happens to an attempt."""

    BEGIN = "begin"
    CANCEL = "cancel"
    END = "end"


class RunnerPhase(enum.Enum):
    """Where a runner is."""

    LIVE = "live"
    """It takes attempts."""
    STOPPING = "stopping"
    """It ends what it executes and takes no more; then it is ended."""
    ENDING = "ending"
    """It was told to end, or killed, and its end was not seen yet. The next attempt waits for that and gets a new
    runner."""


class RunnerEvent(enum.Enum):
    """What happens to a runner; its exit ends it in every phase."""

    STOP = "stop"
    END = "end"


class Link(enum.Enum):
    """How the agent and its flow are connected."""

    OFFLINE = "offline"
    GREETING = "greeting"
    """`Hello` was sent: nothing else is, until the flow has answered what becomes of the held attempts."""
    ATTACHED = "attached"


class LinkEvent(enum.Enum):
    """What happens to the connection."""

    CONNECT = "connect"
    WELCOME = "welcome"
    BREAK = "break"


ATTEMPT = {
    (AttemptPhase.WAITING, AttemptEvent.BEGIN): AttemptPhase.EXECUTING,
    (AttemptPhase.WAITING, AttemptEvent.END): AttemptPhase.ENDED,  # cancelled before it began
    (AttemptPhase.EXECUTING, AttemptEvent.CANCEL): AttemptPhase.CANCELLING,
    (AttemptPhase.EXECUTING, AttemptEvent.END): AttemptPhase.ENDED,
    (
        AttemptPhase.CANCELLING,
        AttemptEvent.CANCEL,
    ): AttemptPhase.CANCELLING,  # told again, perhaps with less grace
    (AttemptPhase.CANCELLING, AttemptEvent.END): AttemptPhase.ENDED,
}

RUNNER = {
    (RunnerPhase.LIVE, RunnerEvent.STOP): RunnerPhase.STOPPING,
    (RunnerPhase.LIVE, RunnerEvent.END): RunnerPhase.ENDING,
    (RunnerPhase.STOPPING, RunnerEvent.STOP): RunnerPhase.STOPPING,
    (RunnerPhase.STOPPING, RunnerEvent.END): RunnerPhase.ENDING,
    (RunnerPhase.ENDING, RunnerEvent.STOP): RunnerPhase.ENDING,
    (RunnerPhase.ENDING, RunnerEvent.END): RunnerPhase.ENDING,
}

LINK = {
    (Link.OFFLINE, LinkEvent.CONNECT): Link.GREETING,
    (Link.GREETING, LinkEvent.WELCOME): Link.ATTACHED,
    (Link.GREETING, LinkEvent.BREAK): Link.OFFLINE,
    (Link.ATTACHED, LinkEvent.BREAK): Link.OFFLINE,
    (Link.OFFLINE, LinkEvent.BREAK): Link.OFFLINE,
}
