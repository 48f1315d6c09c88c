"""Routes of `configure_api`, served by real apps over real sockets."""

from __future__ import annotations

import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from flowrpc_client import FlowClient

from tests.end_to_end.conftest import FLOWCTL, MakeApp, RunningApp
from tests.end_to_end.http_client import address, events, http, stranger

SHOP = """
import asyncio
import threading
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from fastapi import HTTPException, Request
from pydantic import BaseModel

from flowrpc import Delete, Get, Patch, Post, Put


class Person(BaseModel):
    name: str
    age: int = 3


class Public(BaseModel):
    name: str


@dataclass
class Bill:
    total: float
    due: date


class Till(LightningFlow):
    def __init__(self):
        self.sum = 0

    def pay(self, amount: int):
        self.sum += amount
        return self.sum

    def configure_api(self):
        return [Patch(f"/tills/{self.name}", self.pay)]


class Nap(LightningWork):
    def run(self, name):
        self.name_seen = name

    def __init__(self):
        super().__init__(parallel=True)
        self.name_seen = ""


async def hello(name: str = "you"):
    await asyncio.sleep(0)
    return {"hello": name}


def thread_name():
    return threading.current_thread().name


async def forever():
    await asyncio.Event().wait()


def broken():
    raise ValueError("a secret of a free function")


class Shop(LightningFlow):
    def __init__(self):
        self.people = []
        self.tills = List()
        self.nap = Nap()

    def run(self):
        pass

    def add(self, person: Person) -> None:
        \"\"\"Adds somebody.\"\"\"
        self.people.append(person.model_dump())

    def everybody(self, limit: int = 10):
        return self.people[:limit]

    def one(self, number: int) -> Public:
        if number >= len(self.people):
            self.people.append({"name": "nobody"})
            raise HTTPException(404, "there is no such person", headers={"X-Why": "number"})
        return self.people[number]

    def bill(self) -> Bill:
        return Bill(1.5, date(2026, 3, 1))

    def odd(self):
        self.people.append("odd")
        return {"path": float("nan")}

    def fail_inside(self):
        self.people.append("failed")
        raise ValueError("a secret")

    def remove(self, number: int):
        del self.people[number]

    def open_till(self):
        self.tills.append(Till())
        return len(self.tills)

    def work(self, name: str):
        self.nap.run(name)

    def slow(self):
        (Path(__file__).parent / "started").touch()
        while not (Path(__file__).parent / "go-on").exists():
            time.sleep(0.005)
        self.people.append({"name": "slow"})

    def note(self, name: str):
        self.people.append({"name": name})

    def who(self, request: Request):
        return [request.method, request.url.path, request.headers["x-own"]]

    def end(self):
        self.stop("by a route")

    def configure_api(self):
        return [
            Post("/people", self.add, status_code=201, summary="Add somebody to the shop"),
            Get("/people", self.everybody),
            Get("/people/{number}", self.one),
            Get("/bill", self.bill),
            Get("/odd", self.odd),
            Get("/fail", self.fail_inside),
            Delete("/people/{number}", self.remove, status_code=204),
            Put("/tills", self.open_till),
            Post("/jobs/{name}", self.work),
            Post("/slow", self.slow, timeout=0.5),
            Post("/note/{name}", self.note, timeout=0.5),
            Post("/patient/{name}", self.note),
            Get("/who", self.who),
            Post("/end", self.end),
            Get("/hello", hello, public=True),
            Get("/thread", thread_name),
            Get("/forever", forever, timeout=0.2),
            Get("/broken", broken),
        ]


app = LightningApp(Shop())
"""


@pytest.fixture
def shop(make_app: MakeApp) -> RunningApp:
    return make_app(SHOP).start()


def people(app: RunningApp) -> list[object]:
    with app.client() as client:
        found: list[object] = client.state()["vars"]["people"]
        return found


def test_methods_take_models_paths_and_queries_and_return_json(shop: RunningApp) -> None:
    with http(shop) as client:
        added = client.post("/people", json={"name": "ann"})
        assert (added.status_code, added.json()) == (201, None)
        assert people(shop) == [{"name": "ann", "age": 3}]
        assert client.get("/people", params={"limit": 1}).json() == [{"name": "ann", "age": 3}]
        assert client.get("/people/0").json() == {"name": "ann"}, "the model of the annotation chooses fields"
        assert client.get("/bill").json() == {"total": 1.5, "due": "2026-03-01"}
        assert client.get("/who", headers={"x-own": "7"}).json() == ["GET", "/who", "7"]
        removed = client.delete("/people/0")
        assert (removed.status_code, removed.content) == (204, b"")
    assert people(shop) == []


