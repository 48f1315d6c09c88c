"""Files that were built once: those that say another thing than the app does now are found."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from flowrpc.contract.building import Built, build
from flowrpc.contract.documents import stale_documents
from flowrpc.flow_service.catalogue import Catalogue
from google.protobuf.descriptor_pb2 import FileDescriptorSet

from tests.contract.offering import offering

ALL = {"app.proto", "value.proto", "descriptor_set.binpb", "openapi.json", "schema.json"}


def built(text: str = "Adds.", before: Built | None = None) -> Built:
    def add(times: int = 1) -> int:
        raise NotImplementedError

    add.__doc__ = text
    root = offering({"add": add})
    return build(root, Catalogue(root).commands(), "shop.v1", before.lock if before else None)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    built().write(tmp_path)
    return tmp_path


def stale(made: Built, folder: Path) -> set[str]:
    return {path.name for path in stale_documents(made, folder)}


def test_what_was_just_built_is_up_to_date(folder: Path) -> None:
    assert stale(built(), folder) == set()


def test_a_docstring_is_in_what_has_docstrings(folder: Path) -> None:
    made = built("Adds more.", built())
    assert not made.stale
    assert stale(made, folder) == {"app.proto", "openapi.json"}


def test_what_is_not_there_is_not_missed(folder: Path) -> None:
    (folder / "openapi.json").unlink()
    assert stale(built("Adds more."), folder) == {"app.proto"}
    assert stale(built("Adds more."), folder / "nothing") == set()


def appended(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\xff")


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def made_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("name", sorted(ALL))
@pytest.mark.parametrize("damage", [appended, emptied, made_a_folder])
def test_what_was_changed_is_found(damage: Callable[[Path], None], name: str, folder: Path) -> None:
    (path,) = folder.rglob(name)
    damage(path)
    assert stale(built(), folder) == {name}


def test_how_it_is_said_is_no_matter(folder: Path) -> None:
    for name in ("openapi.json", "schema.json"):
        content = json.loads((folder / name).read_text())
        (folder / name).write_text(json.dumps(content, sort_keys=True))
    for path in folder.rglob("*.proto"):
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    (folder / "buf.yaml").write_text("version: v2\n")
    # Another protobuf brings other texts of its own files.
    path = folder / "descriptor_set.binpb"
    whole = FileDescriptorSet.FromString(path.read_bytes())
    next(one for one in whole.file if one.name.startswith("google/")).options.go_package = "other"
    path.write_bytes(whole.SerializeToString())
    assert stale(built(), folder) == set()
