"""The gateway's own pages: health, login, and where `/` leads."""

from __future__ import annotations

from typing import Literal

from fastapi import FastAPI, Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response

from flowrpc.flow_service.door import Door
from flowrpc.gateway.access import LOGIN_SECONDS, PAGE_ROLE, Access
from flowrpc.gateway.guard import ROLE
from flowrpc.gateway.layout_api import page_of
from flowrpc.gateway.replies import Json
from flowrpc.state.records import AppStage

USED_UP = (
    "This login link was used already, or is of an earlier life of the app. "
    "Each works once: `flowctl login` makes another.\n"
)

LEAD_ON = """<!doctype html>
<meta charset="utf-8"><meta http-equiv="refresh" content="0; url=/"><title>Logged in</title>
<a href="/">You are logged in.</a>
"""


def add_pages(app: FastAPI, door: Door, access: Access) -> None:
    """Adds them to an application."""

    @app.get("/healthz", include_in_schema=False)
    async def healthz() -> Response:
        return PlainTextResponse("ok\n")

    @app.get("/readyz", include_in_schema=False)
    async def readyz() -> Response:
        info = door.info()
        if info.status.stage is not AppStage.RUNNING:
            return PlainTextResponse(f"not ready: the app is {info.status.stage.value}\n", 503)
        if not info.ready:  # probes are strangers, so the names of flows are not for them
            return PlainTextResponse("not ready: GET /api/v1/app names the flows that are not\n", 503)
        return PlainTextResponse("ready\n")

    @app.get("/login", include_in_schema=False)
    async def login(request: Request, key: str) -> Response:
        return _log_in(request, access, key)

    @app.post("/api/v1/login-links", tags=["app"], summary="Makes a login link, which works once.")
    async def login_links(request: Request, role: Literal["read", "call"] = PAGE_ROLE) -> Response:
        return Json({"url": login_url(str(request.base_url).rstrip("/"), access, role)}, 201)


def add_plain_page(app: FastAPI, door: Door) -> None:
    """Adds what `/` is without the dashboard."""

    @app.get("/", include_in_schema=False)
    async def index() -> Response:
        return RedirectResponse(page_of(door.publisher.replica), 307)


def login_url(origin: str, access: Access, role: str = PAGE_ROLE) -> str:
    """Makes a login link."""
    return f"{origin}/login?key={access.new_link_key(role)}"


def _log_in(request: Request, access: Access, key: str) -> Response:
    login = access.log_in(key)
    if login is None:
        # Who is logged in and follows a link again wants the page.
        return PlainTextResponse(USED_UP, 403) if request.scope[ROLE] is None else _lead_on(request)
    response = _lead_on(request)
    response.set_cookie(
        access.cookie,
        login,
        max_age=LOGIN_SECONDS,
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )
    return response


def _lead_on(request: Request) -> Response:
    """Leads to the app's page.

    A redirect counts as part of what led to it, so after a link in a page of another site the browser would send no
    strict cookie along. What a page of our own leads to is the app's.
    """
    if request.headers.get("sec-fetch-site", "none") in ("none", "same-origin"):
        return RedirectResponse("/", 303)
    return HTMLResponse(LEAD_ON)
