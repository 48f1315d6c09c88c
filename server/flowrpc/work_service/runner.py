"""The process of one work: user code in the main thread, the agent at the other end of a socket.

Forked by the zygote of an agent, or started by it as `python -P -m flowrpc.work_service.runner`. It never imports grpc.
"""

from __future__ import annotations

import argparse
import os
import socket
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING

from flowrpc import failpoints
from flowrpc.component.app_file import load_app
from flowrpc.component.endpoint import LOCALHOST
from flowrpc.protocol.messages import CancelAttempt, EndRunner, RunnerRequest, StartRun
from flowrpc.state.records import FailureReason
from flowrpc.wire.attach import runner_request_from_bytes
from flowrpc.work_service import runner_files
from flowrpc.work_service.execution import Execution
from flowrpc.work_service.framing import FrameBuffer
from flowrpc.work_service.inbox import Inbox
from flowrpc.work_service.lane import Lane
from flowrpc.work_service.parent import die_with_parent
from flowrpc.work_service.runner_logs import LaneHandler, install
from flowrpc.work_service.sender import Sender
from flowrpc.work_service.unacknowledged import Unacknowledged

if TYPE_CHECKING:
    from flowrpc.work_service.preload import Preload

_RECEIVE_BYTES = 256 * 1024


def main(arguments: list[str]) -> None:
    """Is a runner in a fresh process; never returns."""
    use_lines()
    serve(arguments)


def serve(arguments: list[str], preload: Preload | None = None, *, wait: bool = False) -> None:
    """Serves the agent until it closes the socket; never returns, so that no thread can hold the end up.

    Args:
        arguments: The command line.
        preload: The app, if this process is the fork of one that has it.
        wait: Whether the agent is this process's parent only once it has sent something.
    """
    options = _parser().parse_args(arguments)
    peer = socket.socket(fileno=options.fd)
    peer.set_inheritable(False)
    if wait and not _receive(peer, socket.MSG_PEEK):
        os._exit(0)
    die_with_parent(options.parent_pid)
    failpoints.arm("runner")
    runner_files.enter(options)
    sys.argv = [str(options.app)]
    _serve(peer, options, preload)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="flowrpc.work_service.runner", description=__doc__)
    parser.add_argument("--fd", type=int, required=True, help="the socket to the agent")
    parser.add_argument("--app", type=Path, required=True, help="the file that holds the app")
    parser.add_argument("--work", required=True, help="full name of the work")
    parser.add_argument("--parent-pid", type=int, required=True, help="the agent")
    runner_files.add_arguments(parser)
    parser.add_argument(
        "--internal-ip", default=LOCALHOST, help="this host on the network shared with the flow"
    )
    parser.add_argument("--public-ip", default="", help="this host on the internet")
    return parser


def use_lines() -> None:
    """Lets printed lines leave at once: they go into pipes, which Python would fill first."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True, errors="backslashreplace")  # type: ignore[union-attr]


def _serve(peer: socket.socket, options: argparse.Namespace, preload: Preload | None) -> None:
    lane, unacknowledged = Lane(), Unacknowledged()
    inbox = Inbox(lane, unacknowledged)
    handler = LaneHandler(options.work, lambda: execution.run_id, lane.log)
    load = partial(load_app, options.app) if preload is None else partial(preload.take, handler)
    execution = Execution(load, lane, inbox, (options.internal_ip, options.public_ip))
    if preload is None:
        install(handler)
    starts: SimpleQueue[StartRun | EndRunner] = SimpleQueue()
    sender = Thread(target=_until_dead, args=[Sender(lane, unacknowledged, peer).run], daemon=True)
    reader = Thread(target=_until_dead, args=[lambda: _read(peer, execution, inbox, starts)], daemon=True)
    sender.start()
    reader.start()
    while isinstance(request := starts.get(), StartRun):
        failure = execution.execute(request)
        if failure is not None and failure.reason in (FailureReason.EXITED, FailureReason.NOT_BUILT):
            sender.join()  # the agent ends this process once it has the failure
    execution.leave()
    lane.close()
    sender.join()  # it ends the process when everything is sent


def _until_dead(target: object) -> None:
    """Runs what connects this process to its agent. Without that it has no purpose, so it ends with it."""
    try:
        target()  # type: ignore[operator]
    except BaseException:  # noqa: BLE001 - the end of a thread; a fault of ours must be seen and must not be survived
        sys.excepthook(*sys.exc_info())
        os._exit(70)
    os._exit(0)


def _read(
    peer: socket.socket, execution: Execution, inbox: Inbox, starts: SimpleQueue[StartRun | EndRunner]
) -> None:
    for request in _requests(peer):
        if isinstance(request, StartRun):
            inbox.part()
            starts.put(request)
        elif isinstance(request, CancelAttempt):
            execution.cancel(request)
        elif isinstance(request, EndRunner):
            starts.put(request)
        else:
            inbox.put(request)


def _requests(peer: socket.socket) -> Iterator[RunnerRequest]:
    buffer = FrameBuffer()
    while data := _receive(peer):
        for payload in buffer.feed(data):
            request = runner_request_from_bytes(payload)
            if request is not None:
                yield request


def _receive(peer: socket.socket, flags: int = 0) -> bytes:
    try:
        return peer.recv(_RECEIVE_BYTES, flags)
    except ConnectionError:
        return b""


if __name__ == "__main__":
    main(sys.argv[1:])
