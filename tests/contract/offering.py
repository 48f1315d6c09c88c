"""An app that offers every kind of type, and what makes its contract."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple, TypedDict

from flowrpc import LightningFlow, LightningWork, List
from flowrpc.contract.lock import Lock, locked
from flowrpc.contract.lowering import ProtoMessage, lowered
from flowrpc.contract.shape import Contract
from flowrpc.contract.survey import survey
from flowrpc.flow_service.catalogue import Catalogue


class Color(enum.Enum):
    RED = "red"
    GREEN = 2


@dataclass
class Item:
    """One thing to buy."""

    sku: str
    price: float = 1.0
    tags: list[str] = dataclasses.field(default_factory=list)
    parent: Item | None = None


class Point(NamedTuple):
    x: int
    y: int = 0


_CENTRE = Point(0)


class Options(TypedDict, total=False):
    fast: bool
    depth: int


class Job(LightningWork):
    progress: float

    def __init__(self) -> None:
        super().__init__(parallel=True)
        self.progress = 0
        self.best = None

    def run(self, rate: float, steps: int = 3) -> None:
        """Never called here."""


class Team(LightningFlow):
    def __init__(self) -> None:
        self.size = 1

    def grow(self, by: int) -> int:
        self.size += by
        return self.size

    def configure_commands(self) -> dict[str, Callable[..., Any]]:
        return {"grow": self.grow}


class Shop(LightningFlow):
    """Sells things."""

    when: datetime | None

    def __init__(self) -> None:
        self.job = Job()
        self.team = Team()
        self.jobs = List()
        self.count = 0
        self.names: list[Any] = []
        self.labels: dict[str, Any] = {}
        self.when = None

    def add(self, name: str, times: int = 1, color: Color = Color.RED) -> int:
        """Adds a name.

        Args:
            name: Who it is,
                at length.
            times (int): How often.
            color: Of what colour.
        """
        raise NotImplementedError

    def order(  # type: ignore[no-untyped-def]  # what has no annotation is any value
        self,
        *,
        items: list[Item],
        by: dict[str, list[int]],
        chosen: list[int] | None = None,
        tags: list[str] = ["new"],  # noqa: B006
        target: int | str | Item = 3,
        pair: tuple[int, str] = (1, "a"),
        anything=None,
        wait: timedelta = timedelta(days=1),
        grid: list[list[int]] = [],  # noqa: B006
        data: bytes | None = None,
        mode: Literal["fast", "slow"] = "fast",
        at: Point = _CENTRE,
        options: Options | None = None,
        **rest: float,
    ) -> list[Item] | None:
        raise NotImplementedError

    def configure_commands(self) -> dict[str, Callable[..., Any]]:
        return {"add": self.add, "order items": self.order}


def contract_of(root: LightningFlow, package: str = "shop.v1") -> Contract:
    """Makes the contract of an app."""
    return survey(root, Catalogue(root).commands(), package)


def numbered(
    contract: Contract, before: Lock | None = None
) -> tuple[Contract, dict[str, ProtoMessage], Lock]:
    """Gives numbers to a contract."""
    messages = lowered(contract)
    return contract, messages, locked(contract, messages, before)


def offering(commands: dict[str, Callable[..., Any]]) -> LightningFlow:
    """Makes a flow of some commands."""

    class Root(LightningFlow):
        def configure_commands(self) -> dict[str, Callable[..., Any]]:
            return commands

    return Root()
