"""The reverse proxy: passes requests on to the servers of frontends, without what proves who asks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from http.cookies import CookieError, SimpleCookie
from urllib.parse import quote

import httpx
from starlette.background import BackgroundTask
from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from flowrpc.component.layout import view_path
from flowrpc.gateway.frontend_server import HOST
from flowrpc.gateway.frontends import Address

CONNECT_SECONDS = 2.0
ANSWER_SECONDS = 60.0
"""How long a frontend may say nothing."""
MAX_CONNECTIONS = 100
"""How many requests are passed on at a time; others wait."""

# Those of RFC 9110 §7.6.1 belong to one connection; the others tell who asks, which a frontend need not know.
_HOP_BY_HOP = frozenset(
    ("connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade")
)
_NOT_PASSED_ON = _HOP_BY_HOP | {"authorization", "proxy-authorization", "cookie"}


class Proxy:
    """Passes requests on."""

    def __init__(self, cookie: str) -> None:
        """Takes the name of the cookie that frontends must not see."""
        self._cookie = cookie
        self._client = httpx.AsyncClient(
            timeout=httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS),
            limits=httpx.Limits(max_connections=MAX_CONNECTIONS),
            trust_env=False,
            follow_redirects=False,
        )

    async def answer(self, request: Request, to: Address) -> Response:
        """Asks the server of a frontend what was asked of us below `/view/NAME/`."""
        query = f"?{request.url.query}" if request.url.query else ""
        url = f"http://{HOST}:{to.port}{quote(to.path)}{query}"
        headers = headers_to_pass_on(request, to.flow, self._cookie)
        passed_on = self._client.build_request(request.method, url, headers=headers, content=_body(request))
        try:
            answered = await self._client.send(passed_on, stream=True)
        except httpx.HTTPError as error:
            if isinstance(error, httpx.ConnectError):
                to.server.is_silent()
            problem = (
                f"the frontend of {to.flow} does not answer ({type(error).__name__}); is it still starting?\n"
            )
            return PlainTextResponse(problem, 502)
        to.server.answered()
        response = StreamingResponse(
            _chunks(answered), answered.status_code, background=BackgroundTask(answered.aclose)
        )
        response.raw_headers = [
            (n.lower(), v) for n, v in answered.headers.raw if n.lower().decode() not in _HOP_BY_HOP
        ]
        return response

    async def close(self) -> None:
        """Closes the connections."""
        await self._client.aclose()


def headers_to_pass_on(request: HTTPConnection, flow: str, our_cookie: str) -> list[tuple[str, str]]:
    """Makes the headers that the frontend of a flow sees."""
    kept = [(key, value) for key, value in request.headers.items() if key not in _NOT_PASSED_ON]
    kept.append(("x-forwarded-prefix", view_path(flow).rstrip("/")))
    kept.append(("x-forwarded-proto", request.url.scheme))
    cookies = _other_cookies(request.headers.get("cookie", ""), our_cookie)
    return [*kept, ("cookie", cookies)] if cookies else kept


def _body(request: Request) -> AsyncIterator[bytes] | None:
    given = "content-length" in request.headers or "transfer-encoding" in request.headers
    return request.stream() if given else None


async def _chunks(answered: httpx.Response) -> AsyncIterator[bytes]:
    try:
        async for chunk in answered.aiter_raw():
            yield chunk
    finally:
        await answered.aclose()


def _other_cookies(header: str, ours: str) -> str:
    try:
        cookies = SimpleCookie(header)
    except CookieError:
        return ""
    return "; ".join(f"{name}={morsel.coded_value}" for name, morsel in cookies.items() if name != ours)
