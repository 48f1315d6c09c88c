"""The zygote: a process with one thread that has imported what runners need, and forks them.

Started by an agent as `python -P -m flowrpc.work_service.zygote`. It never imports grpc. It forks a nursery that
imports the app and forks runners from then on; if a file of the app changes, it forks another. Where an app is not
fit for that, the zygote forks runners itself, and they import the app.

A runner is forked twice, so that it is an orphan, and the agent, which asked the kernel for orphans, is its parent:
it dies with the agent and not with the zygote, and the agent sees how it ended.
"""

from __future__ import annotations

import argparse
import gc
import mmap
import os
import select
import socket
import sys
import traceback
from contextlib import suppress
from pathlib import Path

from flowrpc.work_service import runner
from flowrpc.work_service.command_line import show_command_line
from flowrpc.work_service.launch_protocol import Forked, NotForked, Order, Ready, receive_order, send_answer
from flowrpc.work_service.parent import die_with_parent
from flowrpc.work_service.preload import NotPreloadable, Preload, flush

_STALE, _UNFIT = 1, 2
_FAULT = 70
_PROCESS_ID_BYTES = 8


def main(arguments: list[str]) -> None:
    """Forks runners until the agent is gone; never returns."""
    options = _parser().parse_args(arguments)
    die_with_parent(options.parent_pid)
    runner.use_lines()
    sys.argv = [str(options.app)]
    agent = socket.socket(fileno=options.fd)
    agent.set_inheritable(False)
    gc.disable()  # so that pages stay shared: see gc.freeze
    if options.preload:
        _keep_nursery(agent, options.app)
    else:
        send_answer(agent, Ready())
    gc.freeze()
    _serve(agent, None)
    os._exit(0)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="flowrpc.work_service.zygote", description=__doc__)
    parser.add_argument("--fd", type=int, required=True, help="the socket to the agent")
    parser.add_argument("--app", type=Path, required=True, help="the file that holds the app")
    parser.add_argument("--parent-pid", type=int, required=True, help="the agent")
    parser.add_argument("--preload", action="store_true", help="import the app ahead")
    return parser


# The nursery


def _keep_nursery(agent: socket.socket, app: Path) -> None:
    """Lets nurseries serve the agent; returns if the app is not fit for one."""
    verdict = mmap.mmap(-1, 1)  # shared with the nursery; an exit code could be user code's
    verdict[0] = _STALE
    code = 0
    while verdict[0] == _STALE:
        verdict[0] = 0
        parent_pid = os.getpid()
        nursery = os.fork()
        if nursery == 0:
            _be_nursery(agent, app, parent_pid, verdict)
        code = os.waitstatus_to_exitcode(os.waitpid(nursery, 0)[1])
    if verdict[0] != _UNFIT:  # it was lost with orders of which nothing is known; the agent starts over
        os._exit(0 if code == 0 else _FAULT)


def _be_nursery(agent: socket.socket, app: Path, parent_pid: int, verdict: mmap.mmap) -> None:
    die_with_parent(parent_pid)
    try:
        preload = Preload(app)
    except NotPreloadable as error:
        send_answer(agent, Ready(reason=str(error)))
        verdict[0] = _UNFIT
        os._exit(0)
    except BaseException:  # noqa: BLE001 - a fault of ours: runners do without a nursery
        traceback.print_exc()
        send_answer(agent, Ready())
        verdict[0] = _UNFIT
        os._exit(0)
    gc.freeze()
    send_answer(agent, Ready())
    if _serve(agent, preload):
        verdict[0] = _STALE
    os._exit(0)


# Orders


def _serve(agent: socket.socket, preload: Preload | None) -> bool:
    """Fulfils orders until the agent is gone; returns whether it was left, and an order in place, as files changed."""
    waiting = select.poll()
    waiting.register(agent, select.POLLIN)
    while True:
        waiting.poll()
        if preload is not None and preload.stale:
            return True
        received = receive_order(agent)
        if received is None:
            return False
        order, ends = received
        try:
            answer = Forked(number=order.number, process_id=_fork(order, ends, agent, preload))
            send_answer(agent, answer)
        except OSError as error:
            send_answer(agent, NotForked(number=order.number, message=str(error)))
        finally:
            for end in ends:
                os.close(end)


def _fork(order: Order, ends: list[int], agent: socket.socket, preload: Preload | None) -> int:
    """Forks a runner; returns its process id when whoever forked it is gone.

    Raises:
        OSError: The system does not let it.
    """
    flush()
    reading, writing = os.pipe()
    try:
        between = os.fork()
    except OSError:
        os.close(reading)
        os.close(writing)
        raise
    if between == 0:
        _fork_again(order, ends, [agent.detach(), reading], writing, preload)
    os.close(writing)
    with open(reading, "rb") as told:  # noqa: PTH123 - a descriptor
        os.waitpid(between, 0)
        process_id = told.read(_PROCESS_ID_BYTES)
    if not process_id:
        raise OSError("its process could not be forked")
    return int.from_bytes(process_id, "little")


def _fork_again(
    order: Order, ends: list[int], not_its: list[int], writing: int, preload: Preload | None
) -> None:
    """Is the whole life of the process between; in the runner, it goes on to be that."""
    try:
        if os.fork():
            os._exit(0)
        os.setsid()
        os.write(writing, os.getpid().to_bytes(_PROCESS_ID_BYTES, "little"))
        for descriptor in (*not_its, writing):
            os.close(descriptor)
        _be_runner(order, ends, preload)
    except BaseException:  # noqa: BLE001 - the end of a process; what this one is a copy of must not go on in it
        traceback.print_exc()
    finally:
        with suppress(BaseException):
            flush()
        os._exit(_FAULT)


def _be_runner(order: Order, ends: list[int], preload: Preload | None) -> None:
    peer, stdout, stderr = ends
    for end, number in ((stdout, sys.stdout.fileno()), (stderr, sys.stderr.fileno())):
        os.dup2(end, number)
        os.close(end)
    gc.enable()
    work = order.arguments[order.arguments.index("--work") + 1]
    show_command_line([sys.executable, "-m", "flowrpc.work_service.runner", "--work", work])
    runner.serve([*order.arguments, "--fd", str(peer)], preload, wait=True)


if __name__ == "__main__":
    main(sys.argv[1:])
