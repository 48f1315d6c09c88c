"""The folder of a client: what is replaced, what stays, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from flowrpc.clients.folder import RECORD, write
from flowrpc.clients.package import Package
from flowrpc.errors import ContractError


def package(*code: str, text: str = "1", **seeds: str) -> Package:
    return Package(
        code={name: text.encode() for name in code},
        seeds={name.replace("_", "."): content.encode() for name, content in seeds.items()},
        next_step="",
    )


def texts(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != RECORD)
    return {str(path.relative_to(folder)): path.read_text() for path in files}


def test_a_second_run_replaces_what_the_first_made(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "out"
    assert write(package("a/b/old.go", "new.go"), out, "go") == [out / "a/b/old.go", out / "new.go"]
    (out / "new.go").write_text("edited")
    write(package("new.go", text="2"), out, "go")
    assert texts(out) == {"new.go": "2"}
    assert not (out / "a").exists()


def test_what_others_have_there_stays(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "mine.go").write_text("mine")
    write(package("a/old.go"), tmp_path, "go")
    write(package("new.go"), tmp_path, "go")
    assert texts(tmp_path) == {"a/mine.go": "mine", "new.go": "1"}


def test_a_seed_is_its_owners_once_it_is_there(tmp_path: Path) -> None:
    write(package("new.go", go_mod="first"), tmp_path, "go")
    (tmp_path / "go.mod").write_text("mine")
    assert write(package("new.go", go_mod="second"), tmp_path, "go") == [tmp_path / "new.go"]
    assert texts(tmp_path)["go.mod"] == "mine"
    write(package(), tmp_path, "go")
    assert texts(tmp_path) == {"go.mod": "mine"}


@pytest.mark.parametrize("kind", ["file", "folder", "dangling link"])
def test_a_foreign_file_in_the_way_is_refused_and_nothing_written(tmp_path: Path, kind: str) -> None:
    place = tmp_path / "b.go"
    if kind == "file":
        place.write_text("mine")
    elif kind == "folder":
        place.mkdir()
    else:
        place.symlink_to(tmp_path / "nowhere")
    with pytest.raises(ContractError, match=r"b\.go: is there and was not made by flowctl"):
        write(package("a.go", "b.go", go_mod="seed"), tmp_path, "go")
    assert [path.name for path in tmp_path.iterdir()] == ["b.go"]


def test_the_client_of_another_language_is_refused(tmp_path: Path) -> None:
    write(package("a.go"), tmp_path, "go")
    with pytest.raises(ContractError, match="has the client for go; choose another --out for rust"):
        write(package("a.rs"), tmp_path, "rust")
    assert texts(tmp_path) == {"a.go": "1"}


@pytest.mark.parametrize("record", ["", "[]", "{}", '{"language": "go", "files": 1}'])
def test_a_record_that_is_none_is_refused(tmp_path: Path, record: str) -> None:
    (tmp_path / RECORD).write_text(record)
    with pytest.raises(ContractError, match="is no record of a client"):
        write(package("a.go"), tmp_path, "go")


def test_a_record_removes_nothing_outside_its_folder(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (tmp_path / "mine").write_text("mine")
    files = ["../mine", str(tmp_path / "mine"), "a/../../mine", "", "."]
    (out / RECORD).write_text(json.dumps({"language": "go", "files": files}))
    write(package("a.go"), out, "go")
    assert texts(tmp_path) == {"mine": "mine", "out/a.go": "1"}


def test_a_folder_that_cannot_be_one_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ContractError, match=r"cannot be written: (Not a directory|File exists)"):
        write(package("a.go"), tmp_path / "file" / "out", "go")


def test_what_cannot_be_written_leaves_the_old_client(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(package("a.go", "b.go"), tmp_path, "go")

    def full(path: Path, content: bytes) -> int:
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(ContractError, match="No space left on device"):
        write(package("a.go", text="2"), tmp_path, "go")
    assert texts(tmp_path) == {"a.go": "1", "b.go": "1"}


def test_who_is_interrupted_can_begin_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(package("old.go"), tmp_path, "go")
    with monkeypatch.context() as patch:
        moves: list[str] = []
        move = Path.replace

        def stop(self: Path, target: Path) -> Path:
            moves.append(target.name)
            if target.name == "b.go":
                raise KeyboardInterrupt
            return move(self, target)

        patch.setattr(Path, "replace", stop)
        with pytest.raises(KeyboardInterrupt):
            write(package("a.go", "b.go"), tmp_path, "go")
        assert moves == [RECORD, "a.go", "b.go"]
    write(package("a.go", "b.go", text="2"), tmp_path, "go")
    assert texts(tmp_path) == {"a.go": "2", "b.go": "2"}
