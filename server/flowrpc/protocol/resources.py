"""What a machine has and works take of it: processors, memory, GPUs."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_UNITS = {
    "B": 1,
    "kB": 10**3,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
    "TiB": 2**40,
}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([A-Za-z]*)", re.ASCII)
_ADVICE = "write a number and a unit, such as '512MiB', '4GiB' or '16GB'"
MAX_BYTES = 2**60
"""More than any machine has; a larger number is a mistake, and would not fit on the wire with others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """An amount of what a machine has."""

    cpu_millis: int = 0
    """Thousandths of a processor."""
    memory_bytes: int = 0
    gpus: int = 0

    def __add__(self, other: Resources) -> Resources:
        return Resources(
            cpu_millis=self.cpu_millis + other.cpu_millis,
            memory_bytes=self.memory_bytes + other.memory_bytes,
            gpus=self.gpus + other.gpus,
        )

    def covers(self, wanted: Resources) -> bool:
        """Tells whether there is as much of everything as wanted."""
        return (
            wanted.cpu_millis <= self.cpu_millis
            and wanted.memory_bytes <= self.memory_bytes
            and wanted.gpus <= self.gpus
        )

    def texts(self, *, up: bool = False) -> dict[str, str]:
        """Writes each amount as the command line takes it, zeros aside; rounded down, or up if it is asked for."""
        texts = {
            "cpus": _decimal(self.cpu_millis, 1000),
            "memory": format_bytes(self.memory_bytes, up=up),
            "gpus": str(self.gpus),
        }
        amounts = (self.cpu_millis, self.memory_bytes, self.gpus)
        return {name: text for (name, text), amount in zip(texts.items(), amounts, strict=True) if amount}


NOTHING = Resources()


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What a work needs of the agent that executes it."""

    resources: Resources = NOTHING
    labels: dict[str, str] = field(default_factory=dict)
    """Labels that the agent must have, with these values."""

    def __str__(self) -> str:
        return describe(self.resources, self.labels, up=True) or "nothing in particular"


NO_DEMAND = Demand()


def describe(resources: Resources, labels: dict[str, str], *, up: bool = False) -> str:
    """Writes amounts and labels in one line: `cpus=2 memory=4GiB label zone=a`."""
    parts = [f"{name}={text}" for name, text in resources.texts(up=up).items()]
    return " ".join(parts + [f"label {key}={value}" for key, value in sorted(labels.items())])


def parse_bytes(text: str) -> int:
    """Reads a number of bytes with its unit: `512MiB`, `1.5GB`.

    Raises:
        ValueError: It is none, has no unit, or one that is not known.
    """
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is no amount of memory; {_ADVICE}")
    number, unit = found.groups()
    if unit not in _UNITS:
        problem = f"the unit {unit!r} is not known" if unit else "the unit is missing"
        raise ValueError(f"{text!r}: {problem}; {_ADVICE}")
    whole, _, fraction = number.partition(".")
    # In whole numbers: a float would be off by some bytes.
    amount = (
        int(whole + fraction) * _UNITS[unit] // 10 ** len(fraction) if len(number) < 40 else MAX_BYTES + 1
    )
    if amount > MAX_BYTES:
        raise ValueError(f"{text!r} is more memory than any machine has; {_ADVICE}")
    return amount


def format_bytes(amount: int, *, up: bool = False) -> str:
    """Writes a number of bytes for people, with at most one decimal: rounded down, or up."""
    for unit in ("TiB", "GiB", "MiB", "KiB"):
        if amount >= _UNITS[unit]:
            tenths = (amount * 10 + (_UNITS[unit] - 1) * up) // _UNITS[unit]
            return f"{_decimal(tenths, 10)}{unit}"
    return f"{amount}B"


def _decimal(amount: int, parts: int) -> str:
    """Writes an amount of tenths or thousandths, as short as it can be."""
    whole, fraction = divmod(amount, parts)
    return f"{whole}.{fraction:0{len(str(parts)) - 1}d}".rstrip("0").rstrip(".")


def parse_label(text: str) -> tuple[str, str]:
    """Reads `KEY=VALUE`.

    Raises:
        ValueError: It is none.
    """
    key, equals, value = text.partition("=")
    if not equals:
        raise ValueError(f"{text!r} is no label; write KEY=VALUE, such as zone=a")
    check_label(key, value)
    return key, value


_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_./-]{0,61}[A-Za-z0-9])?")


def check_label(key: object, value: object) -> None:
    """Refuses what is no label.

    Raises:
        ValueError: Key or value is none.
    """
    for what, text in (("key", key), ("value", value)):
        if not isinstance(text, str) or _LABEL.fullmatch(text) is None:
            raise ValueError(
                f"{text!r} is no {what} of a label: a label is 1 to 63 letters, digits and '-_./', "
                "begins and ends with a letter or digit, and has a text on both sides, such as gpu=a100"
            )
