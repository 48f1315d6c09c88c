"""What goes into a script as its globals, and what of its globals is kept."""

from __future__ import annotations

import difflib
import keyword
from collections.abc import Sequence
from typing import Any

from flowrpc.component.work import LightningWork
from flowrpc.errors import InvalidValueError
from flowrpc.state import copy_value


def check_names(names: Sequence[str] | None, work: LightningWork, place: str) -> list[str]:
    """Returns the names of outputs, if each can be a var of the work.

    Raises:
        InvalidValueError: One cannot.
    """
    if isinstance(names, str) or not isinstance(names, list | tuple | None):
        raise InvalidValueError(place, f"is a {type(names).__name__}; give a list of names")
    for index, name in enumerate(names or ()):
        if not isinstance(name, str) or not name.isidentifier() or keyword.iskeyword(name):
            raise InvalidValueError(f"{place}[{index}]", f"{name!r} is no name of a global")
        if name.startswith("_") or hasattr(work, name) or name == "outputs":
            problem = f"{name!r} cannot be a var of a {type(work).__name__}, which uses the name or keeps it private"
            raise InvalidValueError(f"{place}[{index}]", f"{problem}; give the global another name")
    return list(dict.fromkeys(names or ()))


def kept_outputs(names: Sequence[str], res: dict[str, Any], work: str) -> dict[str, Any]:
    """Picks the outputs out of a script's globals: values as they are, other objects as payloads.

    Raises:
        InvalidValueError: One is missing, or cannot be kept.
        StorageError: The storage does not take one.
    """
    for name in names:
        if name not in res:
            close = difflib.get_close_matches(name, [key for key in res if not key.startswith("_")], n=1)
            hint = f"did you mean {close[0]!r}?" if close else "define it at the top of the script"
            raise InvalidValueError(f"{work} outputs", f"the script has no global {name!r}; {hint}")
    return {name: _kept(res[name], f"{work}.{name}") for name in names}


def plain_inputs(kwargs: dict[str, Any]) -> dict[str, Any]:
    """Returns the globals that a script begins with: payloads as the objects that are in them."""
    from flowrpc.storage import Payload

    return {name: value.value if isinstance(value, Payload) else value for name, value in kwargs.items()}


def _kept(value: Any, place: str) -> Any:
    try:
        return copy_value(value, place)
    except InvalidValueError:
        return _stored(value, place)


def _stored(value: Any, place: str) -> Any:
    """Puts an object into the storage before any output is set, so that all are kept or none."""
    from flowrpc.storage import Payload

    payload = Payload(value)
    try:
        payload.extension_content()
    except InvalidValueError as error:
        problem = f"is no value of state, and no payload: {error.problem}; or let on_after_run(res) keep a part of it"
        raise InvalidValueError(place, problem) from None
    return payload
