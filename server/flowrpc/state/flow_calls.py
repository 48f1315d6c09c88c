"""What a flow keeps of its schedules and loops: vars of the framework, and how the nested state shows them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SCHEDULES = "_schedules"
"""The var that holds a flow's schedules by key."""
ITERATIONS = "_iterations"
"""The var that holds a flow's loops by key."""

_ITERATE = "experimental_iterate:"
_SCHEDULE = ("cron_pattern", "timezone", "start_time", "due", "running", "behind")
_LOOP = ("counter", "has_finished")


def flow_calls(name: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Shows the schedules and loops of a flow as its nested state has them.

    Args:
        name: The flow's name.
        values: Its vars, those of the framework too.
    """
    calls: dict[str, Any] = {}
    schedules = values.get(SCHEDULES)
    if schedules:
        calls["scheduling"] = {key: _schedule(name, schedule) for key, schedule in schedules.items()}
    for key, loop in (values.get(ITERATIONS) or {}).items():
        call_hash = f"{_ITERATE}{key}"
        calls[call_hash] = {
            "name": name,
            "call_hash": call_hash,
            "counter": loop["counter"],
            "has_finished": loop["has_finished"],
        }
    return calls


def kept_calls(calls: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Reads what `flow_calls` shows back into what a flow keeps, by name of the var.

    Raises:
        KeyError: It shows no such thing.
        TypeError: It shows no such thing.
    """
    schedules = {
        key: {fact: shown[fact] for fact in _SCHEDULE} for key, shown in calls.get("scheduling", {}).items()
    }
    loops = {
        call_hash.removeprefix(_ITERATE): {fact: shown[fact] for fact in _LOOP}
        for call_hash, shown in calls.items()
        if call_hash.startswith(_ITERATE)
    }
    return {SCHEDULES: schedules, ITERATIONS: loops}


def _schedule(name: str, schedule: Mapping[str, Any]) -> dict[str, Any]:
    return {**schedule, "name": name}
