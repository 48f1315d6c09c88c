from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from flowrpc.component.app_file import load_app
from flowrpc.errors import AppLoadError

APP = """
from flowrpc.component import LightningApp, LightningFlow

class Root(LightningFlow):
    def __init__(self):
        self.count = 0

    def run(self):
        self.count += 1

app = LightningApp(Root())
"""


@pytest.fixture(autouse=True)
def _clean_imports(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Takes back what loading an app does to the interpreter."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        del sys.modules[name]


def _write(folder: Path, text: str, name: str = "some_app.py") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def _refusal(path: Path) -> str:
    with pytest.raises(AppLoadError) as caught:
        load_app(path)
    return str(caught.value)


def test_an_app_is_loaded_as_the_module_of_its_name(tmp_path: Path) -> None:
    app = load_app(_write(tmp_path, APP))
    assert type(app.root).__module__ == "some_app"
    assert sys.path[0] == str(tmp_path.resolve())
    assert importlib.import_module("some_app").app is app


def test_the_folder_of_the_app_comes_first_and_once(tmp_path: Path) -> None:
    sys.path.append(str(tmp_path.resolve()))
    load_app(_write(tmp_path, APP))
    assert sys.path[0] == str(tmp_path.resolve())
    assert sys.path.count(sys.path[0]) == 1


def test_an_app_file_may_be_loaded_again(tmp_path: Path) -> None:
    path = _write(tmp_path, APP)
    assert load_app(path) is not load_app(path)


def test_neighbour_modules_are_imported(tmp_path: Path) -> None:
    _write(tmp_path, APP, "some_neighbour.py")
    app = load_app(_write(tmp_path, "from some_neighbour import app as mine"))
    assert type(app.root).__module__ == "some_neighbour"


def test_the_same_app_under_two_names_is_one(tmp_path: Path) -> None:
    app = load_app(_write(tmp_path, APP + "main = app\n"))
    assert app.root.count == 0  # type: ignore[attr-defined]


def test_a_missing_file_or_a_folder_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "nope.py", tmp_path):
        assert _refusal(path).startswith(f"{path.resolve()}: no such file; name the Python file")


@pytest.mark.parametrize("name", ["app.txt", "my-app.py", "1app.py", "app"])
def test_what_is_no_module_is_refused(tmp_path: Path, name: str) -> None:
    assert "an app file is a Python module, named like app.py" in _refusal(_write(tmp_path, APP, name))


def test_a_syntax_error_is_told_with_its_line(tmp_path: Path) -> None:
    message = _refusal(_write(tmp_path, "x = 1\ndef run(:\n    pass\n"))
    assert 'some_app.py", line 2' in message
    assert message.endswith("SyntaxError: invalid syntax")
    assert "Traceback" not in message
    assert "some_app" not in sys.modules


def test_an_error_at_import_shows_the_users_frames_only(tmp_path: Path) -> None:
    _write(tmp_path, "def fail():\n    return 1 / 0\n", "some_neighbour.py")
    message = _refusal(_write(tmp_path, "import some_neighbour\nsome_neighbour.fail()\n"))
    assert message.splitlines()[0] == f"{tmp_path.resolve()}/some_app.py does not run:"
    assert [
        line.split('"')[1].rpartition("/")[2] for line in message.splitlines() if line.startswith("  File")
    ] == [
        "some_app.py",
        "some_neighbour.py",
    ]
    assert message.endswith("ZeroDivisionError: division by zero")


def test_an_error_of_ours_is_shown_at_the_line_of_the_user(tmp_path: Path) -> None:
    text = APP.replace("self.count = 0", "self.count = {1}")
    message = _refusal(_write(tmp_path, text))
    files = {line.split('"')[1] for line in message.splitlines() if line.startswith("  File")}
    assert files == {f"{tmp_path.resolve()}/some_app.py"}
    assert "self.count = {1}" in message
    assert "root.count: set is not a type that state can hold" in message


def test_the_cause_of_an_error_is_shown_too(tmp_path: Path) -> None:
    text = "try:\n    {}['x']\nexcept KeyError as error:\n    raise ValueError('mine') from error\n"
    message = _refusal(_write(tmp_path, text))
    assert message.index("KeyError: 'x'") < message.index("direct cause") < message.index("ValueError: mine")


def test_an_app_file_that_exits_is_refused(tmp_path: Path) -> None:
    message = _refusal(_write(tmp_path, "import sys\nsys.exit(3)\n"))
    assert message.endswith("SystemExit: 3")


def test_an_interrupt_is_passed_on(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        load_app(_write(tmp_path, "raise KeyboardInterrupt\n"))
    assert "some_app" not in sys.modules


def test_an_app_file_that_removes_itself_and_fails_is_refused(tmp_path: Path) -> None:
    assert _refusal(_write(tmp_path, "import sys\ndel sys.modules[__name__]\n1 / 0\n")).endswith(
        "division by zero"
    )


def test_a_file_without_app_is_refused(tmp_path: Path) -> None:
    text = APP.replace("app = LightningApp", "app = lambda: LightningApp")
    assert "holds no LightningApp; end it with `app = LightningApp(YourRootFlow())`" in _refusal(
        _write(tmp_path, text)
    )


def test_a_file_with_two_apps_is_refused(tmp_path: Path) -> None:
    text = APP + "other = LightningApp(Root())\n"
    assert "holds several apps (app, other); keep one LightningApp per file" in _refusal(
        _write(tmp_path, text)
    )


@pytest.mark.parametrize("name", ["queue.py", "time.py", "pytest.py"])
def test_a_name_in_use_is_refused_and_the_module_stays(tmp_path: Path, name: str) -> None:
    module = importlib.import_module(name[:-3])
    message = _refusal(_write(tmp_path, APP, name))
    assert f"a module named {name[:-3]!r} is in use already; give the app file another name" in message
    assert sys.modules[name[:-3]] is module
