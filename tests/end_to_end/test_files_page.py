"""The examples of docs/reference/files.md."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from pathlib import Path

from flowrpc.storage import FileSystem

from tests.end_to_end.conftest import MakeApp, flowctl, var

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "files.md").read_text()
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def test_the_example_does_what_the_page_says(make_app: MakeApp) -> None:
    example, _ = EXAMPLES
    app = make_app(example)
    (app.folder / "app.py").write_text(example)
    app.start()
    with app.client() as client, client.replica() as replica:
        replica.wait_for(lambda replica: var(replica, "root", "report") != "", timeout=60)
        assert var(replica, "root", "report") == "trained with 0.1: 0.2, 2 words"
    (shown,) = re.findall(r"^    (model = .*)$", PAGE, re.MULTILINE)
    told = flowctl("state", cwd=app.folder).stdout
    assert re.search(re.escape(shown).replace("…", "[0-9a-f]{64}"), told), told
    assert app.end() == 0


def test_the_example_of_shared_files_does_what_the_page_says(make_app: MakeApp) -> None:
    app = make_app("")
    (app.folder / "app.py").write_text(EXAMPLES[1])
    app.start()
    with app.client() as client, client.replica() as replica:
        replica.wait_for(lambda replica: var(replica, "root", "report") != "", timeout=60)
        assert var(replica, "root", "report") == "runs/weights/2.txt: second"
    assert app.end() == 0


def test_the_table_of_shared_files_has_every_method_as_it_is() -> None:
    told = re.findall(r"`(\w+\((?:src_)?path.*?\))`", PAGE.split("\n## FileSystem\n")[1])
    methods = {name: method for name, method in vars(FileSystem).items() if not name.startswith("_")}
    assert sorted(told) == sorted(f"{name}{_arguments(method)}" for name, method in methods.items())


def _arguments(method: Callable[..., object]) -> str:
    signature = inspect.signature(method)
    plain = [p.replace(annotation=p.empty) for p in list(signature.parameters.values())[1:]]
    return str(signature.replace(parameters=plain, return_annotation=signature.empty))
