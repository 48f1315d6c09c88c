"""Who is asking: a token, or the cookie of a browser that came by a login link."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable, Mapping
from http.cookies import CookieError, SimpleCookie
from typing import Any, Literal

from flowrpc.errors import CallError
from flowrpc.flow_service.security import ROLES

PAGE_ROLE: Literal["call"] = "call"
"""What a browser that followed a login link may do: all that pages need, not stop the app."""
KEPT = 100
"""How many unused links are kept; the oldest is forgotten."""
LOGIN_SECONDS = 7 * 24 * 3_600
"""How long a login lasts."""


class Access:
    """Knows the tokens and the login links that were not used yet, and knows browsers that are logged in.

    A login is a signed text that the browser keeps: it is good in the next life of the app, too, so that an open page
    goes on after a crash. It ends after `LOGIN_SECONDS`; all end when the tokens of the data directory are replaced.

    Args:
        tokens: The token of each role.
        cookie: Name of the cookie. Browsers send cookies to all ports of a host, so apps need different ones.
        now: Tells the time, in seconds since 1970.
    """

    def __init__(self, tokens: Mapping[str, str], cookie: str, now: Callable[[], float] = time.time) -> None:
        self.cookie = cookie
        self._tokens = {token.encode(): role for role, token in tokens.items()}
        self._links: dict[bytes, str] = {}
        self._now = now
        self._key = hashlib.sha256(b"flowrpc login\0" + b"\0".join(sorted(self._tokens))).digest()

    def new_link_key(self, role: str = PAGE_ROLE) -> str:
        """Makes the key of a login link, which works once and gives this role."""
        key = secrets.token_urlsafe(32)
        _keep(self._links, key.encode(), role)
        return key

    def log_in(self, key: str) -> str | None:
        """Takes the key of a link; returns what the cookie is to hold, None if the key is none or was used."""
        known = _known(self._links, key.encode())
        if known is None:
            return None
        role = self._links.pop(known)
        return self._signed(f"{role}.{int(self._now()) + LOGIN_SECONDS}.{secrets.token_urlsafe(16)}")

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
            return self._role_of(_cookie(cookies, self.cookie))
        scheme, _, token = authorization.partition(" ")
        known = _known(self._tokens, token.strip().encode()) if scheme.lower() == "bearer" else None
        if known is None:
            raise unauthenticated("the token is not one of this app's")
        return self._tokens[known]

    def _signed(self, facts: str) -> str:
        signature = hmac.new(self._key, f"{self.cookie}.{facts}".encode(), hashlib.sha256)
        return f"{facts}.{signature.hexdigest()}"

    def _role_of(self, login: str) -> str | None:
        facts, _, _ = login.rpartition(".")
        if not hmac.compare_digest(self._signed(facts).encode(), login.encode()):
            return None
        role, end, _ = facts.split(".", 2)
        return role if self._now() < int(end) else None


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
        f"{problem}; open the link that `flowctl run` printed or `flowctl login` prints, or send "
        "`Authorization: Bearer TOKEN` with a token of the app's data directory",
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
