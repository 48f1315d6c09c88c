"""What users get wrong: an error that names the place and the next step, an exit code, nothing lost."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from tests.end_to_end.conftest import HEADER, MakeApp, flowctl
from tests.end_to_end.test_life import COUNTER


def run(folder: Path, *options: str) -> tuple[int, str]:
    result = flowctl("run", "app.py", *options, cwd=folder)
    assert "Traceback" not in result.stderr or "does not run" in result.stderr
    assert result.stdout == ""
    return result.returncode, result.stderr


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        (None, "no such file"),
        ("x = (", "SyntaxError"),
        ("x = 1\n", "holds no LightningApp"),
        ("import no_such_module_of_mine\n", "No module named 'no_such_module_of_mine'"),
        (HEADER + "raise ValueError('early')\n", "ValueError: early"),
        (
            HEADER
            + "class F(LightningFlow):\n    def run(self): pass\na = LightningApp(F())\nb = LightningApp(F())\n",
            "holds several apps (a, b)",
        ),
        (
            HEADER + "class F(LightningFlow): pass\napp = LightningApp(F())\n",
            "does not override the `run()` method",
        ),
        (
            HEADER
            + "class F(LightningFlow):\n    def __init__(self): self.x = {1, 2}\n    def run(self): pass\n"
            + "app = LightningApp(F())\n",
            "root.x: ",
        ),
    ],
)
def test_an_app_file_that_cannot_be_served(tmp_path: Path, source: str | None, problem: str) -> None:
    if source is not None:
        (tmp_path / "app.py").write_text(source)

    code, errors = run(tmp_path)

    assert code == 2
    assert problem in errors
    assert "app.py" in errors
    assert not (tmp_path / ".flowrpc" / "journal.db").exists()


def test_a_taken_port_is_told(make_app: MakeApp, tmp_path: Path) -> None:
    app = make_app(COUNTER)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"

        code, errors = run(app.folder, "--address", address)

    assert code == 2
    assert f"cannot serve on {address}: the port is taken" in errors


@pytest.mark.parametrize(
    ("address", "problem"),
    [
        ("0.0.0.0:0", "give --tls-cert and --tls-key, or serve on 127.0.0.1"),
        ("nonsense", "is no HOST:PORT"),
        ("127.0.0.1:99999", "is no HOST:PORT"),
    ],
)
def test_an_address_that_is_not_safe_or_none_is_refused(
    make_app: MakeApp, address: str, problem: str
) -> None:
    code, errors = run(make_app(COUNTER).folder, "--address", address)

    assert (code, problem in errors) == (2, True), errors


def test_a_second_flow_on_one_data_directory_is_refused(make_app: MakeApp) -> None:
    app = make_app(COUNTER).start()

    code, errors = run(app.folder)

    assert code == 2
    assert f"is used by process {app.pid} at {app.address}" in errors
    with app.client() as client:
        assert client.call("my_command", name="still here") == 1


def test_fresh_does_not_touch_a_data_directory_in_use(make_app: MakeApp) -> None:
    app = make_app(COUNTER).start()

    code, errors = run(app.folder, "--fresh")

    assert code == 2
    assert f"is used by process {app.pid}" in errors
    with app.client() as client:
        client.call("my_command", name="x")


def test_another_apps_data_directory_is_refused(make_app: MakeApp) -> None:
    app = make_app(COUNTER).start()
    assert app.end() == 0
    other = app.folder / "other.py"
    other.write_text((app.folder / "app.py").read_text().replace("Root", "Elsewhere"))

    result = flowctl("run", "other.py", cwd=app.folder)

    assert result.returncode == 2
    assert "holds the state of another app (app:Root, not other:Elsewhere)" in result.stderr


def test_a_corrupt_data_directory_is_refused_and_kept(make_app: MakeApp) -> None:
    app = make_app(COUNTER).start()
    assert app.end() == 0
    journal = app.folder / ".flowrpc" / "journal.db"
    journal.write_bytes(b"this is no database" * 1000)

    code, errors = run(app.folder)

    assert code == 2
    assert "journal.db is damaged" in errors
    assert journal.read_bytes().startswith(b"this is no database")


def test_a_file_in_place_of_the_data_directory_is_told(make_app: MakeApp) -> None:
    app = make_app(COUNTER)
    (app.folder / ".flowrpc").write_text("")

    code, errors = run(app.folder)

    assert code == 2
    assert ".flowrpc" in errors


def test_a_read_only_data_directory_is_told(make_app: MakeApp, tmp_path: Path) -> None:
    app = make_app(COUNTER)
    data = tmp_path / "read-only"
    data.mkdir(mode=0o555)
    if os.geteuid() == 0:
        data = Path("/proc/1/no-such-place")  # root may write anywhere but in what is no real file system

    code, errors = run(app.folder, "--data-dir", str(data))

    assert code == 2
    assert str(data) in errors


def test_clashing_commands_are_refused_at_start(make_app: MakeApp) -> None:
    clash = COUNTER.replace(
        'return {"my_command"', 'return [{"x": self.add}, {"x": self.broken}] or {"my_command"'
    )
    code, errors = run(make_app(clash).folder)

    assert code == 2
    assert "the command 'x' is configured twice" in errors


@pytest.mark.parametrize(
    ("arguments", "code", "problem"),
    [
        (["call", "my_comand", "--args", "name=x"], 2, "did you mean 'my_command'"),
        (["call", "my_command"], 2, "the argument 'name' is missing"),
        (["call", "my_command", "--args", "name=x", "--args", "extra=1"], 2, "there is no argument 'extra'"),
        (["call", "my_command", "--args", "name"], 2, "="),
        (["call", "my_command", "--args", "name=NaN"], 0, ""),
        (["call", "finish", "--args", "message=x", "--args", "fail=perhaps"], 0, ""),
        (["call", "broken"], 1, "ValueError: broken on purpose"),
        (["state", "root.nope"], 2, "no component 'root.nope'"),
        (["cancel", "nope"], 2, "no run 'nope'"),
        (["--address", "127.0.0.1:1", "--token-file", ".flowrpc/tokens/admin", "state"], 3, "127.0.0.1:1"),
    ],
)
def test_wrong_calls_are_told(make_app: MakeApp, arguments: list[str], code: int, problem: str) -> None:
    app = make_app(COUNTER).start()

    result = flowctl(*arguments, cwd=app.folder)

    assert (result.returncode, problem in result.stderr) == (code, True), result.stderr
    assert code == 1 or "Traceback" not in result.stderr


def test_without_an_app_flowctl_says_so(tmp_path: Path) -> None:
    result = flowctl("state", cwd=tmp_path)

    assert result.returncode == 3
    assert "flowctl run" in result.stderr
