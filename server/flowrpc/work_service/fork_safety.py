"""Whether a process that has imported an app may be forked into runners that are as good as fresh ones."""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

_UNFIT = ("cupy", "grpc", "jax", "pycuda", "pyarrow", "ray", "tensorflow", "torch")
"""What keeps threads, locks or a device that no fork takes along, and may show it later only."""


class ForkSafety:
    """Looks at this process before an app is imported, and again afterwards."""

    def __init__(self) -> None:
        random.seed(0)  # so that whoever draws or seeds is seen; a fork seeds it afresh
        self._random = random.getstate()
        self._descriptors = _descriptors()
        self._shared = _shared_mappings()
        self._modules = set(sys.modules)

    def reasons(self) -> Iterator[str]:
        """Yields what speaks against it."""
        unfit = sorted(name for name in _UNFIT if name in sys.modules)
        if unfit:
            yield f"it imports {', '.join(unfit)}"
        threads = len(os.listdir("/proc/self/task"))  # noqa: PTH208 - names are enough
        if threads > 1:
            yield f"it starts {threads - 1} threads"
        if process_children():
            yield "it starts processes"
        opened = _descriptors() - self._descriptors
        if opened:
            yield f"it keeps open {', '.join(sorted(target for _, target in opened))}"
        if _shared_mappings() - self._shared:
            yield "it makes memory that is shared with other processes"
        if random.getstate() != self._random:
            yield "it draws or seeds random numbers"
        generators = sorted(self._generators())
        if generators:
            yield f"it makes random generators: {', '.join(generators)}"

    def _generators(self) -> Iterator[str]:
        """Yields the module variables that would give every runner the same numbers."""
        for name in set(sys.modules) - self._modules:
            module = sys.modules[name]
            if type(module) is ModuleType and not name.startswith("numpy"):
                yield from (
                    f"{name}.{key}" for key, value in list(vars(module).items()) if _is_generator(value)
                )


def freshen_numpy() -> None:
    """Lets the numpy of a fork, if it has one, draw numbers of its own, unless the app has seeded that."""
    numpy_random: Any = sys.modules.get("numpy.random")
    bits = getattr(getattr(getattr(numpy_random, "mtrand", None), "_rand", None), "_bit_generator", None)
    if getattr(bits, "seed_seq", None) is not None:  # it was seeded by numpy itself
        numpy_random.seed()


def process_children() -> list[int]:
    """Returns the processes whose parent is the main thread of this one."""
    me = os.getpid()
    try:
        return [int(child) for child in Path(f"/proc/{me}/task/{me}/children").read_text().split()]
    except OSError:
        return []


def _is_generator(value: object) -> bool:
    if isinstance(value, random.Random):
        return not isinstance(value, random.SystemRandom)
    kind = type(value)
    made_in = str(kind.__module__)  # a class may have anything there
    return made_in.startswith("numpy.random") and kind.__name__ in ("Generator", "RandomState")


def _descriptors() -> set[tuple[int, str]]:
    found = set()
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 - names are enough
        try:
            found.add((int(name), os.readlink(f"/proc/self/fd/{name}")))  # noqa: PTH115 - no file of a user
        except OSError:  # the descriptor of the listing itself
            continue
    return found


def _shared_mappings() -> set[str]:
    lines = (line.split() for line in Path("/proc/self/maps").read_text().splitlines())
    return {fields[0] for fields in lines if fields[1][3] == "s"}
