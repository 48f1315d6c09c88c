"""The store: journal, run records, answers and snapshots, behind one interface."""

from flowrpc.store.directory import fresh, prepare
from flowrpc.store.interface import Applied, Commit, Recovered, Store
from flowrpc.store.lock import LockHolder, lock_holder
from flowrpc.store.memory import MemoryStore
from flowrpc.store.reading import read
from flowrpc.store.sqlite import SQLiteStore

__all__ = [
    "Applied",
    "Commit",
    "LockHolder",
    "MemoryStore",
    "Recovered",
    "SQLiteStore",
    "Store",
    "fresh",
    "lock_holder",
    "prepare",
    "read",
]
