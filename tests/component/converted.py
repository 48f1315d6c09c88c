"""Types that arguments become."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import (
    Any,
    NamedTuple,
    NewType,
    NotRequired,
    Required,
    TypedDict,
    TypeVar,
)


class Colour(enum.Enum):
    RED = "red"
    DEEP_BLUE = "blue"
    SIXTH = 6
    PAIR = (1, 2)
    OPAQUE = frozenset({1})


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Right(enum.Flag):
    READ = 1
    CALL = 2


@dataclass
class Item:
    name: str
    price: float = 1.0


@dataclass
class Order:
    items: list[Item]
    placed: datetime | None = None
    total: float = field(init=False, default=0.0)

    def __post_init__(self) -> None:
        if not self.items:
            raise ValueError("an order needs an item")
        self.total = sum(item.price for item in self.items)


@dataclass
class Node:
    value: int
    children: list[Node] = field(default_factory=list)


class Options(TypedDict, total=False):
    depth: Required[int]
    wide: bool


class Strict(TypedDict):
    depth: int
    wide: NotRequired[bool]


class Point(NamedTuple):
    x: int
    y: float = 0.0


ITEM = Item("n")


class ModelError(Exception):
    def errors(self) -> list[dict[str, Any]]:
        problem = {
            "loc": ("items", 2, "price"),
            "msg": "Input should be a valid number",
            "type": "float_parsing",
        }
        return [problem, problem]


class Model:
    """What a model of pydantic looks like from outside."""

    def __init__(self, content: Any) -> None:
        self.content = content

    @classmethod
    def model_validate(cls, content: Any) -> Model:
        if content == "wrong":
            raise ModelError
        if content == "odd":
            raise RuntimeError("odd")
        return cls(content)

    def model_dump(self, mode: str) -> Any:
        return {"content": self.content, "mode": mode}


Names = NewType("Names", list[str])
Anything = TypeVar("Anything")


def moment(*numbers: int) -> datetime:
    return datetime(*numbers, tzinfo=UTC)  # type: ignore[misc, arg-type]