BAD_INPUT: list[tuple[str, str, str, list[str | int]]] = [
    ("POST", "/people", '{"age": 4}', ["body", "name"]),
    ("POST", "/people", '{"name": "x", "age": "old"}', ["body", "age"]),
    ("POST", "/people", "{", ["body", 1]),
    ("GET", "/people?limit=x", "", ["query", "limit"]),
    ("GET", "/people/x", "", ["path", "number"]),
]


def test_bad_input_is_refused_with_its_place(shop: RunningApp) -> None:
    with http(shop) as client:
        for method, path, body, place in BAD_INPUT:
            answer = client.request(method, path, content=body, headers={"content-type": "application/json"})
            assert answer.status_code == 422, path
            assert answer.json()["detail"][0]["loc"] == place
    assert people(shop) == []


def test_what_raises_is_undone_and_told_to_nobody_but_the_log(shop: RunningApp) -> None:
    with http(shop) as client:
        missing = client.get("/people/7")
        assert (missing.status_code, missing.json()) == (404, {"detail": "there is no such person"})
        assert missing.headers["x-why"] == "number"
        for path, secret in (
            ("/fail", "a secret"),
            ("/broken", "a secret of a free function"),
            ("/odd", "odd"),
        ):
            answer = client.get(path)
            assert answer.status_code == 500
            assert secret not in answer.text
            error_id = answer.json()["metadata"]["error_id"]
            assert f"error {error_id}: GET {path} raised" in shop.stderr()
    assert people(shop) == []
    assert "ValueError: a secret" in shop.stderr()


def test_free_functions_run_beside_the_flow(shop: RunningApp) -> None:
    with http(shop) as client:
        assert client.get("/hello", params={"name": "ann"}).json() == {"hello": "ann"}
        assert "flowrpc-engine" not in client.get("/thread").json()
        late = client.get("/forever")
    assert late.status_code == 504
    assert late.json()["detail"] == "GET /forever was not answered within 0.2 s"


def test_a_route_asks_for_a_run_of_a_work(shop: RunningApp) -> None:
    with http(shop) as client, shop.client() as grpc_client, grpc_client.replica() as replica:
        assert client.post("/jobs/ann").status_code == 200
        replica.wait_for(lambda replica: replica.vars("root.nap")["name_seen"] == "ann", timeout=60)


def test_flows_that_come_bring_their_routes(shop: RunningApp) -> None:
    with http(shop) as client:
        assert client.patch("/tills/root.tills.0", params={"amount": 3}).status_code == 404
        assert client.put("/tills").json() == 1
        # The answer and the new routes leave with the same revision, in this order.
        assert client.patch("/tills/root.tills.0", params={"amount": 3}).json() == 3
        assert "/tills/root.tills.0" in client.get("/openapi.json").json()["paths"]
        assert shop.end() == 0
        shop.start()
    with http(shop) as client:
        assert client.patch("/tills/root.tills.0", params={"amount": 3}).json() == 6


def test_a_call_that_is_late_is_told_so_and_one_that_waited_too_long_never_starts(shop: RunningApp) -> None:
    with http(shop) as client, ThreadPoolExecutor() as pool:
        slow = pool.submit(client.post, "/slow")
        while not (shop.folder / "started").exists():
            pass
        queued = pool.submit(client.post, "/note/queued")
        patient = pool.submit(client.post, "/patient/patient")
        assert slow.result().status_code == 504
        assert queued.result().status_code == 504
        (shop.folder / "go-on").touch()
        assert patient.result().status_code == 200

    assert people(shop) == [{"name": "slow"}, {"name": "patient"}], "what had begun is done"


def test_what_is_answered_survives_kill_9(shop: RunningApp) -> None:
    with http(shop) as client:
        for number in range(5):
            assert client.post("/people", json={"name": str(number)}).status_code == 201
    shop.kill()
    before = address_of_last_life(shop)
    shop.start()

    assert [person["name"] for person in people(shop)] == list("01234")  # type: ignore[index]
    assert address(shop) == before, "bookmarks stay good"


def address_of_last_life(app: RunningApp) -> str:
    return "http://" + (app.folder / ".flowrpc" / "http-address").read_text().strip()


def test_a_route_may_end_the_app_while_streams_are_open(shop: RunningApp) -> None:
    with http(shop) as client, client.stream("GET", "/api/v1/watch") as stream:
        coming = events(stream)
        assert next(coming).kind == "snapshot"
        answer = client.post("/end")
        assert (answer.status_code, answer.json()) == (200, None)
        assert [event.kind for event in coming][-1] == "end"
        assert shop.wait() == 0
    assert "Traceback" not in shop.stderr()


