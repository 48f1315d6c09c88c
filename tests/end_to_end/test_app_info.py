"""What an app says about itself heads its HTTP documentation."""

from __future__ import annotations

import pytest

from tests.end_to_end.conftest import MakeApp
from tests.end_to_end.http_client import http

pytestmark = pytest.mark.slow

APP = """
from flowrpc import AppInfo


class Root(LightningFlow):
    def run(self):
        pass


app = LightningApp(Root(){info})
"""


@pytest.mark.parametrize(
    ("info", "title", "description"),
    [
        ("", "shop", None),
        (', info=AppInfo(title="A tea shop", description="Sells *tea*.")', "A tea shop", "Sells *tea*."),
    ],
    ids=["nothing", "title and description"],
)
def test_openapi_and_docs_are_headed_by_it(
    make_app: MakeApp, info: str, title: str, description: str | None
) -> None:
    app = make_app(APP.replace("{info}", info)).start()
    with http(app) as client:
        told = client.get("/openapi.json").json()["info"]
        page = client.get("/docs").text

    assert (told["title"], told.get("description")) == (title, description)
    assert f"<title>{title} - Swagger UI</title>" in page
