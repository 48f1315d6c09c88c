"""Login links: asked for with a token over HTTP, where pages are served."""

from __future__ import annotations

import json
import ssl
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from urllib.parse import urlsplit

from flowrpc_client.errors import NotReachableError

TIMEOUT_SECONDS = 30.0
"""How long to wait: the first request makes an app load what HTTP needs."""


def new_login_link(address: str, token: str, role: str, tls_ca: Path | None) -> str:
    """Asks for a link.

    Args:
        address: Where the app serves HTTP; empty if it does not.
        token: A token of the role `call` or `admin`.
        role: What the link gives: `read` or `call`.
        tls_ca: Certificates to trust, in PEM.

    Raises:
        NotReachableError: There is no page, or it gives no link.
    """
    if not address:
        raise NotReachableError("the app serves no pages: it was started with --no-http")
    parts = urlsplit(address)
    connection = (
        HTTPSConnection(
            parts.netloc, timeout=TIMEOUT_SECONDS, context=ssl.create_default_context(cafile=tls_ca)
        )
        if parts.scheme == "https"
        else HTTPConnection(parts.netloc, timeout=TIMEOUT_SECONDS)
    )
    try:
        connection.request(
            "POST", f"/api/v1/login-links?role={role}", headers={"Authorization": f"Bearer {token}"}
        )
        answer = connection.getresponse()
        content = json.loads(answer.read())
    except (OSError, HTTPException, ValueError) as error:
        raise NotReachableError(f"{address} does not answer: {error}") from None
    finally:
        connection.close()
    if answer.status != 201:
        raise NotReachableError(f"{address} gave no link: {content.get('detail', answer.status)}")
    return str(content["url"])
