"""The hash of a state: equal wherever the same state is, and cheap to make again after a small change.

It is a hash of hashes: of each var, of each component, of all of them. What did not change is not hashed again.
`protos/README.md` tells the exact bytes, for other languages.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256

from flowrpc.state.canonical import canonical_bytes
from flowrpc.state.records import ComponentRecord, Delta, Revision
from flowrpc.state.values import Value


def state_hash(components: Iterable[ComponentRecord]) -> str:
    """Hashes components: a SHA-256 in hex. Their order does not matter, the order of vars and of dict keys does."""
    return StateHash().of(components)


class StateHash:
    """Hashes components of one replica, and remembers the digests of what did not change since.

    It takes 33 bytes and an entry of a dict per var, of components that were hashed once.
    """

    def __init__(self) -> None:
        """Begins with no digest."""
        self._components: dict[str, bytes] = {}
        self._vars: dict[str, dict[str, bytes]] = {}

    def note(self, revision: Revision) -> None:
        """Forgets the digests of what a revision changed."""
        for delta in revision.deltas:
            self._note(delta)

    def clear(self) -> None:
        """Forgets all digests: the replica has another state."""
        self._components.clear()
        self._vars.clear()

    def of(self, components: Iterable[ComponentRecord]) -> str:
        """Hashes these components, as the noted revisions left them."""
        ordered = sorted(components, key=lambda record: record.name)
        return sha256(b"".join([self._component(record) for record in ordered])).hexdigest()

    def _note(self, delta: Delta) -> None:
        name = delta.component
        self._components.pop(name, None)
        if delta.attached is not None:
            self._vars.pop(name, None)
        known = self._vars.get(name)
        if known:
            for change in delta.changes:
                known.pop(change.path[0], None)  # type: ignore[arg-type]  # a path begins with a text
        if delta.detached:
            self._forget(name)

    def _forget(self, name: str) -> None:
        below = name + "."
        for digests in (self._components, self._vars):
            for gone in [known for known in digests if known == name or known.startswith(below)]:
                del digests[gone]

    def _component(self, record: ComponentRecord) -> bytes:
        digest = self._components.get(record.name)
        if digest is None:
            content = _head(record) + b"".join(self._var_digests(record))
            digest = self._components[record.name] = sha256(content).digest()
        return digest

    def _var_digests(self, record: ComponentRecord) -> list[bytes]:
        known = self._vars.setdefault(record.name, {})
        return [
            known.get(name) or known.setdefault(name, _var(name, value))
            for name, value in record.vars.items()
        ]


def _var(name: str, value: Value) -> bytes:
    return sha256(canonical_bytes(name) + canonical_bytes(value, ordered=True)).digest()


def _head(record: ComponentRecord) -> bytes:
    recipe: Value = None
    if record.recipe is not None:
        recipe = [record.recipe.type, list(record.recipe.args), record.recipe.kwargs]
    return canonical_bytes([record.name, record.kind.value, record.type, recipe], ordered=True)
