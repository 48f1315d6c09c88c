"""Who is asking: a token, or the cookie of a browser that came by a login link."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie
from typing import Any

from flowrpc.errors import CallError
from flowrpc.flow_service.security import ROLES

PAGE_ROLE = "call"
"""What a browser that followed a login link may do: all that pages need, not stop the app."""
KEPT = 100
"""How many unused links and how many logins are kept; the oldest is forgotten."""


class Access:
    """Knows the tokens, the login links that were not used yet, and the browsers that are logged in.

    Logins end with the life of the app.

    Args:
        tokens: The token of each role.
        cookie: Name of the cookie. Browsers send cookies to all ports of a host, so apps need different ones.
    """

    def __init__(self, tokens: Mapping[str, str], cookie: str) -> None:
        self.cookie = cookie
        self._tokens = {token.encode(): role for role, token in tokens.items()}
        self._links: dict[bytes, None] = {}
        self._logins: dict[bytes, str] = {}

    def new_link_key(self) -> str:
        """Makes the key of a login link, which works once."""
        key = secrets.token_urlsafe(32)
        _keep(self._links, key.encode(), None)
        return key

    def log_in(self, key: str) -> str | None:
        """Takes the key of a link; returns what the cookie is to hold, None if the key is none or was used."""
        known = _known(self._links, key.encode())
        if known is None:
            return None
        del self._links[known]
        login = secrets.token_urlsafe(32)
        _keep(self._logins, login.encode(), PAGE_ROLE)
        return login

    def role(self, authorization: str, cookies: str) -> str | None:
        """Tells the role of who asks; None: a stranger.

        A token that is wrong is refused even beside a cookie that is good: who sends one means it.

        Args:
            authorization: The header of this name; empty if there is none.
            cookies: The header `cookie`.

        Raises:
            CallError: There is a token, and it is none of this app's.
        """
        if not authorization:
            login = _known(self._logins, _cookie(cookies, self.cookie).encode())
            return None if login is None else self._logins[login]
        scheme, _, token = authorization.partition(" ")
        known = _known(self._tokens, token.strip().encode()) if scheme.lower() == "bearer" else None
        if known is None:
            raise unauthenticated("the token is not one of this app's")
        return self._tokens[known]


def check_role(role: str | None, needed: str, what: str) -> None:
    """Checks that a role covers what is asked for.

    Raises:
        CallError: It does not.
    """
    if role is None:
        raise unauthenticated("who asks is not known")
    if needed not in ROLES[role]:
        raise CallError(
            "PERMISSION_DENIED",
            f"the role {role!r} does not cover {what}, which needs {needed!r}",
            role=role,
            needed=needed,
        )


def unauthenticated(problem: str) -> CallError:
    """Makes the refusal of a stranger."""
    return CallError(
        "UNAUTHENTICATED",
        f"{problem}; open the link that `flowctl run` printed, or send `Authorization: Bearer TOKEN` "
        "with a token of the app's data directory",
    )


def _cookie(header: str, name: str) -> str:
    try:
        found = SimpleCookie(header).get(name)
    except CookieError:
        return ""
    return found.value if found is not None else ""


def _known(keys: Mapping[bytes, object], given: bytes) -> bytes | None:
    """Finds a secret; how long it takes tells nothing about any of them."""
    return next((key for key in [k for k in keys if hmac.compare_digest(k, given)]), None)


def _keep(facts: dict[bytes, Any], key: bytes, fact: Any) -> None:
    facts[key] = fact
    while len(facts) > KEPT:
        del facts[next(iter(facts))]
