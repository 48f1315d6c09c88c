"""What a server of predictions answers over HTTP."""

from __future__ import annotations

import html
import ipaddress
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import ResponseValidationError
from fastapi.responses import HTMLResponse, JSONResponse
from fastapi_offline import FastAPIOffline
from starlette.middleware.trustedhost import TrustedHostMiddleware

from flowrpc.components.predictions import NotServedError, PredictionFailedError

logger = logging.getLogger(__name__)

MAX_BODY_BYTES = 64 * 1024 * 1024
"""How large a request may be."""

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<style>body{{font:16px/1.5 system-ui,sans-serif;margin:3rem auto;max-width:44rem;padding:0 1rem}}
pre{{background:#f4f4f4;padding:1rem;overflow:auto}}</style></head>
<body><h1>{title}</h1><p>{text}</p><p>It takes <code>{taken}</code> and gives <code>{given}</code>;
<a href="docs">the documentation</a> shows both, and sends requests.</p>
<pre>curl -H 'content-type: application/json' -d '{{…}}' {url}predict</pre></body></html>
"""


def prediction_api(
    *, title: str, text: str, host: str, types: tuple[Any, Any], ask: Callable[[Any], Awaitable[Any]]
) -> FastAPI:
    """Makes the application.

    Args:
        title: The name of the server.
        text: What it is for.
        host: The address that it listens on; on loopback other host names are refused (DNS rebinding).
        types: What is taken and what is given.
        ask: Answers a request.
    """
    app = FastAPIOffline(
        title=title,
        description=text,
        redoc_url=None,
        static_url="/docs/assets",
        max_body_size=MAX_BODY_BYTES,
        exception_handlers={
            NotServedError: _not_served,
            ResponseValidationError: _bad_result,
            PredictionFailedError: _failed,
        },
    )
    if _is_loopback(host):
        names = ["localhost", "127.0.0.1", "::1", "[::1]", host]
        app.add_middleware(TrustedHostMiddleware, allowed_hosts=names, www_redirect=False)
    _add_pages(app, title, text, types)
    _add_predict(app, types, ask)
    return app


def _add_pages(app: FastAPI, title: str, text: str, types: tuple[Any, Any]) -> None:
    taken, given = (html.escape(getattr(kind, "__name__", str(kind))) for kind in types)

    @app.get("/", include_in_schema=False)
    async def index(request: Request) -> HTMLResponse:
        facts = {
            "title": html.escape(title),
            "text": html.escape(text),
            "url": html.escape(str(request.base_url)),
        }
        return HTMLResponse(_PAGE.format(taken=taken, given=given, **facts))

    @app.get("/healthz", summary="Tells that the server is there.")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}


def _add_predict(app: FastAPI, types: tuple[Any, Any], ask: Callable[[Any], Awaitable[Any]]) -> None:
    async def predict(request: Any) -> Any:
        return await ask(request)

    taken, given = types
    predict.__annotations__ = {"request": taken, "return": given}
    app.post("/predict", response_model=given, summary="Makes a prediction.")(predict)


async def _not_served(request: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"detail": f"{error}; try again"}, 503, headers={"Retry-After": "1"})


async def _bad_result(request: Request, error: Exception) -> JSONResponse:
    logger.error("what predict returned has not the type that it should have: %s", error)
    return _fault()


async def _failed(request: Request, error: Exception) -> JSONResponse:
    return _fault()


def _fault() -> JSONResponse:
    return JSONResponse({"detail": "the prediction failed; the log of the work tells why"}, 500)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
