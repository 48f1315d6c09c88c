"""Path as a path: what pathlib does, where the file is, and what it is in a flow."""

from __future__ import annotations

import copy
import pathlib
import pickle
from typing import Any

import pytest
from flowrpc.component import LightningFlow, LightningWork
from flowrpc.errors import InvalidValueError
from flowrpc.state import canonical_key
from flowrpc.storage import Path
from flowrpc.storage.depot import Depot
from flowrpc.storage.process import entered
from flowrpc.storage.reference import Content, Reference

from tests.storage.conftest import MakeExchange


def test_in_a_work_it_is_below_the_folder_of_the_work(make_exchange: MakeExchange) -> None:
    exchange = make_exchange("root.a")
    exchange.workspace.prepare()
    with entered(exchange=exchange):
        for path in (
            Path("a", "b"),
            Path("a") / "b",
            Path("lit://a/b"),
            Path(pathlib.Path("a"), "b"),
            Path("a/c").with_name("b"),
        ):
            assert pathlib.Path(path) == exchange.workspace.files / "a" / "b"
            assert path.extension_content()["path"] == "a/b"  # type: ignore[index, call-overload]
            assert type(path) is Path
        path.parent.mkdir()
        path.write_text("x")
        with open(path, "a") as file:  # noqa: PTH123 - as libraries do it
            file.write("y")
        assert path.read_text() == pathlib.Path(str(path)).read_text() == "xy"
        assert [type(found) for found in path.parent.iterdir()] == [Path]
        assert [str(found) for found in path.parent.glob("*")] == [str(path)]
        assert type(path.resolve()) is Path
        moved = path.rename(path.with_suffix(".txt"))
        assert (moved.name, path.exists(), moved.exists()) == ("b.txt", False, True)
        assert str(moved.relative_to(exchange.workspace.files)) == "a/b.txt"
        assert str(Path("/etc/passwd")) == "/etc/passwd"


def test_elsewhere_it_is_what_it_says() -> None:
    assert str(Path("a", "b")) == str(Path("lit://a") / "b") == "a/b"
    assert Path("a") == pathlib.Path("a")
    assert hash(Path("a")) == hash(pathlib.Path("a"))
    assert str(Path()) == "."
    assert isinstance(Path("a"), pathlib.Path)


def published(path: str = "m", digest: str = "0" * 64) -> Path:
    return Path.referring(Reference(path=path, origin="root.a", content=Content(digest=digest, size=1)))


@pytest.mark.parametrize(
    "duplicate", [copy.copy, copy.deepcopy, lambda path: pickle.loads(pickle.dumps(path))]
)
def test_copies_keep_the_reference(duplicate: Any) -> None:
    for path in (published(), Path("a/b")):
        same = duplicate(path)
        assert (type(same), same, same.reference) == (Path, path, path.reference)


def test_what_is_made_of_a_reference_is_none() -> None:
    assert published().published
    assert not published().with_suffix(".txt").published
    assert not (published() / "x").published


def test_a_flow_holds_references_and_asks_the_storage(folder_depot: Depot, tmp_path: pathlib.Path) -> None:
    (tmp_path / "file").write_text("1")
    kept = folder_depot.publish(tmp_path / "file")
    with entered(depot=folder_depot):
        here = Path.referring(Reference(path="m", origin="root.a", content=kept))
        assert here.exists()
        assert not published().exists()
        assert not Path(str(tmp_path / "file")).exists(), "a flow sees no files, only what was published"
        with pytest.raises(RuntimeError, match=r"m: path\.get\(\) is called in a flow; hand it to a work"):
            here.get()
        with pytest.raises(RuntimeError, match=r"m: path\.publish\(\) is called in a flow"):
            here.publish()
        with pytest.raises(RuntimeError, match="a flow cannot look into a folder"):
            here / "x"


def test_outside_of_an_app_nothing_is_handed_over() -> None:
    for call in (published().get, published().publish):
        with pytest.raises(RuntimeError, match="is called in no work that an app runs"):
            call()


class Work(LightningWork):
    def __init__(self) -> None:
        self.model: Any = Path("model.pt")
        self.text: Any = "lit://data"
        self.all: Any = [Path("x"), {"k": Path("y")}]

    def run(self) -> None:
        pass


class Root(LightningFlow):
    def __init__(self) -> None:
        self.work = Work()
        self.out: Any = Path("out")
        self.text: Any = "lit://a"
        self.late: Any = ""


def test_paths_of_a_work_know_it_and_those_of_a_flow_are_nobodys() -> None:
    root = Root()
    paths = [root.work.model, root.work.text, root.work.all[0], root.work.all[1]["k"]]
    assert {path.origin for path in paths} == {"root.work"}
    assert [str(path) for path in paths] == ["model.pt", "data", "x", "y"]
    assert (root.out.origin, root.text.origin) == ("", "")
    root.work.model = Path("other")
    assert root.work.model.origin == "root.work"


def test_a_text_with_the_scheme_becomes_a_path_wherever_it_is_assigned() -> None:
    root = Root()
    root.late = "lit://late/file"
    assert (type(root.late), str(root.late)) == (Path, "late/file")
    root.late = "lit:/no"
    assert root.late == "lit:/no"
    with pytest.raises(InvalidValueError, match=r"root\.late"):
        root.late = "lit://../up"


@pytest.mark.parametrize("path", ["/abs", "../up", ".", "a\0b", "a/../../b"])
def test_a_path_that_leads_elsewhere_is_no_state(path: str) -> None:
    root = Root()
    with pytest.raises(InvalidValueError, match=r"root\.out"):
        root.out = Path(path)


def test_equal_references_are_equal_arguments() -> None:
    keys = {
        canonical_key([path], {})
        for path in (published(), published(), published(digest="1" * 64), published("n"), Path("m"))
    }
    assert len(keys) == 4
