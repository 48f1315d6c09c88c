"""The example of docs/reference/ready.md: it is waited for as the page shows."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from tests.end_to_end.conftest import flowctl, wait_until_gone

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "ready.md").read_text()


def test_the_app_of_the_page_is_waited_for(tmp_path: Path) -> None:
    (source,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    (session,) = re.findall(r"```console\n\$ flowctl (.*?)\n(.*?)```", PAGE, re.DOTALL)
    folder = tmp_path / "example"
    folder.mkdir()
    (folder / "app.py").write_text(source)

    waited = flowctl(*shlex.split(session[0]), cwd=folder, timeout=60)

    pid = int((folder / ".flowrpc" / "lock").read_text().split()[0])
    assert flowctl("--data-dir", str(folder / ".flowrpc"), "stop").returncode == 0
    wait_until_gone({pid})
    shown = re.sub(
        r"127\.0\.0\.1:\d+, revision \d+", "127.0.0.1:40123, revision 1", waited.stdout + waited.stderr
    )
    shown = re.sub(r"127\.0\.0\.1:\d+/login\?key=\S+", "127.0.0.1:43211/login?key=KEY", shown)
    assert waited.returncode == 0
    assert shown.replace(str(tmp_path), "/home/me") == re.sub(r"key=\S+", "key=KEY", session[1])
