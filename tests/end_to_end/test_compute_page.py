"""The example of docs/reference/compute.md, run as the page says, and what it says is refused."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from flowrpc.component.needs import _WAYS_OUT

from tests.end_to_end.conftest import MakeApp, var

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "compute.md").read_text()


def options() -> list[str]:
    """What the page adds to `flowctl run app.py`."""
    (command,) = re.findall(r"^\$ flowctl run app\.py (.*)$", PAGE, re.MULTILINE)
    return shlex.split(command)


@pytest.mark.slow
def test_the_example_runs_as_the_page_says(make_app: MakeApp) -> None:
    app = make_app("")
    (example,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    (app.folder / "app.py").write_text(example)
    app.start(*options())
    with app.client() as client, client.replica() as replica:
        replica.wait_for(lambda _: var(replica, "root.train", "trained") is True, timeout=60)


def test_the_page_names_all_that_is_refused() -> None:
    refused = PAGE.split("## What is refused")[1]
    assert set(re.findall(r"`([a-z_]+)(?:\(\))?`", refused)) >= _WAYS_OUT.keys()
