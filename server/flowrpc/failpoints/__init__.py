"""Failpoints: named places where a process can be made to fail, so that tests find out what it loses then.

`FLOWRPC_FAILPOINTS="store.commit.before_fsync=kill@3"` kills the flow service when it comes to that place for the third
time. Nothing of this is in the code that it concerns: where the variable is set, the functions that `points.py` names
are wrapped; where it is not, they are as they were written and cost nothing.
"""

from __future__ import annotations

import logging
import os

VARIABLE = "FLOWRPC_FAILPOINTS"
"""Environment variable with the plan: `NAME=ACTION[(ARGUMENT)][@N[+]]`, several separated by `;`."""
FIRED_VARIABLE = "FLOWRPC_FAILPOINTS_FIRED"
"""Environment variable with a folder: each failpoint leaves a file of its name there when it acts, and acts no more, in
whatever process, while that file is there."""

logger = logging.getLogger(__name__)


def arm(process: str) -> None:
    """Sets the failpoints that the environment names and this kind of process has; without it nothing is loaded even.

    Args:
        process: `flow`, `agent` or `runner`.

    Raises:
        StartError: The variable says what cannot be read.
    """
    text = os.environ.get(VARIABLE, "")
    if not text:
        return
    from pathlib import Path

    from flowrpc.failpoints.plan import Plan
    from flowrpc.failpoints.points import Process
    from flowrpc.failpoints.weave import weave

    marks = os.environ.get(FIRED_VARIABLE, "")
    weave(Process(process), Plan.read(text), Path(marks) if marks else None)
    logger.warning("failpoints are set: %s", text)
