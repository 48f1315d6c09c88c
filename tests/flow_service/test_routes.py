"""Routes in the core: collected, refused, and called whole or not at all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flowrpc.api import Delete, Get, HttpMethod, Patch, Post, Put
from flowrpc.component import LightningFlow, LightningWork, List
from flowrpc.errors import CallError, ComponentError
from flowrpc.flow_service.effects import RouteOutcome, RoutesChanged
from flowrpc.flow_service.events import RouteCalled
from flowrpc.flow_service.routes import RouteTable

from tests.flow_service.driver import Driver


class Train(LightningWork):
    def run(self, name: str) -> None:
        """Is never executed here."""


class Shop(LightningFlow):
    def __init__(self) -> None:
        self.names: list[str] = []
        self.train = Train(parallel=True)
        self.tills = List()

    def run(self) -> None:
        """Is kept busy by its clients."""

    def add(self, name: str) -> list[str]:
        self.names.append(name)
        self.train.run(name)
        if name == "bad":
            raise ValueError("nobody is called so")
        if name == "last":
            self.stop("that was it")
        return self.names

    def open_till(self) -> None:
        self.tills.append(Till())

    def configure_api(self) -> list[HttpMethod]:
        return [Post("/names", self.add), Post("/tills", self.open_till)]


class Till(LightningFlow):
    def __init__(self) -> None:
        self.sum = 0

    def pay(self) -> int:
        self.sum += 1
        return self.sum

    def configure_api(self) -> list[HttpMethod]:
        return [Put(f"/pay/{self.name}", self.pay)]


def root_with(*routes: Any) -> LightningFlow:
    class Root(LightningFlow):
        def run(self) -> None: ...

        def configure_api(self) -> Any:
            return list(routes)

    return Root()


def call(
    driver: Driver,
    verb: str,
    path: str,
    *,
    encode: Callable[[Any], Any] = list,
    within: float = 1,
    **arguments: Any,
) -> RouteOutcome:
    outcome = driver.ask(
        RouteCalled, verb=verb, path=path, arguments=arguments, encode=encode, deadline=driver.clock + within
    )
    assert isinstance(outcome, RouteOutcome)
    return outcome


def test_a_route_changes_state_and_its_result_is_encoded_in_the_engine() -> None:
    driver = Driver(Shop)

    assert call(driver, "POST", "/names", name="ann").content == ["ann"]

    assert driver.vars()["names"] == ["ann"]
    assert [run.args for run in driver.runs()] == [("ann",)]


def test_a_route_that_raises_is_undone_with_the_runs_that_it_asked_for() -> None:
    driver = Driver(Shop)

    outcome = call(driver, "POST", "/names", name="bad")

    assert isinstance(outcome.raised, ValueError)
    assert outcome.content is None
    assert driver.vars()["names"] == []
    assert driver.runs() == []


def test_a_result_that_cannot_be_encoded_undoes_the_call() -> None:
    driver = Driver(Shop)

    def refuse(_: Any) -> Any:
        raise TypeError("no JSON has this")

    assert isinstance(call(driver, "POST", "/names", encode=refuse, name="ann").raised, TypeError)
    assert driver.vars()["names"] == []


def test_a_route_may_end_the_app_and_keeps_what_it_changed() -> None:
    driver = Driver(Shop)

    assert call(driver, "POST", "/names", name="last").ended

    assert driver.exit is not None
    assert driver.exit.message == "that was it"
    assert driver.vars()["names"] == ["last"]
    with pytest.raises(CallError, match="the app has ended"):
        call(driver, "POST", "/names", name="more")


def test_a_route_whose_deadline_passed_while_it_waited_never_starts() -> None:
    driver = Driver(Shop)

    with pytest.raises(KeyError):  # nobody is answered
        call(driver, "POST", "/names", within=0, name="late")
    assert driver.vars()["names"] == []


def test_routes_come_and_go_with_flows() -> None:
    driver = Driver(Shop)
    told: list[RoutesChanged] = []
    carry_out = driver.carry_out

    def listen(effects: Any) -> None:
        told.extend(e for e in effects if isinstance(e, RoutesChanged))
        carry_out(effects)

    driver.carry_out = listen  # type: ignore[method-assign]
    call(driver, "POST", "/tills", encode=lambda _: None)

    assert [route.title for route in told[-1].routes] == [
        "POST /names",
        "POST /tills",
        "PUT /pay/root.tills.0",
    ]
    assert call(driver, "PUT", "/pay/root.tills.0", encode=int).content == 1
    driver.restart()
    assert call(driver, "PUT", "/pay/root.tills.0", encode=int).content == 2


def test_a_route_that_is_gone_is_refused() -> None:
    with pytest.raises(CallError, match=r"PUT /pay/root.tills.7 is gone"):
        call(Driver(Shop), "PUT", "/pay/root.tills.7")


def free() -> None:
    """Is no method."""


@pytest.mark.parametrize(
    ("routes", "problem"),
    [
        (
            lambda: [Get("/api/v1/mine", free)],
            r"root.configure_api\(\): GET /api/v1/mine: /api/v1 is reserved",
        ),
        (lambda: [Get("/docs", free)], "/docs is reserved"),
        (lambda: [Get("/view/root", free)], "/view is reserved"),
        (lambda: [Get("/command/x", free)], "/command is reserved"),
        (lambda: [Get("/", free)], "/ is reserved"),
        (
            lambda: [Get("/a/{x}", free), Get("/a/{y}", free)],
            "GET /a/{y} is configured twice, by root and by root",
        ),
        (lambda: ["GET /a"], "'GET /a' is no route; use Get, Post"),
        (lambda: [Get("/a", Till().pay)], "is of a Till that is not in the tree"),
        (lambda: [Get("/a", Train().run)], "is no flow; let a method of a flow answer"),
    ],
)
def test_what_cannot_be_served_is_refused_at_the_start(routes: Callable[[], list[Any]], problem: str) -> None:
    with pytest.raises(ComponentError, match=problem):
        Driver(lambda: root_with(*routes()))


def test_routes_of_two_flows_that_clash_are_refused_with_both_owners() -> None:
    class Twice(Shop):
        def __init__(self) -> None:
            super().__init__()
            self.desk = Desk()

    class Desk(LightningFlow):
        def __init__(self) -> None:
            self.shelf = Shelf()

    class Shelf(LightningFlow):
        def configure_api(self) -> list[HttpMethod]:
            return [Post("/names", free)]

    with pytest.raises(
        ComponentError, match=r"POST /names is configured twice, by root and by root\.desk\.shelf; change one"
    ):
        Driver(Twice)


def test_a_flow_that_comes_with_a_route_that_clashes_is_not_let_in() -> None:
    class Rival(Till):
        def configure_api(self) -> list[HttpMethod]:
            return [Post("/names", self.pay)]

    class Open(Shop):
        def open_till(self) -> None:
            self.tills.append(Rival())

    driver = Driver(Open)

    assert "configured twice, by root and by root.tills.0" in str(
        call(driver, "POST", "/tills", encode=lambda _: None).raised
    )
    assert len(driver.root.tills) == 0
    assert call(driver, "POST", "/names", name="ann").content == ["ann"], "the routes that there are go on"


def test_configure_api_returns_a_list() -> None:
    class Root(Shop):
        def configure_api(self) -> Any:
            return {"/a": self.add}

    with pytest.raises(ComponentError, match=r"root.configure_api\(\) returned dict; return a list"):
        Driver(Root)


def test_a_method_of_a_flow_is_not_async() -> None:
    class Root(Shop):
        async def wait(self) -> None: ...

        def configure_api(self) -> list[HttpMethod]:
            return [Get("/wait", self.wait)]

    with pytest.raises(ComponentError, match="must not be async"):
        Driver(Root)


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda: Get("a", free), "begins with `/`"),
        (lambda: Get(7, free), "begins with `/`"),  # type: ignore[arg-type]
        (lambda: Post("/a", "free"), "give a method of a flow"),  # type: ignore[arg-type]
        (lambda: Put("/a", free, timeout=0), "a positive number of seconds, not 0"),
        (lambda: Delete("/a", free, timeout=float("nan")), "not nan"),
        (lambda: Patch("/a", free, timeout=True), "not True"),
        (lambda: HttpMethod("/a", free), "use Get, Post, Put, Delete or Patch"),
    ],
)
def test_a_route_is_checked_where_it_is_written(make: Callable[[], Any], problem: str) -> None:
    with pytest.raises(ComponentError, match=problem):
        make()


def test_literal_paths_are_compared_before_parameters() -> None:
    paths = ("/{rest:path}", "/a/{x}", "/a/b", "/{x}/b")
    table = RouteTable(root_with(*[Get(path, free) for path in paths]))

    assert [route.path for route in table.all()] == ["/a/b", "/a/{x}", "/{x}/b", "/{rest:path}"]


def test_a_default_flow_has_no_routes() -> None:
    assert Till.configure_api is not LightningFlow.configure_api
    assert LightningFlow().configure_api() == []
