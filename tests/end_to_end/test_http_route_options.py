"""What FastAPI offers a route beside its path: options, dependencies, and what sets the answer's headers."""

from __future__ import annotations

import httpx

from tests.end_to_end.conftest import MakeApp, RunningApp
from tests.end_to_end.http_client import http

APP = """
from pathlib import Path
from typing import Annotated

from fastapi import BackgroundTasks, Cookie, Depends, Form, Header, HTTPException, Query, Response
from fastapi.responses import HTMLResponse
from pydantic import BaseModel

from flowrpc import Get, Post


class Item(BaseModel):
    name: str
    price: float | None = None


def known(response: Response, key: str = ""):
    response.headers["x-key"] = key
    if key == "broken":
        raise ValueError("a secret of a dependency")
    if key != "good":
        raise HTTPException(403, "no such key")
    return key.upper()


class Asked:
    async def __call__(self, x: int = 1):
        return {"x": x}


def blocks():
    (Path(__file__).parent / "blocks").touch()
    while not (Path(__file__).parent / "go-on").exists():
        time.sleep(0.01)


def lines():
    yield "a"
    yield "b"


def wrong_model() -> Item:
    return {"price": "a secret price"}


class Root(LightningFlow):
    def __init__(self):
        self.calls = 0

    def run(self):
        pass

    def key(self, key: Annotated[str, Depends(known)]):
        self.calls += 1
        return key

    def item(self) -> Item:
        return Item(name="tea")

    def page(self):
        return "<p>hello"

    def made(self):
        return HTMLResponse("<p>made", 203)

    def alias(
        self,
        limit: Annotated[int, Query(ge=1, le=5, alias="max")] = 1,
        x_own: Annotated[str, Header()] = "",
        seen: Annotated[str, Cookie()] = "",
    ):
        return [limit, x_own, seen]

    def set_headers(self, response: Annotated[Response, "FastAPI's"], status: int):
        response.status_code = status
        response.set_cookie("seen", "yes")
        return {"status": status}

    def later(self, tasks: BackgroundTasks):
        tasks.add_task((Path(__file__).parent / "later").touch)

    def many(self):
        for number in range(3):
            self.calls += 1
            yield number

    def form(self, name: Annotated[str, Form()]):
        return name

    def more(self, first: int, **rest):
        return first

    def configure_api(self):
        return [
            Get("/key", self.key),
            Get("/keyed", self.page, dependencies=[Depends(known)], response_class=HTMLResponse),
            Get(
                "/item",
                self.item,
                response_model_exclude_none=True,
                deprecated=True,
                operation_id="readItem",
                tags=["things"],
                responses={404: {"description": "no such thing"}},
            ),
            Get("/made", self.made),
            Get("/hidden", self.page, include_in_schema=False),
            Get("/alias", self.alias),
            Post("/headers", self.set_headers),
            Post("/later", self.later),
            Post("/many", self.many),
            Post("/form", self.form),
            Get("/asked", Asked()),
            Get("/blocks", blocks, timeout=0.2),
            Get("/lines", lines),
            Get("/wrong", wrong_model),
        ]


app = LightningApp(Root())
"""


def test_options_and_dependencies_are_fastapis(make_app: MakeApp) -> None:
    app = make_app(APP).start()
    with http(app) as client:
        check_options(client)
        check_dependencies(client)
        check_what_sets_the_answer(client, app)
        check_free_functions(client, app)


def check_options(client: httpx.Client) -> None:
    assert client.get("/item").json() == {"name": "tea"}
    made = client.get("/made")
    assert (made.status_code, made.text, made.headers["content-type"]) == (
        203,
        "<p>made",
        "text/html; charset=utf-8",
    )
    sent = client.get("/alias", params={"max": 5}, headers={"x-own": "7", "cookie": "seen=yes"})
    assert sent.json() == [5, "7", "yes"]
    assert client.get("/alias?max=6").json()["detail"][0]["loc"] == ["query", "max"]
    assert client.post("/form", data={"name": "ann"}).json() == "ann"
    schema = client.get("/openapi.json").json()
    assert schema["openapi"].startswith("3.1.")
    assert "/hidden" not in schema["paths"]
    item = schema["paths"]["/item"]["get"]
    assert (item["deprecated"], item["operationId"], item["tags"]) == (True, "readItem", ["things"])
    assert item["responses"]["404"] == {"description": "no such thing"}
    assert "flowrpc_response" not in str(schema)


def check_dependencies(client: httpx.Client) -> None:
    answer = client.get("/key", params={"key": "good"})
    assert (answer.json(), answer.headers["x-key"]) == ("GOOD", "good")
    for path in ("/key", "/keyed"):
        assert client.get(path).json() == {"detail": "no such key"}
        broken = client.get(path, params={"key": "broken"})
        assert broken.status_code == 500
        assert "secret" not in broken.text
    page = client.get("/keyed", params={"key": "good"})
    assert (page.text, page.headers["x-key"]) == ("<p>hello", "good")
    assert page.headers["content-type"].startswith("text/html")


def check_what_sets_the_answer(client: httpx.Client, app: RunningApp) -> None:
    answer = client.post("/headers", params={"status": 202})
    assert (answer.status_code, answer.json()) == (202, {"status": 202})
    assert answer.headers["set-cookie"].startswith("seen=yes")
    empty = client.post("/headers", params={"status": 204})
    assert (empty.status_code, empty.content) == (204, b"")
    assert empty.headers["set-cookie"].startswith("seen=yes")
    assert client.post("/later").status_code == 200
    while not (app.folder / "later").exists():
        pass
    assert client.post("/many").json() == [0, 1, 2]


def check_free_functions(client: httpx.Client, app: RunningApp) -> None:
    assert client.get("/asked?x=3").json() == {"x": 3}
    late = client.get("/blocks")
    assert late.status_code == 504, "a thread goes on; who asked is told in time all the same"
    (app.folder / "go-on").touch()
    assert client.get("/lines").status_code == 200
    wrong = client.get("/wrong")
    assert wrong.status_code == 500
    assert "secret" not in wrong.text
    assert f"error {wrong.json()['metadata']['error_id']}: GET /wrong raised" in app.stderr()
