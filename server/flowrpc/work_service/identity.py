"""Who an agent is and what it executes."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from uuid import uuid4

from flowrpc.component.endpoint import LOCALHOST
from flowrpc.protocol.resources import NOTHING, Resources


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who an agent is; all but `works` goes into `Hello` as it is."""

    agent_id: str
    works: tuple[str, ...] = ("*",)
    """Full names or shell-style patterns of the works it executes."""
    boot_id: str = field(default_factory=lambda: uuid4().hex)
    """New in every process: proves that what an earlier one held is dead."""
    host: str = field(default_factory=socket.gethostname)
    pid: int = field(default_factory=os.getpid)
    version: str = ""
    capacity: int = 0
    """How many attempts it executes at a time, and how many idle runners it keeps at most; 0: no limit."""
    resources: Resources = NOTHING
    """What works may take of the machine, altogether."""
    labels: dict[str, str] = field(default_factory=dict)
    internal_ip: str = LOCALHOST
    """Address of this host on the network that it shares with the flow."""
    public_ip: str = ""
    """Address of this host on the internet; empty if nobody told."""

    def executes(self, work: str) -> bool:
        """Tells whether the work is one of ours."""
        return any(fnmatchcase(work, pattern) for pattern in self.works)
