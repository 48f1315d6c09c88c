"""The source of the module that defines a class: read when the class is made, and judged before clients get it."""

from __future__ import annotations

import importlib
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flowrpc import ClientCommand
from flowrpc.component.module_source import MAX_SOURCE_BYTES, ModuleSource, check_source, read_source
from flowrpc.errors import ComponentError

CLASS = b"from flowrpc import ClientCommand\nclass Command(ClientCommand):\n    def run(self): pass\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder to import modules from, which are forgotten afterwards."""
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]


def load(folder: Path, content: bytes, name: str = "commanding") -> Any:
    (folder / f"{name}.py").write_bytes(content)
    importlib.invalidate_caches()
    return importlib.import_module(name)


def test_the_source_is_that_of_the_file_when_the_class_was_made(folder: Path) -> None:
    command = load(folder, CLASS).Command
    (folder / "commanding.py").write_text("something = 'else'\n")

    assert check_source(command, command._source) == ModuleSource(file_name="commanding.py", content=CLASS)


def test_a_module_in_an_archive_has_a_source(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with zipfile.ZipFile(folder / "apps.zip", "w") as archive:
        archive.writestr("archived.py", CLASS)
    monkeypatch.syspath_prepend(folder / "apps.zip")

    assert importlib.import_module("archived").Command._source == ModuleSource(
        file_name="archived.py", content=CLASS
    )


def test_the_source_does_not_show_where_it_is_printed() -> None:
    assert "run" not in repr(ModuleSource(file_name="a.py", content=CLASS))


@pytest.mark.parametrize(
    "source",
    [
        CLASS,
        b"\xef\xbb\xbf" + CLASS,
        b"# coding: utf-8\n" + CLASS,
        b"if True:\n    class Command: pass\n",
        b"try:\n    import numpy\nexcept ImportError:\n    class Command: pass\n",
        b"match 1:\n    case 1:\n        class Command: pass\n",
        b"".join(b"if 0: pass\n" + b"elif 0: pass\n" * 500 for _ in "a") + b"class Command: pass\n",
    ],
)
def test_a_class_statement_is_found(source: bytes) -> None:
    class Command:
        pass

    Command.__qualname__ = "Command"

    check_source(Command, ModuleSource(file_name="app.py", content=source))


def test_a_class_in_a_class_is_found() -> None:
    source = ModuleSource(file_name="app.py", content=b"class Root:\n    class Command: pass\n")

    class Command:
        pass

    Command.__qualname__ = "Root.Command"
    check_source(Command, source)
    Command.__qualname__ = "Other.Command"
    with pytest.raises(ComponentError, match=r"has no source: app\.py has no such `class` statement"):
        check_source(Command, source)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"def make():\n    class Command: pass\n", "has no source: app.py has no such `class` statement"),
        (b"Command = type('Command', (), {})\n", "has no source: app.py has no such `class` statement"),
        (b"# class Command: pass\n", "has no source: app.py has no such `class` statement"),
        (
            b"#" * (MAX_SOURCE_BYTES + 1),
            "is in a module that is too long to send, 1,048,577 of at most 1,048,576",
        ),
        (b"# coding: latin-1\n" + CLASS, "is in a file that declares iso-8859-1; save app.py as UTF-8"),
        # What is a comment to a reader would be code to Python.
        (
            b"# coding: raw_unicode_escape\n#\\u000aprint(1)\n" + CLASS,
            "is in a file that declares raw_unicode_escape",
        ),
        (b"# \xff\n" + CLASS, "is in a file that cannot be read, app.py: "),
        (b"# coding: nonsense\n" + CLASS, "is in a file that cannot be read, app.py: "),
        (b"class Command\n", "is in a file that cannot be read, app.py: "),
        (b"class Command: pass\n\x00", "is in a file that cannot be read, app.py: "),
    ],
)
def test_a_source_that_clients_could_not_use_is_refused(content: bytes, said: str) -> None:
    class Command:
        pass

    Command.__qualname__ = "Command"
    with pytest.raises(ComponentError) as caught:
        check_source(Command, ModuleSource(file_name="app.py", content=content))

    assert str(caught.value).startswith(said)


def test_a_class_of_a_function_is_refused() -> None:
    class Command(ClientCommand):
        pass

    with pytest.raises(ComponentError, match="is nested in a function; define it at the top of a module"):
        check_source(Command, Command._source)


@pytest.mark.parametrize("module", ["__repl__", "builtins", "nowhere"])
def test_a_class_of_exec_has_no_source(module: str) -> None:
    names: dict[str, Any] = {"__name__": module, "ClientCommand": ClientCommand}
    exec("class Command(ClientCommand): pass", names)

    assert names["Command"]._source is None
    with pytest.raises(
        ComponentError, match="has no source, as classes of a REPL or of exec; define it in a file"
    ):
        check_source(names["Command"], None)


def test_a_file_that_is_gone_is_no_source(folder: Path) -> None:
    module = load(folder, b"")
    Path(module.__file__).unlink()

    exec("class Command: pass", module.__dict__)

    assert read_source(module.Command) is None
