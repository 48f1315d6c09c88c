"""A flow with one route that only reads."""

from flowrpc import LightningApp, LightningFlow, Post
from flowrpc.api import HttpMethod
from pydantic import BaseModel


class Order(BaseModel):
    name: str
    count: int


class Routed(LightningFlow):
    def __init__(self) -> None:
        self.number = 1
        self.changed = 0

    def run(self) -> None:
        """Is kept busy by its clients."""

    def read(self, order: Order) -> dict[str, int]:
        return {"total": self.number + order.count}

    def change(self, order: Order) -> dict[str, int]:
        self.changed += order.count
        return {"total": self.changed}

    def configure_api(self) -> list[HttpMethod]:
        return [Post("/read", self.read), Post("/change", self.change)]


app = LightningApp(Routed())
"""What is served."""
