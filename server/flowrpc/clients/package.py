"""What is made for a language: the files of a package, and how its owner goes on."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib.resources import files

from flowrpc.contract.building import Built
from flowrpc.contract.descriptors import file_name

VALUE_PROTO = "flowrpc/v1/value.proto"


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """The files of a client, by their paths in its folder."""

    code: dict[str, bytes]
    """Written anew each time."""
    seeds: dict[str, bytes] = field(default_factory=dict)
    """Written if they are not there, and their owner's from then on: what names versions, and the like."""
    next_step: str
    """What to do with it, for people."""


def words(built: Built) -> str:
    """Returns the package of a contract as one word: shop_v1 of shop.v1."""
    return built.contract.package.replace(".", "_")


def protos(built: Built) -> dict[str, bytes]:
    """Returns the .proto files of a contract, by their names for imports."""
    own = {file_name(built.contract.package): built.text.encode()}
    if not uses_values(built):
        return own
    return own | {VALUE_PROTO: (files("flowrpc.contract") / "value.proto").read_bytes()}


def uses_values(built: Built) -> bool:
    """Tells whether something in a contract is a `flowrpc.v1.Value`."""
    return f'import "{VALUE_PROTO}";' in built.text
