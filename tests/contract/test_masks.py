"""Field masks: what is wanted, by the names of protobuf."""

from __future__ import annotations

from typing import Any

import pytest
from flowrpc.contract.masks import mask_of
from flowrpc.contract.reading import Unreadable

from tests.contract.offering import Shop, contract_of

STATE: dict[str, Any] = {
    "count": 1,
    "names": ["x"],
    "job": {"progress": 0.5, "best": None},
    "team": {"size": 2},
}


@pytest.mark.parametrize(
    ("paths", "wanted"),
    [
        ([], STATE),
        (["count"], {"count": 1}),
        (["job.progress", "count"], {"job": {"progress": 0.5}, "count": 1}),
        (["job"], {"job": STATE["job"]}),
        (["job", "job.progress"], {"job": STATE["job"]}),
        (["job.progress", "job"], {"job": STATE["job"]}),
        (["when"], {}),
    ],
)
def test_a_mask_leaves_what_it_names(paths: list[str], wanted: dict[str, Any]) -> None:
    assert mask_of(paths, "ShopState", contract_of(Shop())).of(STATE) == wanted


@pytest.mark.parametrize("path", ["nothing", "count.x", "job.nothing", ""])
def test_a_path_that_is_none_is_refused(path: str) -> None:
    with pytest.raises(Unreadable) as caught:
        mask_of([path], "ShopState", contract_of(Shop()))
    assert caught.value.problems == (("field_mask", f"names {path!r}, which ShopState does not have"),)
