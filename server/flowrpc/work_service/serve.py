"""Serving works: an agent as a process."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from uuid import uuid4

from flowrpc import failpoints
from flowrpc.errors import StartError
from flowrpc.protocol.resources import Resources
from flowrpc.storage.names import folder_name
from flowrpc.work_service.agent import Agent, AgentOptions
from flowrpc.work_service.guard import Guard
from flowrpc.work_service.identity import Identity
from flowrpc.work_service.launcher import VARIABLE, start_from
from flowrpc.work_service.machine import measure
from flowrpc.work_service.own_address import address_towards
from flowrpc.work_service.parent import die_with_parent

STOPPED = 0
"""Exit code of an agent that was stopped or drained."""
REFUSED = 3
"""Exit code of an agent that its flow refuses, or whose files cannot be read."""

MAX_WORKS = 64
"""How many works an agent executes at a time, each in a process of some 15 to 30 MB before user code takes any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeOptions:
    """What an agent serves and for whom."""

    identity: Identity
    agent: AgentOptions
    parent_pid: int | None = None
    """The process to die with; absent: the agent was started by hand, and says what happens."""


def serve(options: ServeOptions) -> int:
    """Serves works until a signal, and returns the exit code."""
    if options.parent_pid is not None:
        die_with_parent(options.parent_pid)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    try:
        failpoints.arm("agent")
        guard = Guard()
        try:
            asyncio.run(_serve(options, guard))
        finally:
            guard.close()
    except StartError as error:
        _say(f"cannot serve: {error}")
        return REFUSED
    return STOPPED


async def _serve(options: ServeOptions, guard: Guard) -> None:
    announce = _say if options.parent_pid is None else _keep_quiet
    start = start_from(os.environ.get(VARIABLE))
    agent = Agent(options.identity, replace(options.agent, start=start), announce, guard)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, agent.stop)
    await agent.run()


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def _keep_quiet(line: str) -> None:
    logging.getLogger(__name__).debug(line)


def options_from(
    *,
    app_file: Path,
    works: Sequence[str],
    address: str,
    token_file: Path,
    agent_id: str,
    boot_id: str | None = None,
    tls_ca: Path | None = None,
    parent_pid: int | None = None,
    max_works: int = MAX_WORKS,
    cpus: float | None = None,
    memory: int | None = None,
    gpus: int | None = None,
    labels: Mapping[str, str] | None = None,
    internal_ip: str | None = None,
    public_ip: str = "",
    files_dir: Path | None = None,
) -> ServeOptions:
    """Makes options of what a command line says; what works may take is measured where it does not."""
    found = measure()
    files_dir = files_dir or app_file.resolve().parent / ".flowrpc" / "files" / folder_name(agent_id)
    agent = AgentOptions(
        app_file=app_file.resolve(),
        address=address,
        token_file=token_file,
        tls_ca=tls_ca,
        files_dir=files_dir.resolve(),
    )
    identity = Identity(
        agent_id=agent_id,
        works=tuple(works),
        boot_id=boot_id or uuid4().hex,
        version=version("flowrpc"),
        capacity=max_works,
        resources=Resources(
            cpu_millis=found.cpu_millis if cpus is None else round(cpus * 1000),
            memory_bytes=found.memory_bytes if memory is None else memory,
            gpus=found.gpus if gpus is None else gpus,
        ),
        labels=dict(labels or {}),
        internal_ip=internal_ip or address_towards(address),
        public_ip=public_ip,
    )
    return ServeOptions(identity=identity, agent=agent, parent_pid=parent_pid)
