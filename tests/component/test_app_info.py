"""What an app says about itself, and what it is not let say."""

from __future__ import annotations

from typing import Any

import pytest
from flowrpc.component import AppInfo, CloudCompute, LightningApp
from flowrpc.errors import ComponentError
from flowrpc.testing import EmptyFlow


def test_an_app_has_a_title_and_a_description() -> None:
    app = LightningApp(EmptyFlow(), info=AppInfo(title="Shop", description="Sells *tea*."))

    assert (app.info.title, app.info.description) == ("Shop", "Sells *tea*.")
    assert LightningApp(EmptyFlow()).info == AppInfo()


@pytest.mark.parametrize("name", ["favicon", "image", "meta_tags", "on_connect_end"])
def test_what_nothing_shows_is_refused_by_name(name: str) -> None:
    given: Any = {name: ["<meta>"] if name == "meta_tags" else ""}
    with pytest.raises(ComponentError, match=rf"AppInfo\({name}=…\): only title and description are shown"):
        AppInfo(**given)


def test_what_nothing_heeds_is_refused_by_name() -> None:
    with pytest.raises(
        ComponentError, match=r"LightningApp\(root_path='/shop'\): an app is served at the root"
    ):
        LightningApp(EmptyFlow(), root_path="/shop")
    with pytest.raises(ComponentError, match=r"LightningApp\(flow_cloud_compute=…\): the flow runs where"):
        LightningApp(EmptyFlow(), flow_cloud_compute=CloudCompute("cpu-small"))
    assert LightningApp(EmptyFlow(), root_path="", flow_cloud_compute=None).info == AppInfo()
