"""`python -m tests.soak.counted PARENT_PID ARGUMENTS`: is flowctl, and lets a soak look inside.

What is started is the real one: `flowctl ARGUMENTS`, and with `agent` in place of the process id the agent that a flow
service starts. Each of the two answers requests on a socket in the folder that `SOAK_FOLDER` names, in its event loop:

    counts       what there is of tasks, streams and objects (`counts.py`)
    session      the number of the newest stream of an agent that is open; 0 if none is
    cut          breaks the connections to the flow, as a network does that fails
    plant LEAK   makes the process leak from now on (`leaks.py`)
    mend         ends that, and what was leaked

A request and its answer are one datagram each, which takes neither a task nor a connection.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from flowrpc.work_service.parent import die_with_parent

from tests.crash.bugs.patching import put
from tests.soak.counts import Kinds, agent_kinds, count, flow_kinds, newest_session
from tests.soak.leaks import LEAKS, Planted

FOLDER = "SOAK_FOLDER"


def main(arguments: list[str]) -> None:
    first, *rest = arguments
    if first == "agent":
        from flowrpc.work_service import serve
        from flowrpc.work_service.__main__ import main as work_service

        _answer_while(serve, "agent", agent_kinds)
        sys.exit(work_service(rest))
    die_with_parent(int(first))
    from flowrpc.flow_service import serve as flow_serve
    from flowrpc_client.flowctl import main as flowctl

    _answer_while(flow_serve, "flow", flow_kinds)
    _start_agents_like_this()
    sys.argv = ["flowctl", *rest]
    flowctl()


def _start_agents_like_this() -> None:
    from flowrpc.placement import local

    command = local._command

    def counted(placed: Any, boot_id: str) -> list[str]:
        made = command(placed, boot_id)
        after = made.index("flowrpc.work_service") + 1
        return [sys.executable, "-P", "-m", "tests.soak.counted", "agent", *made[after:]]

    put(local, "_command", counted)


def _answer_while(serving: Any, name: str, kinds: Callable[[], Kinds]) -> None:
    """Has a process answer while it serves: both kinds of service begin in a function of that name."""
    serve: Callable[..., Awaitable[Any]] = serving._serve

    async def answering(*args: Any) -> Any:
        answers = _Answers(Path(os.environ[FOLDER], name), kinds())
        try:
            return await serve(*args)
        finally:
            answers.close()

    put(serving, "_serve", answering)


class _Answers:
    """Answers what the soak asks. It lives in the running loop.

    Args:
        path: Where it is asked; an earlier process of the name is asked there no more.
        kinds: What this kind of process has.
    """

    def __init__(self, path: Path, kinds: Kinds) -> None:
        self._kinds = kinds
        self._planted: Planted | None = None
        self._loop = asyncio.get_running_loop()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        path.unlink(missing_ok=True)
        self._socket.bind(str(path))
        self._loop.add_reader(self._socket, self._answer)

    def close(self) -> None:
        self._loop.remove_reader(self._socket)
        self._socket.close()

    def _answer(self) -> None:
        request, asker = self._socket.recvfrom(1024)
        try:
            answer = {"answer": self._do(*request.decode().split())}
        except Exception:  # noqa: BLE001  # it is the asker's, whose test fails with it
            answer = {"error": traceback.format_exc()}
        self._socket.sendto(json.dumps(answer).encode(), asker)

    def _do(self, what: str, name: str = "") -> Any:
        if what == "counts":
            return count(self._kinds)
        if what == "session":
            return newest_session()
        if what == "cut":
            return cut_connections()
        if self._planted is not None:
            self._planted.mend()
        self._planted = LEAKS[name].plant() if what == "plant" else None
        return None


def cut_connections() -> int:
    """Shuts all TCP connections of this process down, whoever uses them; returns how many there were."""
    found = 0
    for entry in list(Path("/proc/self/fd").iterdir()):
        try:
            if not str(entry.readlink()).startswith("socket:"):
                continue
        except OSError:  # the descriptor of the folder itself, which is closed by now
            continue
        with socket.socket(fileno=os.dup(int(entry.name))) as connection:
            if connection.family in (socket.AF_INET, socket.AF_INET6) and _is_connected(connection):
                connection.shutdown(socket.SHUT_RDWR)
                found += 1
    return found


def _is_connected(connection: socket.socket) -> bool:
    try:
        connection.getpeername()
    except OSError:
        return False
    return True


if __name__ == "__main__":
    main(sys.argv[1:])
