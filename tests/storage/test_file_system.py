"""The files that all works of an app share: what one work puts, others list, get and remove."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path as LocalPath

import pytest
from flowrpc.errors import InvalidValueError, StorageError
from flowrpc.state import copy_value
from flowrpc.storage import Drive, FileSystem
from flowrpc.storage.cabinet import Cabinet, entry_key, folder_key, path_of
from flowrpc.storage.depot import Depot
from flowrpc.storage.names import shared_path
from flowrpc.storage.process import entered
from flowrpc.storage.reference import Content
from flowrpc.storage.sweep import sweep
from hypothesis import given
from hypothesis import strategies as st

from tests.storage.conftest import MakeExchange
from tests.storage.test_sweep import LATER

fs = FileSystem()


@pytest.fixture
def inside(make_exchange: MakeExchange, depot: Depot) -> Iterator[None]:
    """This process is a work's, with a storage of each kind."""
    with entered(exchange=make_exchange("root.a", depot)):
        yield


@pytest.fixture
def in_folder(make_exchange: MakeExchange) -> Iterator[None]:
    """This process is a work's, with a folder as storage."""
    with entered(exchange=make_exchange("root.a")):
        yield


@pytest.fixture
def here(tmp_path: LocalPath) -> LocalPath:
    """A folder of this host with files in it."""
    folder = tmp_path / "here"
    (folder / "run" / "deep").mkdir(parents=True)
    (folder / "a.txt").write_text("a")
    (folder / "run" / "b ä%.txt").write_text("b")
    (folder / "run" / "deep" / ".c").write_bytes(b"c" * 300_000)
    return folder


def acts(here: LocalPath) -> list[Callable[[str], object]]:
    """Everything that is done with a path."""
    return [
        *(fs.listdir, fs.walk, fs.rm, fs.exists, fs.isfile, fs.isdir),
        lambda path: fs.put(here, path),
        lambda path: fs.get(path, here / "x"),
    ]


def names_in(folder: LocalPath) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.usefixtures("inside")
def test_what_is_put_is_listed_got_and_removed(here: LocalPath, tmp_path: LocalPath) -> None:
    assert (fs.listdir("/"), fs.walk("/"), fs.isdir("/"), fs.exists("/")) == ([], [], True, True)
    fs.put(here / "a.txt", "/")
    fs.put(str(here / "run"), "/runs/1/")
    assert fs.listdir("/") == ["a.txt", "runs"]
    assert fs.listdir("/runs") == ["runs/1"]
    assert fs.listdir("/runs/1") == ["runs/1/b ä%.txt", "runs/1/deep"]
    assert fs.walk("/") == ["a.txt", "runs/1/b ä%.txt", "runs/1/deep/.c"]
    assert fs.walk("/runs/1/deep/") == ["runs/1/deep/.c"]
    assert fs.listdir("/a.txt") == fs.walk("/a.txt") == ["a.txt"]
    assert [fs.isfile(path) for path in ("/a.txt", "/runs", "/", "/x")] == [True, False, False, False]
    assert [fs.isdir(path) for path in ("/a.txt", "/runs", "/runs/1", "/x")] == [False, True, True, False]
    assert [fs.exists(path) for path in ("/a.txt", "/runs", "/run", "/runs/1/x")] == [
        True,
        True,
        False,
        False,
    ]
    fs.get("/a.txt", tmp_path / "new" / "copy.txt")
    assert (tmp_path / "new" / "copy.txt").read_text() == "a"
    fs.get("/runs/1", tmp_path / "copy")
    assert (tmp_path / "copy" / "deep" / ".c").read_bytes() == b"c" * 300_000
    assert sorted(path.name for path in (tmp_path / "copy").iterdir()) == ["b ä%.txt", "deep"]
    fs.get("/", tmp_path / "all")
    assert (tmp_path / "all" / "runs" / "1" / "b ä%.txt").read_text() == "b"
    fs.rm("/runs/1/deep")
    assert fs.walk("/") == ["a.txt", "runs/1/b ä%.txt"]
    fs.rm("/a.txt")
    fs.rm("/runs")
    assert (fs.listdir("/"), fs.isdir("/runs")) == ([], False)


