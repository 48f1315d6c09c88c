"""Functions that draw pages: what can be one."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import lru_cache
from types import FunctionType, MethodType
from typing import Any

_WAY_OUT = "write a function that takes the state at the top of a module, `def page(state): …`, and pass it by its name"


def check_render_function(render_fn: Callable[..., Any], owner: str) -> None:
    """Checks that another process can import a function and call it with a state.

    Args:
        render_fn: The function.
        owner: Who needs it, for messages.

    Raises:
        TypeError: It cannot.
    """
    problem = _problem(render_fn) or _problem_of_signature(render_fn)
    if problem:
        raise TypeError(f"{owner} doesn't support `render_fn` being {problem}; {_WAY_OUT}")


def _problem(render_fn: object) -> str:
    if isinstance(render_fn, MethodType):
        return f"a method ({render_fn.__qualname__}): the page is drawn in another process, which has no such object"
    if not isinstance(render_fn, FunctionType):
        return f"a {type(render_fn).__name__}"
    if render_fn.__name__ == "<lambda>":
        return "a lambda, which the page's process cannot import"
    if "<locals>" in render_fn.__qualname__:
        return f"a local function ({render_fn.__qualname__}), which the page's process cannot import"
    if inspect.iscoroutinefunction(render_fn) or inspect.isgeneratorfunction(render_fn):
        return f"async or a generator ({render_fn.__qualname__})"
    return ""


@lru_cache(maxsize=128)  # a layout is asked for at each commit
def _problem_of_signature(render_fn: Callable[..., Any]) -> str:
    try:
        inspect.signature(render_fn).bind(object())
    except TypeError as error:
        return f"a function that cannot be called with the state alone ({render_fn.__qualname__}: {error})"
    return ""
