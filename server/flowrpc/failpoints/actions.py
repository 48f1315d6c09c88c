"""What a failpoint does."""

from __future__ import annotations

import errno
import os
import signal
import time

from flowrpc.failpoints.plan import Action


def act(action: Action, argument: str, place: str) -> None:
    """Carries out an action; the place is named in what it raises.

    Raises:
        OSError: The action is to raise.
        sqlite3.OperationalError: The same, with the name of an SQLite error.
    """
    match action:
        case Action.KILL:
            os.kill(os.getpid(), signal.SIGKILL)
        case Action.STOP:
            os.kill(os.getpid(), signal.SIGSTOP)
        case Action.EXIT:
            os._exit(int(argument or 1))
        case Action.RAISE:
            raise _error(argument or "EIO", place)
        case Action.SLEEP:
            time.sleep(int(argument) / 1000)
        case Action.NOTE:
            pass


def _error(name: str, place: str) -> Exception:
    text = f"the failpoint {place} says so"
    if name.startswith("SQLITE_"):
        return _sqlite_error(name, text)
    number: int = getattr(errno, name)
    return OSError(number, f"{os.strerror(number)} ({text})")


def _sqlite_error(name: str, text: str) -> Exception:
    import sqlite3  # the flow service alone has it loaded

    error = sqlite3.OperationalError(f"{name} ({text})")
    error.sqlite_errorname, error.sqlite_errorcode = name, getattr(sqlite3, name)
    return error
