"""Tracer: runs a script in this process, and changes calls of methods while it runs."""

from __future__ import annotations

import difflib
import functools
import inspect
import os
import runpy
import sys
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from time import perf_counter
from types import TracebackType
from typing import Any, TypeAlias

from flowrpc.components.exits import exit_error

PreFn: TypeAlias = Callable[..., tuple[Any, tuple[Any, ...], dict[str, Any]]]
"""Is called before a method, with its object and its arguments; returns a note, and the arguments to call it with."""

PostFn: TypeAlias = Callable[[Any, Any], tuple[Any, Any]]
"""Is called after a method, with its object and what it returned; returns a note, and what the caller gets."""

MAX_CALLS = 1000
"""How many traced calls are kept; older ones are forgotten."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TracedCall:
    """A call of a traced method that returned."""

    cls: str
    """Qualified name of the class that is traced."""
    method: str
    pre: Any
    """The note of the `pre_fn`; None if there is none."""
    post: Any
    """The note of the `post_fn`; None if there is none."""
    seconds: float
    """How long the method took, without what was called before and after it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Traced:
    """A method that is changed while a script runs."""

    cls: type
    method: str
    pre_fn: PreFn | None
    post_fn: PostFn | None

    @property
    def name(self) -> str:
        return f"{self.cls.__qualname__}.{self.method}"


class Tracer:
    """Runs scripts, and lets functions of yours take part in calls that a script makes."""

    def __init__(self) -> None:
        self._traced: list[_Traced] = []
        self._calls: deque[TracedCall] = deque(maxlen=MAX_CALLS)

    @property
    def calls(self) -> list[TracedCall]:
        """The newest calls of traced methods, oldest first."""
        return list(self._calls)

    def add_traced(
        self,
        cls: type,
        method_name: str,
        stack_level: int = 1,
        pre_fn: PreFn | None = None,
        post_fn: PostFn | None = None,
    ) -> None:
        """Adds a method whose calls are traced while a script runs.

        Args:
            cls: The class; objects of its subclasses are traced too, unless they override the method.
            method_name: A method, class method or static method of it.
            stack_level: Is not used; apps for Lightning pass it.
            pre_fn: Is called as `pre_fn(object, *args, **kwargs)` and returns `(note, args, kwargs)`: what the method
                is called with. The object is the class, if the method is one of the class or a static one.
            post_fn: Is called as `post_fn(object, result)` and returns `(note, result)`.

        Raises:
            AttributeError: The class has no such method.
        """
        if not callable(getattr(cls, method_name, None)):
            close = difflib.get_close_matches(method_name, dir(cls), n=1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            raise AttributeError(f"{cls.__qualname__} has no method {method_name!r} to trace{hint}")
        self._traced.append(_Traced(cls=cls, method=method_name, pre_fn=pre_fn, post_fn=post_fn))

    def trace(
        self, script: str | os.PathLike[str], *args: str, init_globals: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Runs a script as Python would run it, with the traced methods changed, and returns its globals.

        `sys.exit()` and `sys.exit(0)` in the script end it well.

        Args:
            script: Path of the file.
            args: What follows the script's name in `sys.argv`.
            init_globals: Globals that the script begins with.

        Raises:
            ScriptError: It ended with another exit code.
            BaseException: Whatever the script raises.
        """
        path = os.fspath(script)
        with ExitStack() as stack:
            stack.enter_context(_interpreter(path, args))
            for traced in self._traced:
                stack.enter_context(self._patched(traced))
            try:
                return runpy.run_path(path, init_globals, run_name="__main__")
            except SystemExit as error:
                if failure := exit_error(path, error):
                    raise failure from None
                return _globals_at_exit(error.__traceback__, path)

    @contextmanager
    def _patched(self, traced: _Traced) -> Iterator[None]:
        cls, method = traced.cls, traced.method
        own = method in vars(cls)
        original = inspect.getattr_static(cls, method)
        try:
            setattr(cls, method, self._wrapped(traced, original))
        except TypeError:
            raise TypeError(f"{traced.name} cannot be traced: the class is not written in Python") from None
        try:
            yield
        finally:
            if own:
                setattr(cls, method, original)
            else:
                delattr(cls, method)  # it is inherited

    def _wrapped(self, traced: _Traced, original: Any) -> Any:
        if isinstance(original, staticmethod):
            return staticmethod(self._wrapped_static(traced, original.__func__))
        if isinstance(original, classmethod):
            return classmethod(self._wrapped_function(traced, original.__func__))
        return self._wrapped_function(traced, original)

    def _wrapped_function(self, traced: _Traced, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def call(subject: Any, /, *args: Any, **kwargs: Any) -> Any:
            return self._call(traced, subject, functools.partial(function, subject), args, kwargs)

        return call

    def _wrapped_static(self, traced: _Traced, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            return self._call(traced, traced.cls, function, args, kwargs)

        return call

    def _call(
        self,
        traced: _Traced,
        subject: Any,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> Any:
        pre, post = None, None
        if traced.pre_fn is not None:
            told = traced.pre_fn(subject, *args, **kwargs)
            pre, args, kwargs = _taken(told, 3, f"the pre_fn of {traced.name}", "(note, args, kwargs)")
        begin = perf_counter()
        result = function(*args, **kwargs)
        seconds = perf_counter() - begin
        if traced.post_fn is not None:
            answer = traced.post_fn(subject, result)
            post, result = _taken(answer, 2, f"the post_fn of {traced.name}", "(note, result)")
        name = traced.cls.__qualname__
        self._calls.append(TracedCall(cls=name, method=traced.method, pre=pre, post=post, seconds=seconds))
        return result


def _taken(told: object, length: int, who: str, shape: str) -> tuple[Any, ...]:
    """Returns what a function of the user's returned, if it has the shape."""
    if not isinstance(told, tuple) or len(told) != length:
        raise TypeError(f"{who} returned {told!r:.100}; return {shape}")
    return told


@contextmanager
def _interpreter(path: str, args: tuple[str, ...]) -> Iterator[None]:
    """Makes the interpreter look as if it had been started with the script."""
    argv, search = sys.argv, sys.path[:]
    sys.argv = [path, *args]
    sys.path.insert(0, os.path.dirname(os.path.realpath(path)))  # noqa: PTH120  # as the interpreter has it
    try:
        yield
    finally:
        sys.argv = argv
        sys.path[:] = search


def _globals_at_exit(frames: TracebackType | None, path: str) -> dict[str, Any]:
    """Returns the globals of a script that left by `sys.exit`."""
    while frames is not None:
        code = frames.tb_frame.f_code
        if code.co_filename == path and code.co_name == "<module>":
            return dict(frames.tb_frame.f_globals)
        frames = frames.tb_next
    return {}
