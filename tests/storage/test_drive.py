"""Drives: what one work puts, others get."""

from __future__ import annotations

import threading
from pathlib import Path as LocalPath

import pytest
from flowrpc.errors import InvalidValueError, StorageError
from flowrpc.storage import Drive
from flowrpc.storage.depot import Depot
from flowrpc.storage.process import entered

from tests.storage.conftest import MakeExchange


def put(make_exchange: MakeExchange, work: str, files: dict[str, str], drive: Drive) -> None:
    """Lets a work write files and put them on a drive."""
    exchange = make_exchange(work)
    exchange.workspace.prepare()
    with entered(exchange=exchange):
        for name, text in files.items():
            place = drive.root_folder / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text)
            drive.put(name)


def test_files_cross_by_name(make_exchange: MakeExchange, depot: Depot) -> None:
    drive = Drive("lit://shared")

    def exchange_of(work: str) -> MakeExchange:
        return lambda _: make_exchange(work, depot)

    put(exchange_of("root.a"), "root.a", {"x.txt": "1", "sub/ä%.txt": "2"}, drive)
    reader = make_exchange("root.b", depot)
    reader.workspace.prepare()
    with entered(exchange=reader):
        assert drive.list() == drive.list(".") == ["sub/ä%.txt", "x.txt"]
        assert drive.list("sub") == ["sub/ä%.txt"]
        assert drive.list(component_name="root.b") == []
        for name, text in {"x.txt": "1", "sub/ä%.txt": "2"}.items():
            drive.get(name)
            assert (drive.root_folder / name).read_text() == text
        assert Drive("lit://other").list() == []
        with pytest.raises(FileNotFoundError, match=r"root\.b has put no 'x\.txt'"):
            drive.delete("x.txt")
    with entered(exchange=make_exchange("root.a", depot)):
        drive.delete("x.txt")
        assert drive.list() == ["sub/ä%.txt"]


def test_a_file_is_replaced_and_a_folder_only_if_asked(make_exchange: MakeExchange) -> None:
    drive = Drive("lit://shared", root_folder="data")
    put(make_exchange, "root.a", {"f": "1", "d/x": "1"}, drive)
    with entered(exchange=make_exchange("root.a")):
        drive.put("d")
    reader = make_exchange("root.b")
    reader.workspace.prepare()
    with entered(exchange=reader):
        drive.get("f")
        drive.get("d")
        put(make_exchange, "root.a", {"f": "2"}, drive)
    with entered(exchange=reader):
        drive.get("f")
        assert (drive.root_folder / "f").read_text() == "2"
        (drive.root_folder / "d" / "more").write_text("")
        with pytest.raises(FileExistsError, match=r"get\(overwrite=True\) replaces it"):
            drive.get("d")
        drive.get("d", overwrite=True)
        assert [path.name for path in (drive.root_folder / "d").iterdir()] == ["x"]


def test_one_name_has_one_owner_unless_duplicates_are_allowed(make_exchange: MakeExchange) -> None:
    put(make_exchange, "root.a", {"f": "a"}, Drive("lit://one"))
    with pytest.raises(FileExistsError, match=r"root\.a has put a 'f' already"):
        put(make_exchange, "root.b", {"f": "b"}, Drive("lit://one"))
    several = Drive("lit://one", allow_duplicates=True)
    put(make_exchange, "root.b", {"f": "b"}, several)
    with entered(exchange=make_exchange("root.c")):
        make_exchange("root.c").workspace.prepare()
        with pytest.raises(StorageError, match=r"put by several works, root\.a, root\.b; say which"):
            several.get("f")
        several.get("f", component_name="root.b")
        assert (several.root_folder / "f").read_text() == "b"


def test_get_waits_until_the_file_is_there(make_exchange: MakeExchange) -> None:
    drive = Drive("lit://shared")
    exchange = make_exchange("root.b")
    exchange.workspace.prepare()
    with entered(exchange=exchange):
        waiting = threading.Thread(target=lambda: drive.get("f", timeout=50))
        waiting.start()
        place = exchange.workspace.files / "g"
        place.write_text("late")
        drive._shelf(exchange).put("root.a", "f", exchange.depot.publish(place))
        waiting.join(timeout=50)
        assert (drive.root_folder / "f").read_text() == "late"


def test_what_nobody_put_is_told(make_exchange: MakeExchange) -> None:
    drive = Drive("lit://shared")
    with entered(exchange=make_exchange("root.b")):
        with pytest.raises(FileNotFoundError, match=r"'f' was not put there by any work; drive\.list"):
            drive.get("f")
        with pytest.raises(FileNotFoundError, match=r"was not put there by root\.a within 0\.01 s"):
            drive.get("f", component_name="root.a", timeout=0.01)
        with pytest.raises(StorageError, match=r"there is no .* to put"):
            drive.put("f")


@pytest.mark.parametrize("name", ["../f", "/etc/passwd", "a/../../f", "", "a\0"])
def test_names_that_lead_elsewhere_are_refused(make_exchange: MakeExchange, name: str) -> None:
    with entered(exchange=make_exchange("root.a")):
        for act in (Drive("lit://d").put, Drive("lit://d").get, Drive("lit://d").delete):
            with pytest.raises(InvalidValueError):
                act(name)


def test_links_that_lead_elsewhere_are_refused(make_exchange: MakeExchange, tmp_path: LocalPath) -> None:
    drive = Drive("lit://d")
    put(make_exchange, "root.a", {"link/f": "1"}, drive)
    exchange = make_exchange("root.b")
    exchange.workspace.prepare()
    (exchange.workspace.files / "link").symlink_to(tmp_path)
    (exchange.workspace.files / "passwd").symlink_to("/etc/passwd")
    with entered(exchange=exchange):
        with pytest.raises(StorageError, match="leads out of"):
            drive.get("link/f")
        with pytest.raises(StorageError, match="leads out of"):
            drive.put("passwd")
    assert not (tmp_path / "f").exists()


@pytest.mark.parametrize(
    ("id", "problem"),
    [
        ("s3://bucket", r"--storage s3://bucket"),
        ("lit://a/b", "a name without '/'"),
        ("drive", "write lit:// and a name"),
        ("lit://", "no id of a drive"),
    ],
)
def test_an_id_that_is_none_is_refused(id: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        Drive(id)


def test_works_use_drives_and_flows_hold_them(folder_depot: Depot) -> None:
    drive = Drive("lit://d")
    with entered(depot=folder_depot):
        for act in (drive.list, lambda: drive.put("f"), lambda: drive.get("f"), lambda: drive.delete("f")):
            with pytest.raises(RuntimeError, match="is called in a flow; works put and get files"):
                act()
    assert (drive.id, drive.allow_duplicates, repr(drive)) == ("lit://d", False, "Drive('lit://d')")


def test_an_absolute_folder_is_no_state(make_exchange: MakeExchange, tmp_path: LocalPath) -> None:
    drive = Drive("lit://d", root_folder=tmp_path)
    (tmp_path / "f").write_text("1")
    with entered(exchange=make_exchange("root.a")):
        drive.put(tmp_path / "f")
        assert drive.list() == ["f"]
    with pytest.raises(InvalidValueError, match="is absolute"):
        drive.extension_content()


def test_a_name_may_look_like_the_key_of_another(make_exchange: MakeExchange, depot: Depot) -> None:
    drive = Drive("lit://shared")
    put(lambda work: make_exchange(work, depot), "root.a", {"a": "1", "a.json/b": "2"}, drive)
    with entered(exchange=make_exchange("root.a", depot)):
        assert drive.list() == ["a", "a.json/b"]
