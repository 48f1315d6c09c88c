"""Short links: shown, made and followed by HTTP, made by commands too, and imported from a file at the client."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import HTTPException
from fastapi.responses import RedirectResponse
from flowrpc import Delete, Get, LightningApp, LightningFlow, Post

# import_links.py is a module of its own, because clients get the whole module of a client part.
from import_links import ImportLinks  # type: ignore[import-not-found]  # the app's folder is on sys.path
from pydantic import BaseModel, Field, HttpUrl

SLUG = r"^[a-z0-9][a-z0-9-]{0,39}$"


class Link(BaseModel):
    """A short name for an address."""

    slug: str = Field(pattern=SLUG)
    url: HttpUrl


class ShortLinks(LightningFlow):
    """Keeps the links, and counts how often each was followed."""

    def __init__(self) -> None:
        super().__init__()
        self.urls: dict[str, str] = {}
        self.visits: dict[str, int] = {}

    def run(self) -> None:
        """Does nothing by itself: clients keep it busy."""

    # What commands call

    def add(self, link: Link) -> int:
        """Adds a link; returns how many there are."""
        if link.slug in self.urls:
            raise ValueError(f"{link.slug} is taken, by {self.urls[link.slug]}")
        self.urls[link.slug] = str(link.url)
        self.visits[link.slug] = 0
        return len(self.urls)

    def add_all(self, links: list[Link]) -> int:
        """Adds links, all or none; returns how many there are."""
        for link in links:
            self.add(link)
        return len(self.urls)

    # What routes call

    def post(self, link: Link) -> dict[str, str]:
        """Adds a link."""
        try:
            self.add(link)
        except ValueError as error:
            raise HTTPException(409, str(error)) from None
        return {"follow": f"/to/{link.slug}"}

    def show(self, slug: str) -> dict[str, Any]:
        """Tells where a link leads, and how often it was followed."""
        self._check(slug)
        return {"url": self.urls[slug], "visits": self.visits[slug]}

    def follow(self, slug: str) -> RedirectResponse:
        """Leads to the address of a link."""
        self._check(slug)
        self.visits[slug] += 1
        return RedirectResponse(self.urls[slug])

    def remove(self, slug: str) -> None:
        """Removes a link."""
        self._check(slug)
        del self.urls[slug], self.visits[slug]

    def _check(self, slug: str) -> None:
        if slug not in self.urls:
            raise HTTPException(404, f"there is no link {slug!r}")

    def configure_commands(self) -> dict[str, Callable[..., Any]]:
        return {"add": self.add, "import_links": ImportLinks(self.add_all)}

    def configure_api(self) -> list[Any]:
        return [
            Post("/links", self.post, status_code=201),
            Get("/links/{slug}", self.show),
            Delete("/links/{slug}", self.remove, status_code=204),
            Get("/to/{slug}", self.follow, public=True, response_model=None),
        ]


app = LightningApp(ShortLinks())