def test_docs_show_the_routes_without_internet(shop: RunningApp) -> None:
    with http(shop) as client:
        page = client.get("/docs")
        assert page.status_code == 200
        assert "://" not in page.text.replace("http://www.w3.org", "")
        for asset in ("/docs/assets/swagger-ui-bundle.js", "/docs/assets/swagger-ui.css"):
            assert asset in page.text
            assert client.get(asset).status_code == 200
        schema = client.get("/openapi.json").json()
    operation = schema["paths"]["/people"]["post"]
    assert operation["summary"] == "Add somebody to the shop"
    assert operation["description"] == "Adds somebody."
    assert operation["tags"] == ["root"]
    assert schema["components"]["schemas"]["Person"]["required"] == ["name"]


def test_the_seed_runs_as_printed(make_app: MakeApp) -> None:
    app = make_app(
        """
        from flowrpc import Post
        from pydantic import BaseModel

        class HandlerModel(BaseModel):
            name: str

        class Flow(LightningFlow):
            def __init__(self):
                self.names = []

            def run(self):
                pass

            def handler(self, config: HandlerModel) -> None:
                self.names.append(config.name)

            def configure_api(self):
                return [Post("/v1/api/request", self.handler)]

        app = LightningApp(Flow())
        """
    ).start()
    with http(app) as client:
        assert client.post("/v1/api/request", json={"name": "ann"}).status_code == 200
    with app.client() as grpc_client:
        assert grpc_client.state()["vars"]["names"] == ["ann"]


@pytest.mark.parametrize(
    ("routes", "problem"),
    [
        ("[Get('/a', self.act, colour='red')]", "the route GET /a of root cannot be served: TypeError"),
        ("[Get('/a', self.untyped)]", "the route GET /a of root cannot be served: "),
    ],
)
def test_routes_that_cannot_be_served_are_refused_at_the_start(
    make_app: MakeApp, routes: str, problem: str
) -> None:
    app = make_app(
        f"""
        from flowrpc import Get

        class Root(LightningFlow):
            def run(self):
                pass

            def act(self):
                pass

            def untyped(self, thing: "Nowhere"):
                pass

            def configure_api(self):
                return {routes}

        app = LightningApp(Root())
        """
    )
    app.launch()

    assert app.wait() == 2
    assert problem in app.stderr()
    assert "Traceback" not in app.stderr()


PLAIN = """
class Root(LightningFlow):
    def __init__(self):
        self.number = 0

    def run(self):
        pass

    def add(self, by: int):
        self.number += by
        return self.number

    def configure_commands(self):
        return {"add": self.add}


app = LightningApp(Root())
"""


def test_an_app_without_routes_loads_http_at_the_first_connection(make_app: MakeApp) -> None:
    app = make_app(PLAIN).start()
    assert "fastapi" not in loaded_files(app.pid)

    with stranger(app) as client:
        assert client.get("/healthz").text == "ok\n"
    with FlowClient(data_dir=app.folder / ".flowrpc") as grpc_client:
        assert grpc_client.app().http_address == address(app)
    assert app.end() == 0
    assert [line for line in app.stderr().splitlines() if "has no lock" not in line] == [
        "stopped: by SIGTERM"
    ]


def loaded_files(pid: int) -> str:
    """Names the libraries that a process has loaded: pydantic has one, which FastAPI needs."""
    return Path(f"/proc/{pid}/maps").read_text().replace("pydantic_core", "fastapi")


def test_no_http_serves_none(make_app: MakeApp) -> None:
    app = make_app(PLAIN, "--no-http").start()

    assert address(app) == ""
    with app.client() as client:
        assert client.app().http_address == ""


def test_a_port_that_is_taken_is_told(make_app: MakeApp) -> None:
    first = make_app(PLAIN).start()
    taken = address(first).removeprefix("http://")
    second = make_app(PLAIN, "--http", taken, name="other")
    second.launch()

    assert second.wait() == 2
    assert f"\nError: cannot serve HTTP on {taken}: " in f"\n{second.stderr()}"
    assert "choose another address with --http" in second.stderr()


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("0.0.0.0:0", "0.0.0.0 can be reached from outside: give --tls-cert and --tls-key"),
        ("8080", "'8080' is no HOST:PORT"),
        ("127.0.0.1:99999", "is no HOST:PORT"),
    ],
)
def test_an_address_that_will_not_do_is_told(make_app: MakeApp, value: str, problem: str) -> None:
    app = make_app(PLAIN)
    found = subprocess.run(
        [FLOWCTL, "run", "app.py", "--http", value],
        cwd=app.folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert found.returncode == 2
    assert problem in found.stderr


def test_a_stopped_app_is_reached_no_more(make_app: MakeApp) -> None:
    app = make_app(PLAIN).start()
    with http(app) as client:
        assert client.get("/readyz").text == "ready\n"
        assert app.end() == 0
        with pytest.raises(httpx.TransportError):
            client.get("/readyz")
