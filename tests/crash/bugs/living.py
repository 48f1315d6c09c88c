"""Bugs of processes: who outlives whom, and how they end."""

from __future__ import annotations

from tests.crash.bugs.patching import put


def outlive_the_parent() -> None:
    from flowrpc.work_service import serve

    put(serve, "die_with_parent", lambda pid: None)


def end_well_when_the_storage_failed() -> None:
    from flowrpc.flow_service import serve

    put(serve, "STORAGE_FAILED", 0)
