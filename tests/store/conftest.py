"""Revisions to store: a flow that counts them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from flowrpc.state.changes import Set
from flowrpc.state.records import ComponentKind, ComponentRecord, Delta, Revision


def counting_revision(number: int, text: str = "") -> Revision:
    """Makes a revision that attaches a flow (the first) or sets its vars; each is a second after the last."""
    if number == 1:
        root = ComponentRecord(
            name="root", kind=ComponentKind.FLOW, type="app:Root", vars={"counter": 1, "text": text}
        )
        delta = Delta(component="root", attached=root)
    else:
        delta = Delta(component="root", changes=(Set(("counter",), number), Set(("text",), text)))
    time = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=number)
    return Revision(number=number, time=time, deltas=(delta,))


@pytest.fixture(scope="session")
def counting() -> Callable[..., Revision]:
    """Returns what makes the n-th revision of a counting flow."""
    return counting_revision
