"""The options that say what an agent has for works: `--cpus`, `--memory`, `--gpus`, `--label`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from flowrpc.protocol.resources import parse_bytes, parse_label

Function = TypeVar("Function", bound=Callable[..., Any])

MOST_UNITS = 1_000_000


class _Read(click.ParamType[Any]):
    """Is what a function reads from text, or raises ValueError about."""

    def __init__(self, name: str, read: Callable[[str], Any]) -> None:
        self.name = name
        self._read = read

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            return self._read(value) if isinstance(value, str) else value
        except ValueError as error:
            self.fail(str(error), param, ctx)


def offer_options(function: Function) -> Function:
    """Adds the options; the function gets `cpus`, `memory`, `gpus` and `labels`, pairs of key and value."""
    options = [
        click.option(
            "--cpus",
            type=click.FloatRange(min=0, max=MOST_UNITS),
            help="Processors that works may take altogether.  [default: those it may run on]",
        ),
        click.option(
            "--memory",
            type=_Read("size", parse_bytes),
            help="Memory that works may take altogether, such as 16GiB.  [default: the machine's]",
        ),
        click.option(
            "--gpus",
            type=click.IntRange(min=0, max=MOST_UNITS),
            help="GPUs that works may take altogether.  [default: CUDA_VISIBLE_DEVICES, else NVIDIA devices]",
        ),
        click.option(
            "--label",
            "labels",
            type=_Read("key=value", parse_label),
            metavar="KEY=VALUE",
            multiple=True,
            help="What works may ask for: gpu=a100, zone=b; repeatable.",
        ),
    ]
    for option in reversed(options):
        function = option(function)
    return function
