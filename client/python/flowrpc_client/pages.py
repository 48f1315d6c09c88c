"""Pages: what a list method of a service sends in parts."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from flowrpc.wire.answers import Page

T = TypeVar("T")

PAGE_SIZE = 1_000
"""The most that a service sends at once."""


def all_pages(fetch: Callable[[str], Page[T]]) -> list[T]:
    """Reads page after page; `fetch` takes the token of a page, which is empty for the first."""
    page = fetch("")
    found = list(page.items)
    while page.next_page_token:
        page = fetch(page.next_page_token)
        found.extend(page.items)
    return found
