"""What starts and stops agents."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """What an agent is told to serve."""

    app_file: Path
    address: str
    """The flow's `HOST:PORT`, as the agent can reach it."""
    token_file: Path
    """Holds the token of the role `work`."""
    works: tuple[str, ...] = ("*",)
    agent_id: str = "local"
    files_dir: Path | None = None
    """Where its works have their files on its host; None: beside the app's file."""
    max_works: int | None = None
    """How many works it executes at a time; None: as many as agents do by default."""
    cpus: float | None = None
    """Processors that works may take; None: all that the agent finds, as with memory and GPUs."""
    memory_bytes: int | None = None
    gpus: int | None = None
    labels: dict[str, str] = field(default_factory=dict)


class AgentWatcher(Protocol):
    """What hears of a placed agent."""

    def on_exit(self, boot_id: str) -> None:
        """Takes the proof that the agent of this boot id is dead, and every runner with it."""

    def on_line(self, line: str) -> None:
        """Takes a line that the agent itself, not user code, had to say."""


class Placement(Protocol):
    """Places agents and kills them. It never retries a run, and holds nothing that must survive."""

    async def start(self) -> None:
        """Places the agent.

        Raises:
            StartError: It cannot be placed.
        """

    async def stop(self, grace_seconds: float) -> None:
        """Ends the agent, by force when the grace is over; returns when it is gone."""
