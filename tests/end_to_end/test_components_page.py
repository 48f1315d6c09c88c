"""The examples of docs/reference/components.md, run as they are printed."""

from __future__ import annotations

import json
import re
import urllib.request
from pathlib import Path

import pytest

from tests.end_to_end.conftest import MakeApp, RunningApp

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "components.md").read_text()


def made(make_app: MakeApp, heading: str) -> RunningApp:
    """Writes the files of a section."""
    app = make_app("")
    section = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    for name, source in re.findall(r"```python\n# (\w+\.py)\n(.*?)```", section, re.DOTALL):
        (app.folder / name).write_text(source)
    return app


@pytest.mark.parametrize(
    ("heading", "told"),
    [
        ("A script in the work's process", "the loss is 0.7 after 3 steps"),
        ("A script in a process of its own", "counted with exit code 0"),
    ],
)
def test_scripts_of_the_page_run(make_app: MakeApp, heading: str, told: str) -> None:
    app = made(make_app, heading)
    app.launch().communicate(timeout=50)
    assert app.wait() == 0
    assert told in app.stderr()


def test_server_of_the_page_serves(make_app: MakeApp) -> None:
    app = made(make_app, "A server of predictions").start()
    asked = re.search(r"-d '(.*?)' .*\n(.*)\n```", PAGE)
    assert asked is not None
    with app.client() as client, client.replica() as replica:
        replica.wait_for(lambda _: bool(client.works()[0].url), timeout=60)
        url = client.works()[0].url
        request = urllib.request.Request(  # an http URL of our own
            f"{url}/predict", asked[1].encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            assert json.loads(answer.read()) == json.loads(asked[2])
        replica.wait_for(lambda replica: replica.vars("root.words")["asked"] == 1, timeout=60)
