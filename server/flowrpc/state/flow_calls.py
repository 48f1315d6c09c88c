"""What a flow keeps of its schedules and loops: vars of the framework, and how the nested state shows them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SCHEDULES = "_schedules"
"""The var that holds a flow's schedules by key."""
ITERATIONS = "_iterations"
"""The var that holds a flow's loops by key."""


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
        call_hash = f"experimental_iterate:{key}"
        calls[call_hash] = {
            "name": name,
            "call_hash": call_hash,
            "counter": loop["counter"],
            "has_finished": loop["has_finished"],
        }
    return calls


def _schedule(name: str, schedule: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "running": schedule["running"],
        "cron_pattern": schedule["cron_pattern"],
        "start_time": schedule["start_time"],
        "name": name,
    }
