"""Predictions: from the event loop to another thread and back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from threading import Event, Thread
from typing import Any

import pytest
from flowrpc.components import predictions as module
from flowrpc.components.predictions import NotServedError, Predictions


def run(scenario: Callable[[Predictions], Coroutine[Any, Any, None]], predict: Callable[[Any], Any]) -> None:
    """Runs a scenario in an event loop, while another thread serves."""
    predictions = Predictions()
    thread = Thread(target=predictions.serve, args=[predict])
    thread.start()
    try:
        asyncio.run(scenario(predictions))
    finally:
        predictions.end()
        thread.join(10)
        assert not thread.is_alive()


def test_each_request_gets_its_answer_and_they_are_made_one_at_a_time() -> None:
    busy: list[int] = []

    def predict(request: int) -> int:
        busy.append(request)
        assert len(busy) == 1
        busy.remove(request)
        return request * 2

    async def scenario(predictions: Predictions) -> None:
        assert await asyncio.gather(*map(predictions.ask, range(50))) == list(range(0, 100, 2))

    run(scenario, predict)


def test_what_a_prediction_raises_is_the_answer_and_the_next_is_made() -> None:
    async def scenario(predictions: Predictions) -> None:
        with pytest.raises(ZeroDivisionError):
            await predictions.ask(0)
        assert await predictions.ask(2) == 0.5

    run(scenario, lambda request: 1 / request)


def test_what_waits_and_what_comes_is_refused_at_the_end() -> None:
    held, begun = Event(), Event()

    def predict(request: int) -> int:
        begun.set()
        held.wait(10)
        return request

    async def scenario(predictions: Predictions) -> None:
        waiting = [asyncio.ensure_future(predictions.ask(n)) for n in range(3)]
        await asyncio.to_thread(begun.wait, 10)
        predictions.refuse()
        held.set()
        for answer in waiting:
            with pytest.raises(NotServedError, match="the server ends"):
                await answer
        with pytest.raises(NotServedError, match="the server ends"):
            await predictions.ask(4)

    run(scenario, predict)


def test_requests_beyond_the_bound_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_WAITING", 2)
    held = Event()

    async def scenario(predictions: Predictions) -> None:
        waiting = [asyncio.ensure_future(predictions.ask(n)) for n in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(NotServedError, match="2 requests wait already"):
            await predictions.ask(3)
        held.set()
        assert await asyncio.gather(*waiting) == [0, 1]
        assert await predictions.ask(5) == 5

    run(scenario, lambda request: held.wait(10) and request)


def test_a_request_that_nobody_waits_for_any_more_is_not_made() -> None:
    held, begun = Event(), Event()
    made: list[int] = []

    def predict(request: int) -> int:
        made.append(request)
        begun.set()
        held.wait(10)
        return request

    async def scenario(predictions: Predictions) -> None:
        first = asyncio.ensure_future(predictions.ask(1))
        second = asyncio.ensure_future(predictions.ask(2))
        await asyncio.to_thread(begun.wait, 10)
        second.cancel()
        await asyncio.gather(second, return_exceptions=True)
        held.set()
        assert await first == 1
        assert await predictions.ask(3) == 3

    run(scenario, predict)
    assert made == [1, 3]
