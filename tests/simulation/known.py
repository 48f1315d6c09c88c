"""Gaps that are known. What one explains is counted and is no violation; its entry goes when it is closed."""

from __future__ import annotations

KNOWN = {
    "flow-changes-forgotten": "What the flow changed in a work's vars is told again to an agent that is back. A flow "
    "that was killed meanwhile does not know any more that it changed them, so the work is never told. (seed 54)",
    "stale-changes-at-begin": "A change of the flow that reaches a runner after its run ended is applied when the "
    "next run begins, over the newer vars that came with it: StartRun.vars_number is always 0. (seed 138)",
    "cancelled-goes-on": "A run that is cancelled while its agent is away is told to be CONTINUEd, if the flow has all "
    "that the agent said of it: it is executed until it says something more. (seed 1090)",
    "stop-cancels-runs": "An app that is stopped in order cancels what separately started agents execute, and takes "
    "that for the end of the runs when it is there again, though it is to begin them again. (seed 37)",
}
"""By name: what goes wrong."""
