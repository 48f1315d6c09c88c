"""Contracts of small apps, built in the test's own process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flowrpc import LightningFlow
from flowrpc.contract.building import Built, build
from flowrpc.flow_service.catalogue import Catalogue


@dataclass
class Item:
    r'''One "thing" \ to buy, in """quotes""".'''

    sku: str


class Shop(LightningFlow):
    """Sells things."""

    def __init__(self) -> None:
        self.count = 0

    def run(self) -> None:
        """Does nothing."""

    def add(self, item: Item, times: int = 1) -> Item:
        """Adds an item.

        Args:
            item: What it is.
            times: How often.
        """
        return item

    def configure_commands(self) -> Any:
        return {"add": self.add}


class Keeper(Shop):
    def keep(self, value: Any) -> Any:
        return value

    def configure_commands(self) -> Any:
        return {"keep": self.keep}


def built(kind: type[LightningFlow] = Shop, package: str = "shop.v1") -> Built:
    root = kind()
    return build(root, Catalogue(root).commands(), package, None)
