"""Which files `flowctl run --reload` looks at."""

from __future__ import annotations

from pathlib import Path

from flowrpc.cli.reloading import python_files


def test_python_files_of_the_app_are_seen_and_others_are_not(tmp_path: Path) -> None:
    for name in ("app.py", "parts/one.py", "notes.txt", ".hidden/a.py", "env/pyvenv.cfg", "env/lib/b.py"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    seen = python_files(tmp_path)
    assert {str(path.relative_to(tmp_path)) for path in seen} == {"app.py", "parts/one.py"}
    (tmp_path / "app.py").write_text("changed")
    assert python_files(tmp_path) != seen
