"""Values in short."""

from __future__ import annotations

from typing import Any, cast

import pytest
from flowrpc.gateway.previews import preview
from flowrpc.state import Value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (2**80 + 1, str(2**80 + 1)),
        (1.0, "1.0"),
        ("ü\n<b>", '"ü\\n<b>"'),
        ([], "[]"),
        ([1, [2.5, "x"]], '[1, [2.5, "x"]]'),
        ({"a": {"b": []}, "ü": 1}, '{"a": {"b": []}, "ü": 1}'),
    ],
)
def test_a_short_value_is_its_json(value: Any, text: str) -> None:
    assert preview(value) == (text, False)


def test_a_value_is_cut_where_there_is_no_more_room() -> None:
    assert preview("abcdef", 4) == ('"abc', True)
    assert preview([1, 22, 333], 6) == ("[1, 22", True)
    assert preview([1, 22], 7) == ("[1, 22]", False)


class Counted(list[int]):
    """Counts the items that are looked at."""

    seen = 0

    def __iter__(self) -> Any:
        for item in super().__iter__():
            self.seen += 1
            yield item


def test_no_more_of_a_large_value_is_looked_at_than_is_shown() -> None:
    value = Counted(range(100_000))
    text, cut = preview(cast("Value", value), 20)
    assert cut
    assert len(text) == 20
    assert value.seen < 30
    assert preview({"k" * 100_000: "v" * 100_000}, 20) == ('{"' + "k" * 18, True)
