"""The waits between tries."""

from __future__ import annotations

from datetime import timedelta
from itertools import islice
from random import Random

from flowrpc_client.backoff import pauses


def test_pauses_grow_up_to_the_longest() -> None:
    waits = list(islice(pauses(timedelta(seconds=1), timedelta(seconds=5), Random(1)), 6))

    for wait, bound in zip(waits, (1, 2, 4, 5, 5, 5), strict=True):
        assert bound / 2 <= wait <= bound


def test_clients_do_not_return_at_the_same_instant() -> None:
    firsts = {next(pauses()) for _ in range(100)}

    assert len(firsts) > 90
