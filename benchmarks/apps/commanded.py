"""A flow that does what commands tell it: answer, change a var, or spin."""

from collections.abc import Iterator
from typing import Any

from flowrpc import LightningApp, LightningFlow


class Commanded(LightningFlow):
    """Ten vars, of which a pass changes one while it spins."""

    def __init__(self) -> None:
        self.counter = 0
        self.changed = 0
        self.spinning = False
        for number in range(7):
            setattr(self, f"idle_{number}", number)

    def run(self) -> None:
        if self.spinning:
            self.counter += 1

    def spin(self, on: bool) -> None:
        self.spinning = on

    def read(self) -> int:
        return self.changed

    def change(self) -> int:
        self.changed += 1
        return self.changed

    def changes(self, count: int) -> Iterator[int]:
        for _ in range(count):
            yield self.change()

    def reads(self, count: int) -> Iterator[int]:
        for _ in range(count):
            yield self.read()

    def add(self, number: int, text: str, share: float) -> float:
        return number * share + len(text)

    def configure_commands(self) -> Any:
        methods = (self.spin, self.read, self.change, self.changes, self.reads, self.add)
        return {method.__name__: method for method in methods}


app = LightningApp(Commanded())
