"""Whether what a work needs is installed here, told before its file is imported."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterable, Iterator
from importlib.metadata import PackageNotFoundError, distribution
from typing import TYPE_CHECKING

from flowrpc.errors import FlowrpcError

if TYPE_CHECKING:
    from packaging.requirements import Requirement


class NotInstalledError(FlowrpcError):
    """Tells what a work needs that is not installed where it should run."""


def check_installed(work: str, requirements: Iterable[str]) -> None:
    """Checks that packages are installed for this interpreter, in the versions asked for.

    Raises:
        NotInstalledError: Some are not; it names all of them, and the command that installs them.
    """
    missing = {text: problem for text in requirements for problem in _problems(text)}
    if missing:
        told = "; ".join(f"{text} ({problem})" for text, problem in missing.items())
        raise NotInstalledError(
            f"{work} needs what is not installed where it should run: {told}. Install it there: "
            f"{shlex.join([sys.executable, '-m', 'pip', 'install', *missing])}"
        )


def _problems(text: str) -> Iterator[str]:
    """Yields what is wrong with a requirement, if something is."""
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        requirement = Requirement(text)
    except InvalidRequirement as error:
        yield str(error).partition("\n")[0]
        return
    if requirement.marker is None or requirement.marker.evaluate():
        problem = _problem(requirement, frozenset())
        if problem:
            yield problem


def _problem(requirement: Requirement, around: frozenset[str]) -> str:
    """Tells what is wrong with a requirement and what its extras bring along; empty if nothing is."""
    try:
        found = distribution(requirement.name)
    except PackageNotFoundError:
        return f"{requirement.name} is missing" if around else "missing"
    if not requirement.specifier.contains(found.version, prereleases=True):
        return (
            f"{requirement.name} {found.version} is installed" if around else f"{found.version} is installed"
        )
    if not requirement.extras or str(requirement) in around:
        return ""
    for needed in _brought(found.requires or [], requirement.extras):
        problem = _problem(needed, around | {str(requirement)})
        if problem:
            return problem
    return ""


def _brought(requires: list[str], extras: Iterable[str]) -> Iterator[Requirement]:
    """Yields what extras of a package need beside what the package needs anyway."""
    from packaging.requirements import Requirement

    for needed in map(Requirement, requires):
        marker = needed.marker
        if marker is None or marker.evaluate({"extra": ""}):
            continue
        if any(marker.evaluate({"extra": extra}) for extra in extras):
            yield needed
