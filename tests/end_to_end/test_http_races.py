"""Routes run between passes of the flow, one after the other, however many ask at a time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from tests.end_to_end.conftest import MakeApp
from tests.end_to_end.http_client import http

APP = """
from flowrpc import Get, Post


class Child(LightningFlow):
    def __init__(self):
        self.total = 0

    def add(self, by: int):
        total = self.total
        time.sleep(0.001)  # so that another thread would come between
        self.total = total + by
        return self.total

    def configure_api(self):
        return [Post("/child/add", self.add)]


class Root(LightningFlow):
    def __init__(self):
        self.child = Child()
        self.first = 0
        self.second = 0
        self.passes = 0

    def run(self):
        self.passes += 1
        self.first += 1
        time.sleep(0.001)
        self.second += 1

    def both(self):
        seen = self.first, self.second
        time.sleep(0.001)
        return [*seen, self.first, self.second]

    def configure_api(self):
        return [Get("/both", self.both)]

    def configure_commands(self):
        return {"add": self.child.add}


app = LightningApp(Root())
"""


def test_no_route_sees_half_a_pass_or_half_a_call(make_app: MakeApp) -> None:
    app = make_app(APP).start()
    with http(app) as client, ThreadPoolExecutor(8) as pool:

        def ask(number: int) -> list[int]:
            if number % 3 == 0:
                client.post("/api/v1/commands/add", json={"by": 1}).raise_for_status()
            if number % 3 == 1:
                client.post("/child/add", params={"by": 1}).raise_for_status()
            seen: list[int] = client.get("/both").json()
            return seen

        seen = list(pool.map(ask, range(90)))
    assert all(len(set(numbers)) == 1 for numbers in seen), seen
    assert len({numbers[0] for numbers in seen}) > 1, "passes went on meanwhile"
    with app.client() as program:
        assert program.state()["flows"]["child"]["vars"]["total"] == 60
