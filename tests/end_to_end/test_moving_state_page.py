"""The example of docs/reference/moving-state.md: its app is exported as it shows, and the file is taken in again."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

from tests.end_to_end.conftest import MakeApp, flowctl

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "moving-state.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def test_the_app_of_the_page_is_exported_as_it_shows_and_moves(make_app: MakeApp) -> None:
    (source,) = blocks("python")
    app, other = make_app(""), make_app("", name="other")
    for folder in (app.folder, other.folder):
        (folder / "app.py").write_text(source)
    running, stopped, taken, _ = [
        shlex.split(line, comments=True)[1:] for line in blocks("sh")[0].splitlines()
    ]
    app.start()
    (call,) = re.findall(r"`flowctl (call .*?)`", PAGE)
    assert flowctl(*shlex.split(call), cwd=app.folder).returncode == 0

    assert flowctl(*running, cwd=app.folder).returncode == 0
    exported = json.loads((app.folder / "shop.json").read_text())
    assert exported["components"] == json.loads(blocks("json")[0])
    app.kill()
    assert flowctl(*stopped, cwd=app.folder).returncode == 0
    assert json.loads((app.folder / "shop.json").read_text())["components"] == exported["components"]

    (other.folder / "shop.json").write_text((app.folder / "shop.json").read_text())
    assert flowctl(*taken, cwd=other.folder).returncode == 0
    other.start()
    with other.client() as client:
        assert client.state()["structures"]["orders"]["flows"]["0"]["vars"] == {"title": "tea"}
