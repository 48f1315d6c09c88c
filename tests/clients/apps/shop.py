"""The app that the tests of each language's client serve. They copy this file; nothing imports it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from flowrpc import Dict, LightningApp, LightningFlow


@dataclass
class Row:
    number: int
    name: str


class Member(LightningFlow):
    def __init__(self) -> None:
        self.rank = 0

    def run(self) -> None:
        pass


class Root(LightningFlow):
    kept: Any
    counted: int

    def __init__(self) -> None:
        self.kept = None
        self.counted = 0
        self.told = 0
        self.reading = 0
        self.left = 0
        self.team = Dict()

    def run(self) -> None:
        pass

    def keep(self, value: Any) -> Any:
        self.kept = value
        return self.kept

    def append(self, item: Any) -> None:
        self.kept.append(item)

    def count(self) -> int:
        self.counted += 1
        return self.counted

    def hire(self, name: str) -> None:
        self.team[name] = Member()

    def break_(self, text: str) -> None:
        self.counted = -1
        raise ValueError(text)

    def rows(self, start: int = 0, fail: str = "") -> Iterator[Row]:
        """Yields three rows, and raises then if there is something to say."""
        for number in range(start, start + 3):
            self.told += 1
            yield Row(number, f"n\u00e9e \U0001f600 {number}")
        if fail:
            self.told = -1
            raise ValueError(fail)

    def each(self, values: list[Any]) -> Iterator[Any]:
        yield from values

    def ticks(self) -> Iterator[int]:
        """Counts until its reader leaves."""
        self.reading += 1
        try:
            yield from itertools.count()
        finally:
            self.reading -= 1
            self.left += 1

    def configure_commands(self) -> Any:
        names = ("keep", "append", "count", "hire", "rows", "each", "ticks")
        return [{"fail": self.break_}, *({name: getattr(self, name)} for name in names)]


app = LightningApp(Root())
