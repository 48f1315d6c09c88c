"""BuildConfig: what has to be installed where a work is executed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from flowrpc.component.requirement_files import RequirementError, expand, is_file, parse_requirement
from flowrpc.errors import InvalidValueError
from flowrpc.state import Extension, Value


class BuildConfig(Extension, type_name="build_config"):
    """Says what has to be installed where a work is executed. It never changes; several works may share one.

    Override `build_commands` in a subclass to tell what else has to be done there.

    Args:
        requirements: Packages as PEP 508 has them (`torch>=2`), and files of such: `-r FILE` or `FILE.txt`, relative
            to the file of the work's class. A run fails before user code begins if one is not installed.
        dockerfile: A Dockerfile to build. No placement honours it yet.
        image: A container image to run in. No placement honours it yet.

    Raises:
        ValueError: An option cannot be meant.
    """

    def __init__(
        self,
        requirements: list[str] | tuple[str, ...] = (),
        dockerfile: str | os.PathLike[str] | None = None,
        image: str | None = None,
    ) -> None:
        self._requirements = tuple(_entry(entry) for entry in _entries(requirements))
        self._dockerfile = _text("dockerfile", dockerfile)
        self._image = _text("image", image)
        self._commands: tuple[str, ...] = ()
        self._problem = ""

    @classmethod
    def from_content(cls, content: Value) -> BuildConfig:
        """Builds one of what `extension_content` returned; what `build_commands` returned is kept.

        Raises:
            InvalidValueError: It cannot be built of this.
        """
        if not isinstance(content, dict):
            raise InvalidValueError("build_config", "its content is no dict")
        options: dict[str, Any] = dict(content)
        commands = options.pop("build_commands", [])
        try:
            config = BuildConfig(**options)
            config._commands = _commands(commands)
        except (TypeError, ValueError) as error:
            raise InvalidValueError("build_config", str(error)) from error
        return config

    @classmethod
    def from_dict(cls, content: dict[str, Value]) -> BuildConfig:
        """Builds one of what `to_dict` returned.

        Raises:
            InvalidValueError: It cannot be built of this.
        """
        return cls.from_content(content)

    def to_dict(self) -> dict[str, Value]:
        """Returns the options that are not as by default, as plain values."""
        content: dict[str, Value] = {
            "requirements": list(self.requirements),
            "dockerfile": self._dockerfile,
            "image": self._image,
            "build_commands": list(_commands(self.build_commands())),
        }
        return {key: value for key, value in content.items() if value}

    def extension_content(self) -> Value:
        """Returns what it is made of."""
        return self.to_dict()

    def build_commands(self) -> list[str]:
        """Returns shell commands to run before the work begins. No placement honours them yet."""
        return list(self._commands)

    @property
    def requirements(self) -> list[str]:
        """The packages, and the files of packages that were not read yet."""
        return list(self._requirements)

    @property
    def dockerfile(self) -> str | None:
        """The Dockerfile to build."""
        return self._dockerfile

    @property
    def image(self) -> str | None:
        """The container image to run in."""
        return self._image

    @property
    def problem(self) -> str:
        """Why a file of requirements could not be read; empty if nothing is wrong."""
        return self._problem

    def resolved(self, folder: Path) -> BuildConfig:
        """Returns one that has the packages of its files instead of the files.

        What cannot be read stays as it is, and `problem` tells why: where a work is executed, the files need not be.
        """
        if not any(map(is_file, self._requirements)):
            return self
        resolved = BuildConfig.from_content({**self.to_dict(), "requirements": []})
        try:
            packages = [found for entry in self._requirements for found in expand(entry, folder)]
            resolved._requirements = tuple(dict.fromkeys(packages))
        except RequirementError as error:
            resolved._requirements, resolved._problem = self._requirements, str(error)
        return resolved

    def __repr__(self) -> str:
        """Shows it as it is written."""
        return f"BuildConfig({', '.join(f'{key}={value!r}' for key, value in self.to_dict().items())})"


def _entries(requirements: object) -> list[object]:
    if not isinstance(requirements, list | tuple):
        raise ValueError(
            f"BuildConfig(requirements={requirements!r}): write a list of texts, such as ['torch>=2']"
        )
    return list(requirements)


def _entry(entry: object) -> str:
    if not isinstance(entry, str):
        raise ValueError(f"BuildConfig(requirements=…): {entry!r} is no text; write one such as 'torch>=2'")
    if is_file(entry):
        return entry.strip()
    try:
        return parse_requirement(entry)
    except RequirementError as error:
        raise ValueError(f"BuildConfig(requirements=…): {error}") from error


def _text(option: str, value: object) -> str | None:
    text = os.fspath(value) if isinstance(value, os.PathLike) else value
    if text is not None and (not isinstance(text, str) or not text.strip()):
        raise ValueError(f"BuildConfig({option}={value!r}): it is a text that is not empty")
    return text


def _commands(commands: object) -> tuple[str, ...]:
    if not isinstance(commands, list | tuple) or not all(isinstance(command, str) for command in commands):
        raise ValueError(f"build_commands() returned {commands!r}; return a list of texts")
    return tuple(commands)
