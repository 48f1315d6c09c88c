"""What users test their apps with; docs/reference/testing.md shows how.

`SimulatedApp` runs an app in the test's own process on a manual clock, `run_work_isolated` one work in a real process,
`run_app` a whole app as `flowctl run` does. Nothing here depends on a test framework.
"""

from flowrpc.testing.app_process import AppProcess, run_app
from flowrpc.testing.empty import EmptyFlow, EmptyWork
from flowrpc.testing.errors import AppFailed, SimulationError
from flowrpc.testing.fake_work import FakeWork
from flowrpc.testing.isolated import run_work_isolated
from flowrpc.testing.simulated_app import SimulatedApp

__all__ = [
    "AppFailed",
    "AppProcess",
    "EmptyFlow",
    "EmptyWork",
    "FakeWork",
    "SimulatedApp",
    "SimulationError",
    "run_app",
    "run_work_isolated",
]
