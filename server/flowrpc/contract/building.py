"""Everything about an app's contract together: its shapes, numbers and texts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from flowrpc.component.flow import LightningFlow
from flowrpc.contract import names
from flowrpc.contract.compatibility import Break, breaks
from flowrpc.contract.lock import Lock, locked
from flowrpc.contract.lock_file import lock_text
from flowrpc.contract.lowering import ProtoMessage, lowered
from flowrpc.contract.shape import Contract
from flowrpc.contract.survey import Offered, survey
from flowrpc.errors import ContractError

if TYPE_CHECKING:
    from flowrpc.contract.pool import ContractPool

_PACKAGE = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*\.v[1-9][0-9]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """A contract with its numbers."""

    contract: Contract
    messages: dict[str, ProtoMessage]
    lock: Lock
    before: Lock | None
    """The lock that the numbers were taken from."""

    @property
    def breaks(self) -> list[Break]:
        """What clients of the earlier lock do not survive."""
        return breaks(self.before, self.lock) if self.before is not None else []

    @property
    def stale(self) -> bool:
        """Whether the earlier lock lacks something, so that it is to be written again."""
        return self.before is None or lock_text(self.before) != lock_text(self.lock)

    @property
    def text(self) -> str:
        """The .proto file."""
        from flowrpc.contract.proto_text import proto_text

        return proto_text(self.contract, self.messages, self.lock)

    def pool(self) -> ContractPool:
        """Makes the classes of its messages."""
        from flowrpc.contract.descriptors import (
            file_descriptor,  # protobuf's own descriptors take a while to load
        )
        from flowrpc.contract.pool import ContractPool

        return ContractPool(file_descriptor(self.contract, self.messages, self.lock))

    def write(self, folder: Path) -> list[Path]:
        """Writes what `buf generate` and others need into a folder; returns the files.

        Raises:
            ContractError: It cannot be written.
        """
        from flowrpc.contract.documents import documents

        contents = documents(self)
        try:
            for name, content in contents.items():
                path = folder / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
        except OSError as error:
            raise ContractError(str(folder), f"cannot be written: {error.strerror}") from error
        return [folder / name for name in contents]


def build(root: LightningFlow, commands: Iterable[Offered], package: str, before: Lock | None) -> Built:
    """Makes the contract of a freshly built tree.

    Raises:
        ContractError: A type cannot be part of one, or the lock is another's.
    """
    check_package(package)
    contract = survey(root, commands, package)
    messages = lowered(contract)
    _check_symbols(contract, messages)
    return Built(contract=contract, messages=messages, lock=locked(contract, messages, before), before=before)


def _check_symbols(contract: Contract, messages: dict[str, ProtoMessage]) -> None:
    """Refuses two things of one name: messages, enums, their values and services share one namespace.

    Raises:
        ContractError: There are two.
    """
    met: dict[str, str] = {}
    for name, source in _symbols(contract, messages):
        other = met.setdefault(name, source)
        if other is not source:
            raise ContractError(source, f"and {other} would both be {name} in the contract; rename one")


def _symbols(contract: Contract, messages: dict[str, ProtoMessage]) -> Iterator[tuple[str, str]]:
    for message in messages.values():
        yield message.name, f"{message.source or 'the message'} ({message.name})"
    for enum in contract.enums.values():
        yield enum.name, f"{enum.source} ({enum.name})"
        yield names.enum_prefix(enum.name) + "UNSPECIFIED", f"{enum.source}, which nothing chose"
        for name, _ in enum.values:
            yield names.enum_prefix(enum.name) + name, f"{enum.source}.{name}"
    for service in contract.services.values():
        yield service.name, f"the service of {service.flow}"


def check_package(package: str) -> None:
    """Refuses what is no package as buf wants them.

    Raises:
        ContractError: It does not end with a version, or has other characters.
    """
    if not _PACKAGE.fullmatch(package):
        raise ContractError(
            f"the package {package!r}", "is no lower-case name with a version at its end, such as shop.v1"
        )


def package_of(name: str) -> str:
    """Makes the package of an app of its name: `My shop` is my_shop.v1."""
    words = "_".join(re.findall(r"[a-z0-9]+", name.lower()))
    return f"{words if words[:1].isalpha() else 'app_' + words}.v1".replace("_.", ".")
