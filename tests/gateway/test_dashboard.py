"""The stream that a dashboard lives on."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace
from typing import Any, cast

import pytest
from flowrpc.flow_service.door import Door
from flowrpc.flow_service.publisher import Publisher
from flowrpc.gateway import dashboard
from flowrpc.gateway.figures import CommandTimes
from flowrpc.state.changes import Set
from flowrpc.state.records import Delta

from tests.gateway.test_dashboard_feed import component, publisher, revision


def count(served: Publisher, number: int) -> None:
    served.publish(revision(number, Delta(component="root", changes=(Set(("count",), number),))), b"")


def test_what_changes_while_a_dashboard_is_told_of_something_else_is_told_without_being_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The pause must not end in a wait for the change after the next one."""
    monkeypatch.setattr(dashboard, "PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(dashboard, "FIGURES_SECONDS", 1e6)

    async def run() -> list[str]:
        served = publisher(component("root", count=1))
        waiting = SimpleNamespace(on_command=None)
        door = cast("Door", SimpleNamespace(publisher=served, passes=lambda: 0, waiting=waiting))
        events = dashboard._feed(door, CommandTimes(cast("Any", waiting)), {})
        told = []
        async for event in events:
            kind, content = event.decode().split("\n")[:2]
            if kind == "event: state":
                told.append(json.loads(content.removeprefix("data: "))["components"][0]["vars"]["count"])
                if len(told) == 4:
                    break
                count(served, served.replica.revision + 1)  # while the stream is at this event
        await events.aclose()
        assert waiting.on_command is None, "who is not there is told nothing"
        return told

    assert asyncio.run(asyncio.wait_for(run(), 60)) == ["1", "2", "3", "4"]
