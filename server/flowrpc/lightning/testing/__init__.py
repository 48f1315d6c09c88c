"""Testing apps. docs/reference/testing.md shows what flowrpc has of its own for that."""

from flowrpc.lightning.testing.helpers import EmptyFlow, EmptyWork
from flowrpc.lightning.testing.testing import LightningTestApp, application_testing, run_work_isolated

__all__ = ["EmptyFlow", "EmptyWork", "LightningTestApp", "application_testing", "run_work_isolated"]
