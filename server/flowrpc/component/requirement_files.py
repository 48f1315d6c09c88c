"""Requirements of works: single ones, and files of them as pip has them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

_NESTED = re.compile(r"(?:-r|--requirement)[ =]*(.+)")
_WHERE_FROM = re.compile(
    r"(?:-i|-f|--index-url|--extra-index-url|--find-links|--trusted-host)[ =].*|--no-index|--pre|--prefer-binary"
)
"""Options that tell pip where to find what is needed: nothing to check."""
_HASHES = re.compile(r"\s+--hash[ =]\S+")
_COMMENT = re.compile(r"(^|\s)#.*$")


class RequirementError(ValueError):
    """Tells that a requirement, or a file of them, cannot be understood."""


def is_file(entry: str) -> bool:
    """Tells whether an entry names a file of requirements: `-r FILE`, or `FILE.txt`."""
    return _NESTED.fullmatch(entry.strip()) is not None or entry.strip().endswith(".txt")


def parse_requirement(text: str) -> str:
    """Returns a requirement (PEP 508) in its normal form.

    Raises:
        RequirementError: It is none, or one that an installed package cannot be compared with.
    """
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        requirement = Requirement(text)
    except InvalidRequirement as error:
        problem = str(error).partition("\n")[0]
        raise RequirementError(
            f"{text!r} is no requirement: {problem}; write a name and a version, such as 'torch>=2'"
        ) from error
    if requirement.url is not None:
        raise RequirementError(
            f"{text!r}: what is installed cannot be compared with an address; "
            f"write the version, such as '{requirement.name}==1.2'"
        )
    return str(requirement)


def expand(entry: str, folder: Path) -> Iterator[str]:
    """Yields the requirements that an entry stands for.

    Args:
        entry: A requirement, or a file of them.
        folder: Where relative files are.

    Raises:
        RequirementError: A file cannot be read, or a line in it is not understood; it names the place.
    """
    if is_file(entry):
        yield from _read(_path(entry, folder), ())
    else:
        yield parse_requirement(entry)


def _path(entry: str, folder: Path) -> Path:
    nested = _NESTED.fullmatch(entry.strip())
    return folder / (nested[1].strip() if nested else entry.strip())


def _read(path: Path, around: tuple[Path, ...]) -> Iterator[str]:
    if path in around:
        raise RequirementError(f"{path} includes itself; take the line out")
    for number, line in _lines(path):
        try:
            if _NESTED.fullmatch(line):
                yield from _read(_path(line, path.parent), (*around, path))
            elif not _WHERE_FROM.fullmatch(line):
                yield _parse_line(line)
        except RequirementError as error:
            raise RequirementError(f"{path}:{number}: {error}") from error


def _parse_line(line: str) -> str:
    if line.startswith("-"):
        raise RequirementError(
            f"the option {line!r} cannot be honoured; list the packages by name and version"
        )
    return parse_requirement(_HASHES.sub("", line))


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yields the lines that say something, with their numbers; a backslash at the end joins two."""
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise RequirementError(f"the requirements file {path} cannot be read: {reason}") from error
    joined = ""
    for number, line in enumerate(text.splitlines(), 1):
        joined += line
        if joined.endswith("\\"):
            joined = joined[:-1]
            continue
        said, joined = _COMMENT.sub("", joined).strip(), ""
        if said:
            yield number, said
