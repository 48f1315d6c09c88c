"""Values of named types: kept whole, compared exactly, built by their class where it is known."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flowrpc.errors import InvalidValueError
from flowrpc.state import Extension, canonical_key, copy_value, same, track, untrack
from flowrpc.state.extension import extension_json, extension_of

from tests.state.owner_double import OwnerDouble


class Celsius(Extension, type_name="test_celsius"):
    def __init__(self, degrees: float) -> None:
        self._degrees = degrees

    @classmethod
    def from_content(cls, content: Any) -> Celsius:
        if not isinstance(content, float):
            raise InvalidValueError("celsius", "is no float")
        return cls(content)

    def extension_content(self) -> float:
        return self._degrees


def test_an_extension_is_a_value_and_stays_what_it_is() -> None:
    warm = Celsius(20.5)
    for value in (warm, [warm], {"k": [warm]}):
        copy = copy_value(value, "here")
        assert same(copy, value)
        assert same(untrack(track(copy, None, "var")), value)
    assert copy_value(warm, "here") is warm


def test_its_class_builds_it_where_it_is_known() -> None:
    built = extension_of("test_celsius", 20.5)
    assert type(built) is Celsius
    assert built == Celsius(20.5)
    unknown = extension_of("never_heard_of", {"a": [1]})
    assert type(unknown) is Extension
    assert (unknown.extension_type(), unknown.extension_content()) == ("never_heard_of", {"a": [1]})


def test_what_its_class_refuses_is_refused() -> None:
    with pytest.raises(InvalidValueError, match="is no float"):
        extension_of("test_celsius", "warm")


@pytest.mark.parametrize("name", ["", "Path", "1a", "a-b", "a.b", "a" * 64, "ä"])
def test_a_name_of_a_type_is_plain(name: str) -> None:
    with pytest.raises(InvalidValueError, match="no name of a type"):
        Extension(name, None)


def test_extensions_are_the_same_by_type_and_exact_content() -> None:
    one = Extension("a", 1)
    assert same(one, Extension("a", 1))
    assert not same(one, Extension("a", 1.0))
    assert not same(one, Extension("b", 1))
    assert not same(one, 1)
    assert one == Extension("a", 1)
    assert hash(one) == hash(Extension("a", 1.0))
    assert one != 1


def test_call_keys_tell_extensions_from_their_contents_and_each_other() -> None:
    arguments: list[Any] = [1, Extension("a", 1), Extension("b", 1), Extension("a", 2), ["a", 1]]
    assert len({canonical_key([argument], {}) for argument in arguments}) == len(arguments)


@pytest.mark.parametrize(
    ("content", "place"),
    [(b"raw", "root.x['a']"), ([1, float("nan")], "root.x['a'][1]")],
    ids=["bytes", "NaN"],
)
def test_the_content_is_checked_like_any_value(content: Any, place: str) -> None:
    with pytest.raises(InvalidValueError) as caught:
        copy_value(Extension("a", content), "root.x")
    assert caught.value.place == place


def test_extensions_nest_no_deeper_than_containers() -> None:
    value: Any = 1
    for _ in range(31):
        value = Extension("a", value)
    with pytest.raises(InvalidValueError, match="nest deeper"):
        copy_value(value, "here")


def test_a_var_holds_one_and_a_list_too() -> None:
    owner = OwnerDouble(where=Celsius(1.0), all=[Celsius(2.0)])
    owner.all.append(Celsius(3.0))
    assert [celsius.extension_content() for celsius in owner.all] == [2.0, 3.0]
    assert owner.where == Celsius(1.0)


def test_json_marks_it() -> None:
    text = json.dumps({"at": Extension("a", [1])}, default=extension_json)
    assert json.loads(text) == {"at": {"$flowrpc": "a", "value": [1]}}
    with pytest.raises(TypeError, match="bytes"):
        json.dumps(b"", default=extension_json)


def test_it_shows_what_it_is() -> None:
    assert repr(Extension("a", 1)) == "Extension('a', 1)"