@pytest.mark.usefixtures("inside")
def test_who_puts_last_wins_and_other_files_stay(
    here: LocalPath, tmp_path: LocalPath, make_exchange: MakeExchange, depot: Depot
) -> None:
    fs.put(here / "run", "/run")
    with entered(exchange=make_exchange("root.b", depot)):
        (tmp_path / "other").mkdir()
        (tmp_path / "other" / "b ä%.txt").write_text("later")
        fs.put(tmp_path / "other", "/run")
    assert fs.walk("/run") == ["run/b ä%.txt", "run/deep/.c"]
    fs.get("/run/b ä%.txt", tmp_path / "got")
    assert (tmp_path / "got").read_text() == "later"


@pytest.mark.usefixtures("in_folder")
def test_getting_replaces_only_files_of_the_same_path(here: LocalPath, tmp_path: LocalPath) -> None:
    fs.put(here, "/data")
    target = tmp_path / "target"
    target.mkdir()
    (target / "mine").write_text("mine")
    (target / "a.txt").write_text("old")
    with pytest.raises(FileExistsError, match="overwrite=True"):
        fs.get("/data", target, overwrite=False)
    with pytest.raises(FileExistsError, match="overwrite=True"):
        fs.get("/data/a.txt", target / "a.txt", overwrite=False)
    assert (target / "a.txt").read_text() == "old"
    fs.get("/data", target)
    assert ((target / "a.txt").read_text(), (target / "mine").read_text()) == ("a", "mine")
    assert names_in(target) == ["a.txt", "mine", "run"], "no part of a file is left"


@pytest.mark.usefixtures("in_folder")
def test_local_names_are_those_that_open_takes(
    here: LocalPath, tmp_path: LocalPath, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(here)
    fs.put("a.txt", "/")
    fs.put(".", "/")
    fs.get("/a.txt", "b.txt")
    assert (here / "b.txt").read_text() == "a"
    assert fs.listdir("/") == ["a.txt", "here"]
    (tmp_path / "link").symlink_to(here / "a.txt")
    fs.put(tmp_path / "link", "/")
    assert fs.isfile("/link")


@pytest.mark.usefixtures("inside")
def test_a_path_is_never_file_and_folder(here: LocalPath) -> None:
    fs.put(here / "a.txt", "/x")
    fs.put(here / "run", "/run")
    for source, path in ((here / "a.txt", "/x/y"), (here / "run", "/x"), (here / "a.txt", "/x/y/z")):
        with pytest.raises(NotADirectoryError, match="/x is a file, so nothing is put below it; rm it first"):
            fs.put(source, path)
    for path in ("/run", "/run/", "/run/deep"):
        with pytest.raises(IsADirectoryError, match="is a folder; name the file in it"):
            fs.put(here / "a.txt", path)
    (here / "deep").write_text("a file")
    (here / "up").mkdir()
    (here / "deep").rename(here / "up" / "deep")
    with pytest.raises(IsADirectoryError, match="/run/deep is a folder"):
        fs.put(here / "up", "/run")
    assert fs.walk("/") == ["run/b ä%.txt", "run/deep/.c", "x"]


@pytest.mark.usefixtures("inside")
def test_no_name_of_a_file_is_in_the_way_of_a_folder(here: LocalPath) -> None:
    names = ["a", "a.json/b", "a=json/b", "a=json=json", "parts", "objects", "flowrpc.json", "drives"]
    for name in names:
        fs.put(here / "a.txt", f"/{name}")
    assert fs.walk("/") == sorted(names)
    assert Drive("lit://files").list() == []


@pytest.mark.usefixtures("in_folder")
def test_what_is_not_there_is_told(tmp_path: LocalPath) -> None:
    for act in (fs.listdir, fs.walk, fs.rm, lambda path: fs.get(path, tmp_path / "x")):
        with pytest.raises(FileNotFoundError, match=r"nobody has put a '/no/such' there; walk\('/'\)"):
            act("/no/such")
    with pytest.raises(FileNotFoundError, match=r"there is no .*nothing to put"):
        fs.put(tmp_path / "nothing", "/x")
    assert not (tmp_path / "x").exists()


@pytest.mark.usefixtures("in_folder")
def test_what_cannot_be_put_is_told(tmp_path: LocalPath) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(StorageError, match="neither a file nor a folder"):
        fs.put(tmp_path / "pipe", "/x")
    (tmp_path / "empty" / "folder").mkdir(parents=True)
    with pytest.raises(StorageError, match="has no files in it"):
        fs.put(tmp_path / "empty", "/x")
    (tmp_path / "empty" / "out").symlink_to("/etc/passwd")
    with pytest.raises(StorageError, match="leads out of its folder"):
        fs.put(tmp_path / "empty", "/x")
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="too long for the storage"):
        fs.put(tmp_path / "file", f"/{'ä' * 100}")
    with pytest.raises(InvalidValueError, match=r"FileSystem\.put: src_path.* is empty"):
        fs.put("/", "/")
    assert fs.walk("/") == []


