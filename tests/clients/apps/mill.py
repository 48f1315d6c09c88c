"""An app with a work and a stream, which clients are generated for. Tests copy this file; nothing imports it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from flowrpc import LightningApp, LightningFlow, LightningWork


@dataclass
class Sack:
    number: int
    label: str


class Grind(LightningWork):
    def __init__(self) -> None:
        super().__init__(parallel=True)
        self.flour = 0

    def run(self, kilos: int) -> None:
        self.flour += kilos


class Root(LightningFlow):
    note: Any

    def __init__(self) -> None:
        self.grind = Grind()
        self.kilos = 0
        self.note = None

    def run(self) -> None:
        if self.kilos:
            self.grind.run(kilos=self.kilos)

    def bring(self, kilos: int, note: Any = None) -> int:
        """Brings grain, which the work grinds."""
        if kilos <= 0:
            raise ValueError("there is nothing to grind")
        self.kilos, self.note = kilos, note
        return kilos

    def sacks(self, first: int) -> Iterator[Sack]:
        """Yields three sacks, and raises then."""
        for number in range(first, first + 3):
            yield Sack(number, f"n\u00e9e \U0001f600 {number}")
        raise ValueError("no more sacks")

    def configure_commands(self) -> Any:
        return {"bring": self.bring, "sacks": self.sacks}


app = LightningApp(Root())
