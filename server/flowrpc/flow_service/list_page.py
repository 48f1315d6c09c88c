"""Pages of lists that are ordered by name."""

from __future__ import annotations

from typing import TypeVar

from flowrpc.errors import CallError

Item = TypeVar("Item")


def cut_page(items: tuple[Item, ...], size: int, token: str) -> tuple[tuple[Item, ...], str]:
    """Cuts a page out of a list; returns it with the token of the next one, empty if it is the last.

    The token is where the page begins.

    Raises:
        CallError: The token is none of ours.
    """
    if token and not (token.isascii() and token.isdecimal() and len(token) < 10):
        raise CallError(
            "INVALID_REQUEST", "the page token is none of this list's; begin again", field="page_token"
        )
    start = int(token or 0)
    end = start + size
    return items[start:end], str(end) if end < len(items) else ""
