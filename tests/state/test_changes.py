"""Paths as readers see them."""

import pytest
from flowrpc.state import Path, format_path


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (("names",), "names"),
        (("names", 3, "k"), 'names[3]["k"]'),
        (("names", 'a"b', "\u00e9"), 'names["a\\"b"]["\u00e9"]'),
        ((), ""),
    ],
)
def test_a_path_is_written_as_python_would(path: Path, text: str) -> None:
    assert format_path(path) == text
