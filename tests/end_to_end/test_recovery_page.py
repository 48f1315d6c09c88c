"""The example of docs/reference/recovery.md: version 2 opens the data directory of version 1."""

from __future__ import annotations

import re
from pathlib import Path

from tests.end_to_end.conftest import MakeApp

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "recovery.md").read_text()

VERSION_1 = """
class Root(LightningFlow):
    def __init__(self):
        self.names = "a,b"

    def run(self):
        pass


app = LightningApp(Root())
"""


def test_version_2_of_the_page_takes_over_from_version_1(make_app: MakeApp) -> None:
    app = make_app(VERSION_1).start()
    assert app.end() == 0
    (example,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    (app.folder / "app.py").write_text(example)

    for _ in range(2):
        app.start()
        with app.client() as client:
            assert client.state()["vars"] == {"names": ["a", "b"]}
        assert app.end() == 0
