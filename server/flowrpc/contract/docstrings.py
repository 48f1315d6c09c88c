"""What docstrings say of functions and their arguments."""

from __future__ import annotations

import re

_SECTION = re.compile(
    r"^(Args|Arguments|Parameters|Returns|Raises|Yields|Example|Examples|Note|Notes)\s*:\s*$"
)
_ARGUMENT = re.compile(r"^ +\*{0,2}(\w+)(?: *\([^)]*\))? *: *(.*)$")


def summary(text: str | None) -> str:
    """Returns what a docstring says before its sections of arguments, results and errors."""
    lines = []
    for line in (text or "").splitlines():
        if _SECTION.match(line):
            break
        lines.append(line.rstrip())
    return "\n".join(lines).strip()


def argument_help(text: str) -> dict[str, str]:
    """Returns what the section `Args:` of a docstring says of each argument."""
    found: dict[str, list[str]] = {}
    inside, name, indent = False, "", 0
    for line in text.splitlines():
        if _SECTION.match(line):
            inside, name = line.lower().startswith(("arg", "param")), ""
        elif inside and line.strip():
            depth = len(line) - len(line.lstrip())
            match = _ARGUMENT.match(line)
            if match and (not name or depth <= indent):
                name, indent = match[1], depth
                found[name] = [match[2]]
            elif name:
                found[name].append(line.strip())
    return {name: " ".join(filter(None, parts)) for name, parts in found.items()}
