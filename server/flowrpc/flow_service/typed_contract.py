"""The contract of the app that is served: made of its types before any state is restored."""

from __future__ import annotations

import logging
from pathlib import Path

from flowrpc.component.flow import LightningFlow
from flowrpc.contract.building import build, package_of
from flowrpc.contract.lock_file import FILE_NAME, read_lock
from flowrpc.errors import ComponentError, ContractError
from flowrpc.flow_service.catalogue import Catalogue
from flowrpc.flow_service.typed_service import TypedService

logger = logging.getLogger(__name__)


def offer_contract(typed: TypedService, root: LightningFlow, name: str, lock: Path | None) -> None:
    """Has the contract of a freshly built root served, if it can be made; says so if not.

    Args:
        typed: What serves it.
        root: The root flow.
        name: The app's, of which the package is made if no lock says it.
        lock: The file with its numbers, if there is one.
    """
    try:
        before = read_lock(lock) if lock is not None else None
        package = before.package if before is not None else package_of(name)
        built = build(root, Catalogue(root).commands(), package, before)
    except ComponentError:
        return  # the core refuses these commands, and says why
    except ContractError as error:
        logger.warning(
            "the app is served without its typed contract, by FlowService alone, whose values have no types: %s",
            error,
        )
        return
    if built.breaks:
        # An annotation that cannot be read here, as there is no source, may be why.
        why = "; ".join([*map(str, built.breaks), *built.contract.unread])
        logger.warning("clients of %s break: %s", FILE_NAME, why)
    typed.offer(built)
    if before is None and any(
        method.command for one in built.contract.services.values() for method in one.methods
    ):
        logger.info(
            "the typed contract %s has no lock, so its numbers may change with the code; "
            "before you generate clients, write one: flowctl contract build APP.py",
            package,
        )