@pytest.mark.usefixtures("in_folder")
def test_nothing_is_written_where_a_link_or_a_folder_leads(here: LocalPath, tmp_path: LocalPath) -> None:
    fs.put(here / "run", "/run")
    (tmp_path / "out").mkdir()
    (tmp_path / "target").mkdir()
    (tmp_path / "target" / "deep").symlink_to(tmp_path / "out")
    with pytest.raises(StorageError, match=r"leads out of .* by a link"):
        fs.get("/run", tmp_path / "target")
    assert list((tmp_path / "out").iterdir()) == []
    with pytest.raises(IsADirectoryError, match="is a folder on this host; name the file in it"):
        fs.get("/run/deep/.c", tmp_path / "out")
    with pytest.raises(StorageError, match=r"a\.txt cannot be made: "):
        fs.get("/run", here / "a.txt")


@pytest.mark.usefixtures("in_folder")
def test_a_damaged_content_leaves_what_is_here(
    here: LocalPath, tmp_path: LocalPath, folder_depot: Depot
) -> None:
    fs.put(here / "a.txt", "/a")
    (place,) = (tmp_path / "storage" / "journal" / "objects").rglob("*/*")
    place.write_text("?")
    (tmp_path / "target").mkdir()
    (tmp_path / "target" / "a").write_text("old")
    with pytest.raises(StorageError, match="is damaged"):
        fs.get("/a", tmp_path / "target" / "a")
    assert [(path.name, path.read_text()) for path in (tmp_path / "target").iterdir()] == [("a", "old")]
    (tmp_path / "storage" / "journal" / entry_key("a")).write_text("{")
    with pytest.raises(StorageError, match="is damaged"):
        fs.get("/a", tmp_path / "target" / "a")


@pytest.mark.usefixtures("in_folder")
def test_a_reader_finds_whole_files_only(here: LocalPath, tmp_path: LocalPath) -> None:
    for text in ("a", "b"):
        (tmp_path / text).write_text(text * 300_000)
    fs.put(tmp_path / "a", "/f")

    def write() -> None:
        for n in range(30):
            fs.put(tmp_path / "ba"[n % 2], "/f")

    writing = threading.Thread(target=write)
    writing.start()
    seen = set()
    while writing.is_alive():
        fs.get("/f", tmp_path / "copy")
        seen.add((tmp_path / "copy").read_text())
    writing.join()
    assert seen <= {"a" * 300_000, "b" * 300_000}


