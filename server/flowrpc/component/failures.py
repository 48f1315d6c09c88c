"""What user code raised, as data."""

from __future__ import annotations

import traceback
from pathlib import Path
from types import TracebackType

from flowrpc.state.records import Failure, FailureReason

_OURS = str(Path(__file__).parents[1])
_IMPORTING = "<frozen importlib", "<frozen runpy"  # what runs the user's files


def failure_of(error: BaseException, reason: FailureReason = FailureReason.EXCEPTION) -> Failure:
    """Tells what user code raised, without our own frames above it."""
    cls = type(error)
    name = cls.__qualname__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__qualname__}"
    text = "".join(traceback.format_exception(cls, error, _user_frames(error.__traceback__)))
    return Failure(reason=reason, type=name, message=_text(error) or name, traceback=text)


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # noqa: BLE001  # user code may raise whatever it likes in __str__
        return ""


def _user_frames(frames: TracebackType | None) -> TracebackType | None:
    """Leaves out the frames above user code; keeps all if there is none of the user's."""
    user = frames
    while user is not None and _is_ours(user.tb_frame.f_code.co_filename):
        user = user.tb_next
    return user or frames


def _is_ours(filename: str) -> bool:
    return filename.startswith((_OURS, *_IMPORTING))
