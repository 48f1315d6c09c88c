from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flowrpc.component import LightningWork, Retry


class Job(LightningWork):
    def run(self) -> None:
        """Does nothing."""


@pytest.mark.parametrize(
    ("option", "value", "error", "message"),
    [
        ("port", "80", TypeError, r"^Job: port='80' is no int; choose 1 to 65535"),
        ("port", True, TypeError, r"^Job: port=True is no int"),
        ("port", 65536, ValueError, r"^Job: port=65536 is none; choose 1 to 65535"),
        ("port", -1, ValueError, r"^Job: port=-1 is none"),
        ("host", 5, TypeError, r"^Job: host=5 is no text; write an address"),
        ("retry", 3, TypeError, r"^Job: retry=3 is no Retry; write Retry\(attempts=3\)"),
        ("timeout", 60, TypeError, r"^Job: timeout=60 is no timedelta; write timedelta\(seconds=60\)"),
        ("timeout", timedelta(0), ValueError, r"^Job: timeout=.* leaves no time"),
        ("timeout", timedelta(-1), ValueError, r"^Job: timeout=.* is negative"),
        ("orphan_grace", None, TypeError, r"^Job: orphan_grace=None is no timedelta"),
        ("orphan_grace", timedelta(-1), ValueError, r"^Job: orphan_grace=.* is negative"),
    ],
)
def test_an_option_that_cannot_be_meant_is_refused_where_it_is_written(
    option: str, value: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        Job(**{option: value})


@pytest.mark.parametrize(
    "options",
    [
        {"port": 1, "host": "::1"},
        {"port": 65535},
        {"timeout": timedelta(microseconds=1), "orphan_grace": timedelta(0)},
        {"retry": Retry(attempts=1, delay=timedelta(0))},
    ],
)
def test_options_at_the_edge_are_taken(options: dict[str, Any]) -> None:
    assert Job(**options).state["vars"] == {}


@pytest.mark.parametrize("facts", [{"delay": 5}, {"longest": 5.0}, {"attempts": "3"}, {"attempts": True}])
def test_a_policy_of_other_types_is_refused(facts: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match=rf"^Retry: {next(iter(facts))}=.* is no (timedelta|int)"):
        Retry(**facts)