@pytest.mark.usefixtures("in_folder")
def test_a_file_that_is_removed_meanwhile_is_left_out(
    here: LocalPath, tmp_path: LocalPath, monkeypatch: pytest.MonkeyPatch
) -> None:
    fs.put(here, "/")
    content = Cabinet.content

    def removed_first(self: Cabinet, path: str) -> Content:
        if path == "here/a.txt":
            self.remove(path)
        return content(self, path)

    monkeypatch.setattr(Cabinet, "content", removed_first)
    fs.get("/here", tmp_path / "copy")
    assert names_in(tmp_path / "copy") == ["run"]


@pytest.mark.usefixtures("in_folder")
def test_a_sweep_keeps_what_is_there_and_takes_what_was_removed(here: LocalPath, folder_depot: Depot) -> None:
    fs.put(here, "/")
    assert sweep(folder_depot, [], now=LATER) == 0
    fs.rm("/here/run")
    assert sweep(folder_depot, [], now=LATER) == 2
    fs.get("/here/a.txt", here / "copy")
    assert (here / "copy").read_text() == "a"


@pytest.mark.usefixtures("in_folder")
def test_the_root_is_not_removed(here: LocalPath) -> None:
    fs.put(here, "/")
    with pytest.raises(ValueError, match="would remove all files; name what to remove"):
        fs.rm("/")
    assert len(fs.walk("/")) == 3


def test_only_works_use_it(folder_depot: Depot, make_exchange: MakeExchange) -> None:
    for act in acts(LocalPath("x")):
        with (
            entered(depot=folder_depot),
            pytest.raises(RuntimeError, match=r"FileSystem\.\w+\(\) is called in a flow"),
        ):
            act("/x")
        with pytest.raises(RuntimeError, match="in no work that an app runs; works use the shared files"):
            act("/x")
    with (
        entered(exchange=make_exchange("root.a", Depot(folder_depot.url, "another"))),
        pytest.raises(StorageError, match="is not the one that the flow uses"),
    ):
        fs.walk("/")


def test_it_is_no_state() -> None:
    assert repr(fs) == "FileSystem()"
    with pytest.raises(InvalidValueError, match="FileSystem"):
        copy_value([fs], "root.files")


@pytest.mark.usefixtures("in_folder")
@pytest.mark.parametrize(
    "path", ["a", "", "../x", "/..", "/a/../../b", "//", "/a//b", "/./a", "/a\0", "lit://a"]
)
def test_paths_that_lead_elsewhere_are_refused(path: str, here: LocalPath) -> None:
    for act in acts(here):
        with pytest.raises(InvalidValueError, match=r"^FileSystem\.\w+: (src_|dst_)?path"):
            act(path)


def test_bytes_are_no_path() -> None:
    with pytest.raises(InvalidValueError, match="is no text"):
        shared_path(b"/a", "here")  # type: ignore[arg-type]


TEXTS = st.text(max_size=30) | st.text(alphabet="/.a=%\0 ä~json", max_size=30)


@given(TEXTS)
def test_every_path_is_refused_or_below_the_root(text: str) -> None:
    try:
        path = shared_path(text, "here")
    except InvalidValueError:
        return
    assert text.startswith("/")
    assert os.path.normpath(f"/base/{path}") == (f"/base/{path}" if path else "/base")
    assert folder_key(path).startswith("files")
    assert os.path.normpath(f"/base/{folder_key(path)}") == f"/base/{folder_key(path)}"


PATHS = st.lists(st.text(alphabet="/.a=%ä~json", min_size=1, max_size=8), max_size=6)


@given(PATHS)
def test_no_two_files_meet_in_the_storage(texts: list[str]) -> None:
    """Keys lead back to their paths, and no file's key is the folder of another's."""
    paths = set()
    for text in texts:
        try:
            paths.add(shared_path(f"/{text}", "here"))
        except InvalidValueError:
            continue
    keys = {entry_key(path): path for path in paths - {""}}
    assert {path_of(key.removeprefix("files/")) for key in keys} == set(keys.values()) == paths - {""}
    assert [(a, b) for a in keys for b in keys if b.startswith(f"{a}/")] == []
