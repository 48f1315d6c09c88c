"""Names that come from elsewhere: what may become a path here."""

from __future__ import annotations

import os

import pytest
from flowrpc.errors import InvalidValueError
from flowrpc.storage.names import check_path, folder_name
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    "path", ["a", "a/b.txt", "ä/ö", ".hidden", "a..b", "a b", "x" * 255, "~", "-", "a\nb", "\\"]
)
def test_plain_names_are_taken(path: str) -> None:
    assert check_path(path, "here") == path


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("", "is empty"),
        ("/etc/passwd", "is absolute"),
        ("..", "has '..' among"),
        ("a/../../b", "has '..' among"),
        ("a/./b", r"has '\.' among"),
        ("a//b", "has '' among"),
        ("a/", "has '' among"),
        ("a\0b", "has a NUL"),
        ("ä" * 128, "longer than 255 bytes"),
        ("a/" * 600 + "a", "longer than 1024 bytes"),
        ("\ud800", "is no UTF-8"),
    ],
)
def test_what_leads_elsewhere_is_refused(path: str, problem: str) -> None:
    with pytest.raises(InvalidValueError, match=problem) as caught:
        check_path(path, "here")
    assert caught.value.place == "here"
    assert len(str(caught.value)) < 300


@given(st.text(max_size=50))
def test_what_is_taken_stays_below(path: str) -> None:
    try:
        check_path(path, "here")
    except InvalidValueError:
        return
    assert os.path.normpath(f"/base/{path}") == f"/base/{path}"


@given(st.text(max_size=300))
def test_every_text_has_a_folder_of_one_safe_name(text: str) -> None:
    name = folder_name(text.encode("utf-8", "replace").decode())
    assert check_path(name, "name") == name
    assert "/" not in name


@given(st.text(max_size=200), st.text(max_size=200))
def test_two_texts_have_two_folders(one: str, other: str) -> None:
    one, other = (text.encode("utf-8", "replace").decode() for text in (one, other))
    assert (folder_name(one) == folder_name(other)) == (one == other)


def test_names_of_works_stay_readable() -> None:
    assert folder_name("root.workers.0") == "root.workers.0"
