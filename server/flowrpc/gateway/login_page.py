"""The page that a browser gets that is not logged in: how to log in."""

from __future__ import annotations

from html import escape

from starlette.datastructures import URL, Headers
from starlette.responses import HTMLResponse
from starlette.types import Scope

from flowrpc.errors import CallError

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Log in</title>
<style>
    :root {{ color-scheme: light dark }}
    body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 42em; margin: 10vh auto; padding: 0 1em }}
    pre {{ padding: 1em; white-space: pre-wrap; overflow-wrap: anywhere; border: 1px solid #8888; border-radius: 4px }}
</style>
<h1>Log in to see this page</h1>
<p>Follow the link that <code>flowctl run</code> printed. It works once, and its login is good for a week.</p>
<p>Was it used already? <code>flowctl login</code>, beside the app, makes another one. So does whoever may read the
app's data directory:</p>
<pre>curl -X POST -H "Authorization: Bearer $(cat .flowrpc/tokens/call)" \\
    {origin}/api/v1/login-links</pre>
</html>
"""
_HEADERS = {
    "www-authenticate": "Bearer",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'",
    "vary": "accept",
}


def wants_login_page(scope: Scope, error: CallError) -> bool:
    """Tells whether a refused request is of a person before a browser, who should be told how to log in."""
    reads = scope.get("method") in ("GET", "HEAD")
    return (
        error.reason == "UNAUTHENTICATED" and reads and "text/html" in Headers(scope=scope).get("accept", "")
    )


def login_page(scope: Scope) -> HTMLResponse:
    """Makes the page. It tells a stranger nothing about the app, not even its name."""
    url = URL(scope=scope)
    return HTMLResponse(_PAGE.format(origin=escape(f"{url.scheme}://{url.netloc}")), 401, _HEADERS)
