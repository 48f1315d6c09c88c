"""Which functions can draw a page."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from flowrpc import LightningFlow, StreamlitFrontend


def page(state: Any) -> None:
    """Draws nothing."""


def with_more(state: Any, title: str = "x") -> None:
    """Draws nothing."""


async def later(state: Any) -> None:
    """Draws nothing."""


def without_state() -> None:
    """Draws nothing."""


class Shop(LightningFlow):
    def render(self, state: Any) -> None:
        """Draws nothing."""

    @staticmethod
    def plain(state: Any) -> None:
        """Draws nothing."""


class Callable:
    def __call__(self, state: Any) -> None:
        """Draws nothing."""


def local() -> Any:
    def inner(state: Any) -> None:
        """Draws nothing."""

    return inner


@pytest.mark.parametrize("good", [page, with_more, Shop.plain])
def test_a_function_of_a_module_can_draw(good: Any) -> None:
    assert StreamlitFrontend(render_fn=good).render_fn is good


@pytest.mark.parametrize(
    ("bad", "problem"),
    [
        (Shop().render, "being a method"),
        (lambda state: None, "being a lambda"),
        (local(), r"being a local function \(local\.<locals>\.inner\)"),
        (partial(page), "being a partial"),
        (Callable(), "being a Callable"),
        ("page", "being a str"),
        (later, "being async or a generator"),
        (without_state, "being a function that cannot be called with the state alone"),
    ],
)
def test_what_the_process_of_a_page_cannot_call_is_refused(bad: Any, problem: str) -> None:
    with pytest.raises(
        TypeError, match=f"StreamlitFrontend doesn't support `render_fn` {problem}.*; write a function"
    ):
        StreamlitFrontend(bad)


def test_what_has_no_hash_is_refused_in_words_too() -> None:
    with pytest.raises(TypeError, match="being a list; write a function"):
        StreamlitFrontend([page])  # type: ignore[arg-type]
