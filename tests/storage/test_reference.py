"""References: what was written is read again, and nothing else is."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flowrpc.errors import InvalidValueError
from flowrpc.state import copy_value, same
from flowrpc.state.extension import extension_of
from flowrpc.storage import Drive, Path, Payload
from flowrpc.storage.reference import Content, Kind, Reference, read_reference, write_reference
from flowrpc.wire.values import decode_value, encode_value
from hypothesis import given
from hypothesis import strategies as st

DIGEST = "ab" * 32
FILE: dict[str, Any] = {"path": "a/b", "origin": "root.w", "digest": DIGEST, "size": 3, "kind": "file"}

names = st.text(
    st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=20
).filter(lambda name: name not in (".", ".."))
paths = st.lists(names, min_size=1, max_size=4).map("/".join)
contents = st.builds(
    Content,
    digest=st.text("0123456789abcdef", min_size=64, max_size=64),
    size=st.integers(0, 2**63 - 1),
    kind=st.sampled_from(Kind),
)
references = st.builds(
    Reference, path=paths, origin=st.text(max_size=30).filter(bool), content=st.none() | contents
)


@given(references)
def test_a_reference_survives_state_and_wire(reference: Reference) -> None:
    written = write_reference(reference)
    assert read_reference(json.loads(json.dumps(written))) == reference
    path = Path.referring(reference)
    if "\ud800" <= max(reference.origin) <= "\udfff":
        return
    came = decode_value(encode_value(copy_value(path, "here")), "there")
    assert isinstance(came, Path)
    assert same(came, path)
    assert came.reference == reference


@given(contents, st.booleans(), st.none() | paths)
def test_payloads_and_drives_survive_the_wire(content: Content, several: bool, root: str | None) -> None:
    payload: dict[str, Any] = {"digest": content.digest, "size": content.size, "kind": "file"}
    drive: dict[str, Any] = {"id": "lit://d", "allow_duplicates": several} | (
        {"root_folder": root} if root else {}
    )
    kinds: list[tuple[type[Payload | Drive], dict[str, Any]]] = [(Payload, payload), (Drive, drive)]
    for kind, value in kinds:
        made = kind.from_content(value)
        came = decode_value(encode_value(made), "there")
        assert type(came) is kind
        assert same(came, made)
        assert made.extension_content() == value


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"path": "../x"}, "path: "),
        ({"path": "/x"}, "path: "),
        ({"path": "a\0"}, "path: "),
        ({"path": 3}, "path.path: is no text"),
        ({"path": "x" * 9999}, "path.path: is no text of at most 4096"),
        ({"digest": "AB" * 32}, "path.digest: "),
        ({"digest": "../../../etc/passwd"}, "path.digest: "),
        ({"digest": None}, "path.digest: "),
        ({"size": -1}, "path.size: "),
        ({"size": True}, "path.size: "),
        ({"size": 2**63}, "path.size: "),
        ({"kind": "link"}, "path.kind: "),
        ({"origin": "x" * 2000}, "path.origin: "),
        ({"mode": 1}, "has 'mode', which this version does not know"),
    ],
)
def test_what_is_no_reference_is_refused(change: dict[str, Any], problem: str) -> None:
    with pytest.raises(InvalidValueError, match=problem):
        extension_of("path", FILE | change)


@pytest.mark.parametrize(
    "content", [None, 1, "x", [], {}, {"path": "x", "digest": DIGEST}, {"digest": DIGEST}]
)
def test_what_is_not_whole_is_refused(content: Any) -> None:
    with pytest.raises(InvalidValueError):
        extension_of("path", content)


@pytest.mark.parametrize(
    "content",
    [
        {"id": "lit://../x", "allow_duplicates": False},
        {"id": "lit://a/b", "allow_duplicates": False},
        {"id": "lit://", "allow_duplicates": False},
        {"id": "lit://..", "allow_duplicates": False},
        {"id": "s3://bucket", "allow_duplicates": False},
        {"id": "lit://a", "allow_duplicates": False, "root_folder": "/etc"},
        {"id": "lit://a", "allow_duplicates": False, "root_folder": "../x"},
        {"id": 1, "allow_duplicates": False},
        {"id": "lit://a"},
    ],
)
def test_what_is_no_drive_is_refused(content: Any) -> None:
    with pytest.raises(InvalidValueError):
        extension_of("drive", content)


@pytest.mark.parametrize("change", [{"kind": "folder"}, {"digest": "x"}, {"value": "x"}])
def test_what_is_no_payload_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(InvalidValueError):
        extension_of("payload", {"digest": DIGEST, "size": 1, "kind": "file", **change})
