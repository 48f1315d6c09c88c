"""The example of docs/reference/files.md."""

from __future__ import annotations

import re
from pathlib import Path

from tests.end_to_end.conftest import MakeApp, flowctl, var

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "files.md").read_text()


def test_the_example_does_what_the_page_says(make_app: MakeApp) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    app = make_app(example)
    (app.folder / "app.py").write_text(example)
    app.start()
    with app.client() as client, client.replica() as replica:
        replica.wait_for(lambda replica: var(replica, "root", "report") != "", timeout=40)
        assert var(replica, "root", "report") == "trained with 0.1: 0.2, 2 words"
    (shown,) = re.findall(r"^    (model = .*)$", PAGE, re.MULTILINE)
    told = flowctl("state", cwd=app.folder).stdout
    assert re.search(re.escape(shown).replace("…", "[0-9a-f]{64}"), told), told
    assert app.end() == 0
