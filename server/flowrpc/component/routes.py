"""Routes: methods of flows that answer HTTP requests. They are plain facts here; the gateway serves them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, ClassVar

from flowrpc.errors import ComponentError


class HttpMethod:
    """A route: what an HTTP request of one method and path calls. `configure_api` returns a list of them.

    A method of a flow runs as a command does: between two passes, whole or not at all, and the answer leaves when what
    it did is durable. Another function, sync or async, runs beside the flow and must not touch components.

    Args:
        route: The path, with parameters as FastAPI has them: `/orders/{number}`.
        method: What answers. Its annotations say what is taken from the path, the query and the body.
        timeout: Seconds until the caller is told that there is no answer; a call that is still queued never starts.
        public: Whether anybody may call it, without a token or a login.
        options: What FastAPI takes for a route: `status_code`, `response_model`, `tags`, `summary` …

    Raises:
        ComponentError: One of them cannot be used.
    """

    VERB: ClassVar[str] = ""
    """The HTTP method."""

    __slots__ = ("method", "options", "public", "route", "timeout")

    def __init__(
        self,
        route: str,
        method: Callable[..., Any],
        timeout: float = 30,
        *,
        public: bool = False,
        **options: Any,
    ) -> None:
        given: Any = (route, timeout)  # user code need not be typed
        place = f"{type(self).__name__}({route!r})"
        if not self.VERB:
            raise ComponentError(f"{place}: use Get, Post, Put, Delete or Patch")
        if not isinstance(given[0], str) or not route.startswith("/"):
            raise ComponentError(f"{place}: a route is a path that begins with `/`")
        if not callable(method):
            raise ComponentError(f"{place}: the method is {type(method).__name__}; give a method of a flow")
        if isinstance(given[1], bool) or not isinstance(given[1], int | float) or not timeout > 0:
            raise ComponentError(f"{place}: the timeout is a positive number of seconds, not {timeout!r}")
        self.route = route
        self.method = method
        self.timeout = float(timeout)
        self.public = public
        self.options = options

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.route!r}, {getattr(self.method, '__qualname__', self.method)})"


class Get(HttpMethod):
    """Answers GET: it should change nothing."""

    VERB = "GET"
    __slots__ = ()


class Post(HttpMethod):
    """Answers POST."""

    VERB = "POST"
    __slots__ = ()


class Put(HttpMethod):
    """Answers PUT."""

    VERB = "PUT"
    __slots__ = ()


class Delete(HttpMethod):
    """Answers DELETE."""

    VERB = "DELETE"
    __slots__ = ()


class Patch(HttpMethod):
    """Answers PATCH."""

    VERB = "PATCH"
    __slots__ = ()


def owner_of(method: Callable[..., Any]) -> Any:
    """Returns what a method is bound to; None for a free function."""
    while isinstance(method, functools.partial):
        method = method.func
    return getattr(method, "__self__", None)
