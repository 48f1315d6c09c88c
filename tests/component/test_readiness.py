"""`ready` of flows and works: what it is by default, and whose word counts."""

from __future__ import annotations

import pytest
from flowrpc.component import LightningApp, LightningFlow, LightningWork, List
from flowrpc.component.framework_vars import set_framework_var
from flowrpc.component.readiness import is_job
from flowrpc.errors import ComponentError
from flowrpc.state.work_facts import URL


class Plain(LightningFlow):
    def __init__(self, *children: LightningFlow) -> None:
        self.children = List(*children)

    def run(self) -> None:
        pass


class Says(LightningFlow):
    def __init__(self, answer: bool, *children: LightningFlow) -> None:
        self.answer = answer
        self.children = List(*children)

    @property
    def ready(self) -> bool:
        return self.answer


class Idle(LightningWork):
    def run(self) -> None:
        pass


class Server(LightningWork):
    def run(self) -> None:
        assert self.port


def serve(work: LightningWork) -> None:
    """Does what the flow does when the port of a work accepts connections."""
    set_framework_var(work, URL, "http://127.0.0.1:8000")


@pytest.mark.parametrize(
    ("flow", "ready"),
    [
        (Plain(), True),
        (Plain(Plain(), Plain(Plain())), True),
        (Plain(Says(True)), True),
        (Plain(Plain(Says(True), Says(False))), False),
        (Says(True, Says(False)), True),
        (Plain(Says(True, Says(False))), False),
    ],
    ids=["alone", "plain", "said", "below", "own word", "all descendants"],
)
def test_a_flow_is_ready_when_all_flows_below_it_are(flow: LightningFlow, ready: bool) -> None:
    assert flow.ready is ready


def test_an_own_ready_may_ask_what_the_default_is() -> None:
    class Both(Says):
        @property
        def ready(self) -> bool:
            return self.answer and super(Says, self).ready

    assert Both(True, Says(True)).ready
    assert not Both(True, Says(False)).ready


def test_a_work_is_ready_when_it_has_a_url() -> None:
    work = Server()
    before = work.ready
    serve(work)
    assert (before, work.ready, Idle().ready) == (False, True, False)


def test_works_do_not_count_for_a_flow_that_does_not_ask_them() -> None:
    class Root(LightningFlow):
        def __init__(self) -> None:
            self.work = Idle()

    assert Root().ready


def test_an_app_of_a_work_is_ready_with_its_url() -> None:
    app = LightningApp(Server())
    assert not app.ready
    app.works[0].run()
    assert not app.ready, "its run has begun, but nobody can reach it"
    app.works[0].__dict__["_endpoint"] = None
    serve(app.works[0])
    assert app.ready


def test_an_app_of_a_job_is_ready_once_that_has_begun() -> None:
    app = LightningApp(Idle())
    assert not app.root.ready
    app.works[0].run()
    assert app.root.ready


class Nested(LightningWork):
    def run(self) -> None:
        def serve() -> list[int]:
            return [self.port for _ in range(1)]

        self.serve = serve


class Inherits(Nested):
    def run(self) -> None:
        super().run()


class Fixed(LightningWork):
    def __init__(self) -> None:
        super().__init__(port=8000)

    def run(self) -> None:
        pass


@pytest.mark.parametrize(
    ("work", "job"), [(Idle, True), (Server, False), (Nested, False), (Inherits, False), (Fixed, False)]
)
def test_a_work_with_a_port_is_no_job(work: type[LightningWork], job: bool) -> None:
    assert is_job(work()) is job


def test_an_app_of_a_work_that_says_itself_waits_for_that() -> None:
    class Loading(LightningWork):
        def __init__(self) -> None:
            super().__init__()
            self.loaded = False

        def run(self) -> None:
            pass

        @property
        def ready(self) -> bool:
            return self.loaded

    app = LightningApp(Loading())
    app.works[0].run()
    assert not app.root.ready
    app.works[0].loaded = True
    assert app.root.ready


@pytest.mark.parametrize("base", [LightningFlow, LightningWork])
def test_a_method_in_place_of_the_property_is_refused(base: type) -> None:
    class Wrong(base):  # type: ignore[misc]
        def run(self) -> None:
            pass

        def ready(self) -> bool:
            return False

    with pytest.raises(
        ComponentError, match="the class Wrong defines ready as a method; write @property above it"
    ):
        Wrong()
