"""The sweep: what nothing refers to goes after its grace, and nothing else."""

from __future__ import annotations

import io
import os
import time
from pathlib import Path as LocalPath

import pytest
from flowrpc.errors import StorageError
from flowrpc.state.extension import Extension
from flowrpc.storage import Drive
from flowrpc.storage.depot import GRACE_SECONDS, Depot, object_key
from flowrpc.storage.exchange import contents_in
from flowrpc.storage.folder import PARTS
from flowrpc.storage.process import entered
from flowrpc.storage.reference import Content, Reference, write_reference
from flowrpc.storage.sweep import sweep

from tests.storage.conftest import MakeExchange
from tests.storage.test_depot import a_file, a_folder

LATER = time.time() + 2 * GRACE_SECONDS


def refer(content: Content) -> list[tuple[str, bool]]:
    return list(
        contents_in({"x": [Extension("path", write_reference(Reference(path="p", content=content)))]})
    )


def age(depot: Depot, digest: str, seconds: float) -> None:
    place = LocalPath(depot.url.removeprefix("file://")) / depot.key(object_key(digest))
    os.utime(place, (time.time() - seconds,) * 2)


def test_what_nothing_refers_to_goes_when_it_is_old(depot: Depot, tmp_path: LocalPath) -> None:
    kept, folder, gone = (
        depot.publish(a_file(tmp_path, b"kept")),
        depot.publish(a_folder(tmp_path)),
        depot.publish(a_file(tmp_path, b"gone")),
    )
    referred = refer(kept) + refer(folder)
    before = {digest for digest, _ in depot.objects()}
    assert sweep(depot, referred) == 0, "it is young"
    assert sweep(depot, referred, now=LATER) == 1
    assert {digest for digest, _ in depot.objects()} == before - {gone.digest}
    depot.fetch(folder, tmp_path / "copy")
    depot.check()


def test_what_is_on_a_drive_stays(make_exchange: MakeExchange, folder_depot: Depot) -> None:
    exchange = make_exchange("root.a")
    exchange.workspace.prepare()
    with entered(exchange=exchange):
        a_folder(exchange.workspace.files)
        Drive("lit://d").put("folder")
        assert sweep(folder_depot, [], now=LATER) == 0
        Drive("lit://d").delete("folder")
    assert sweep(folder_depot, [], now=LATER) > 0
    assert list(folder_depot.objects()) == []


def test_what_is_published_again_is_young_again(folder_depot: Depot, tmp_path: LocalPath) -> None:
    content = folder_depot.publish(a_file(tmp_path))
    age(folder_depot, content.digest, 2 * GRACE_SECONDS)
    folder_depot.publish(a_file(tmp_path))
    assert sweep(folder_depot, []) == 0
    age(folder_depot, content.digest, 2 * GRACE_SECONDS)
    assert sweep(folder_depot, []) == 1


def test_what_is_published_while_it_is_taken_away_stays(folder_depot: Depot, tmp_path: LocalPath) -> None:
    content = folder_depot.publish(a_file(tmp_path))
    key = folder_depot.key(object_key(content.digest))
    old = time.time() - GRACE_SECONDS
    assert not folder_depot.backend.remove_old(key, old), "between look and removal it was published again"
    assert folder_depot.holds(content)


def test_what_cannot_be_read_stops_the_sweep(folder_depot: Depot, tmp_path: LocalPath) -> None:
    folder = folder_depot.publish(a_folder(tmp_path))
    folder_depot.backend.put(io.BytesIO(b"damaged"), folder_depot.key(object_key(folder.digest)))
    before = [digest for digest, _ in folder_depot.objects()]
    with pytest.raises(StorageError, match="is damaged"):
        sweep(folder_depot, refer(folder), now=LATER)
    assert [digest for digest, _ in folder_depot.objects()] == before


def test_other_apps_keep_theirs(folder_depot: Depot, tmp_path: LocalPath) -> None:
    other = Depot(folder_depot.url, "other")
    content = other.publish(a_file(tmp_path))
    sweep(folder_depot, [], now=LATER)
    assert other.holds(content)


def test_what_was_cut_short_goes_too(depot: Depot) -> None:
    depot.backend.put(io.BytesIO(b"x"), f"{PARTS}/cut-short")
    sweep(depot, [])
    assert depot.backend.find(f"{PARTS}/cut-short") is not None
    sweep(depot, [], now=LATER)
    assert depot.backend.find(f"{PARTS}/cut-short") is None
