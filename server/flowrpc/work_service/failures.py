"""What ended an execution of user code, as a `Failure`."""

from __future__ import annotations

import signal

from flowrpc.component.failures import failure_of as raised
from flowrpc.state.records import Failure, FailureReason


def failure_of(error: BaseException, reason: FailureReason = FailureReason.EXCEPTION) -> Failure:
    """Tells what user code raised; leaving by `sys.exit` is an exit."""
    if isinstance(error, SystemExit):
        return exit_failure(_exit_code(error))
    return raised(error, reason)


def exit_failure(code: int) -> Failure:
    """Tells that user code ended its process by itself."""
    message = f"the work's process ended with exit code {code} before its run did"
    return Failure(reason=FailureReason.EXITED, exit_code=code, message=message)


def not_started(message: str) -> Failure:
    """Tells that there was no process."""
    return Failure(reason=FailureReason.NOT_BUILT, message=message)


def process_failure(returncode: int, *, out_of_memory: bool = False) -> Failure:
    """Tells how a runner's process ended.

    Args:
        returncode: As `subprocess` has it: negative for a signal.
        out_of_memory: Whether the kernel is known to have killed for want of memory meanwhile.
    """
    if returncode >= 0:
        return exit_failure(returncode)
    number = -returncode
    if number == signal.SIGKILL and out_of_memory:
        message = (
            "the kernel killed the work's process for want of memory; give it more, or make it need less"
        )
        return Failure(reason=FailureReason.OUT_OF_MEMORY, signal=number, message=message)
    message = f"signal {number} ({_signal_name(number)}) ended the work's process"
    return Failure(reason=FailureReason.SIGNALLED, signal=number, message=message)


def _exit_code(error: SystemExit) -> int:
    """Returns the code that Python would exit with."""
    if error.code is None:
        return 0
    return error.code & 0xFF if isinstance(error.code, int) else 1


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return "real time"
