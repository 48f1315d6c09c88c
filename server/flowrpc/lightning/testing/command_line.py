"""The command lines that tests of apps have: `["app.py", "--blocking", "False", "--open-ui", "False"]`."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_WITH_VALUE = ("--blocking", "--env", "--open-ui")
_FLAGS = ("--without-server",)
_FALSE = ("false", "0", "no")


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandLine:
    """What a command line says."""

    app_file: Path
    options: tuple[str, ...]
    """What `flowctl run` is told."""
    env: dict[str, str]
    """Environment variables of the app."""

    @classmethod
    def of(cls, arguments: Sequence[str]) -> CommandLine:
        """Reads one.

        Raises:
            ValueError: It has no file, or an option that would be ignored.
        """
        if not arguments or arguments[0].startswith("-"):
            raise ValueError(
                "application_testing: the command line begins with the app's file: ['app.py', …]"
            )
        env: dict[str, str] = {}
        options: list[str] = []
        for option, value in _pairs(arguments[1:]):
            if option == "--env":
                key, equals, text = value.partition("=")
                if not key or not equals:
                    raise ValueError(f"application_testing: --env {value}: write KEY=VALUE")
                env[key] = text
            elif option == "--without-server":
                options.append("--no-http")
            elif option == "--open-ui" and value.lower() not in _FALSE:
                raise ValueError(f"application_testing: --open-ui {value}: no browser is opened; give False")
        return cls(app_file=Path(arguments[0]), options=tuple(options), env=env)

    @contextmanager
    def environment(self) -> Iterator[None]:
        """Sets the environment variables in this process, and puts back what was there."""
        before = dict(os.environ)
        os.environ.update(self.env)
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)


def _pairs(arguments: Sequence[str]) -> Iterator[tuple[str, str]]:
    rest = iter(arguments)
    for argument in rest:
        option, equals, value = argument.partition("=")
        if option in _FLAGS and not equals:
            yield option, ""
        elif option in _WITH_VALUE:
            given = value if equals else next(rest, None)
            if given is None:
                raise ValueError(f"application_testing: {option} needs a value")
            yield option, given
        else:
            known = ", ".join(sorted([*_WITH_VALUE, *_FLAGS]))
            raise ValueError(f"application_testing: {argument} would be ignored; there is {known}")
