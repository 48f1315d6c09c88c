"""docs/reference/journal.md: its commands do what it says, on the journal of an app that counts."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

from tests.end_to_end.conftest import MakeApp, flowctl
from tests.store.damaging import execute

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "journal.md").read_text()

COUNTING = """
class Root(LightningFlow):
    def __init__(self):
        self.count = 0

    def run(self):
        pass

    def add(self):
        self.count += 1

    def configure_commands(self):
        return {"add": self.add}


app = LightningApp(Root())
"""


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def test_the_commands_of_the_page_do_what_it_says(make_app: MakeApp) -> None:
    app = make_app(COUNTING).start()
    with app.client() as client:
        for _ in range(3):
            client.call("add")
    used = flowctl("journal", "check", cwd=app.folder)
    assert (used.returncode, "flowctl stop" in used.stderr) == (2, True)
    assert app.end() == 0

    commands = [shlex.split(line, comments=True)[1:] for line in blocks("sh")[0].splitlines()]
    done = {words[1]: flowctl(*words, cwd=app.folder) for words in commands}
    assert {name: one.returncode for name, one in done.items()} == dict.fromkeys(
        ("check", "show", "export", "cut"), 0
    ), [one.stderr for one in done.values()]
    assert done["check"].stdout.endswith("whole\n")
    assert re.findall(r"^revision (\d+)", done["show"].stdout, re.MULTILINE) == ["2", "3"]
    first = json.loads((app.folder / "journal.jsonl").read_text().splitlines()[0])
    del first["time"]
    assert first == json.loads(blocks("json")[0])
    assert flowctl("journal", "check", "cut", cwd=app.folder).returncode == 0


def test_the_way_out_of_the_page_leads_out(make_app: MakeApp) -> None:
    app = make_app(COUNTING).start()
    with app.client() as client:
        for _ in range(3):
            client.call("add")
    assert app.end() == 0
    execute(app.folder / ".flowrpc", "UPDATE journal SET record = zeroblob(9) WHERE revision = 3")
    assert app.launch().wait(timeout=60) != 0
    told = app.stderr()
    assert "revision 3 does not fit its checksum" in told
    assert "flowctl journal check" in told

    checked = flowctl("journal", "check", cwd=app.folder)
    assert checked.returncode == 1
    assert checked.stdout.endswith(blocks("text")[0])
    (command,) = re.findall(r"flowctl (journal cut .*)NEWDIR", checked.stdout)
    assert flowctl(*shlex.split(command), "cut", cwd=app.folder).returncode == 0

    app.start("--data-dir", "cut")
    result = flowctl("--data-dir", "cut", "state", "--json", cwd=app.folder)
    assert json.loads(result.stdout)["vars"]["count"] == 1
    assert app.end() == 0
