"""Readiness of a served app: health probes, their watchers, and what flowctl shows of it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests.end_to_end.conftest import FLOWCTL, MakeApp, RunningApp, flowctl
from tests.end_to_end.http_client import stranger

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING

LOADING = """
class Model(LightningFlow):
    def __init__(self):
        self.loaded = False

    @property
    def ready(self):
        return self.loaded


class Root(LightningFlow):
    def __init__(self):
        self.model = Model()

    def run(self):
        pass

    def load(self, loaded: bool = True):
        self.model.loaded = loaded

    def configure_commands(self):
        return {"load": self.load}


app = LightningApp(Root())
"""


@pytest.fixture
def app(make_app: MakeApp) -> RunningApp:
    return make_app(LOADING).start()


@pytest.fixture
def health(app: RunningApp) -> Iterator[Any]:
    with grpc.insecure_channel(app.address) as channel:
        yield health_pb2_grpc.HealthStub(channel)


@pytest.mark.parametrize("service", ["", "flowrpc.v1.FlowService", "flowrpc.v1.WorkService"])
def test_watchers_of_health_see_it_change(app: RunningApp, health: Any, service: str) -> None:
    watch = health.Watch(health_pb2.HealthCheckRequest(service=service), timeout=30)
    with app.client() as client:
        assert next(watch).status == NOT_SERVING
        client.call("load")
        assert next(watch).status == SERVING
        client.call("load", loaded=False)
        assert next(watch).status == NOT_SERVING
    watch.cancel()


def test_an_app_that_is_ready_again_says_so_after_a_kill(app: RunningApp) -> None:
    with app.client() as client:
        client.call("load")
    app.kill()
    app.start()

    with grpc.insecure_channel(app.address) as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)
        assert stub.Check(health_pb2.HealthCheckRequest(), timeout=60).status == SERVING


def test_clients_and_flowctl_see_what_is_not_ready(app: RunningApp) -> None:
    with app.client() as client:
        assert (client.app().ready, client.app().unready) == (False, ("root.model",))
        assert flowctl("ps").stdout.splitlines()[1].split()[2] == "no"

        client.call("load")

        assert (client.app().ready, client.app().unready) == (True, ())
        assert json.loads(flowctl("ps", "--json").stdout)[0]["ready"] is True


def test_probes_over_http_see_what_is_not_ready(app: RunningApp) -> None:
    with stranger(app) as probe, app.client() as client:
        waiting = probe.get("/readyz")
        assert waiting.status_code == 503
        assert waiting.text == "not ready: GET /api/v1/app names the flows that are not\n"
        assert probe.get("/healthz").status_code == 200
        client.call("load")
        assert probe.get("/readyz").status_code == 200
        client.call("load", loaded=False)
        assert probe.get("/readyz").status_code == 503


def test_what_reaches_the_port_first_does_not_see_it_serving(make_app: MakeApp) -> None:
    app = make_app(LOADING).start()
    address = app.address
    app.kill()

    with grpc.insecure_channel(address) as channel:
        app.launch()
        stub: Any = health_pb2_grpc.HealthStub(channel)
        answer = stub.Check(health_pb2.HealthCheckRequest(), timeout=60, wait_for_ready=True)

    assert answer.status == NOT_SERVING


def test_an_app_of_a_job_becomes_ready(make_app: MakeApp) -> None:
    app = make_app(
        """
        class Job(LightningWork):
            def run(self):
                time.sleep(60)

        app = LightningApp(Job())
        """
    ).start()
    with grpc.insecure_channel(app.address) as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)
        watch = stub.Watch(health_pb2.HealthCheckRequest(), timeout=60)
        assert SERVING in (update.status for update in watch)
        watch.cancel()


def test_an_app_of_a_work_that_serves_becomes_ready_with_its_url(make_app: MakeApp) -> None:
    app = make_app(
        """
        from http.server import HTTPServer, SimpleHTTPRequestHandler

        class Server(LightningWork):
            def run(self):
                HTTPServer((self.host, self.port), SimpleHTTPRequestHandler).serve_forever()

        app = LightningApp(Server())
        """
    ).start()
    with grpc.insecure_channel(app.address) as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)
        watch = stub.Watch(health_pb2.HealthCheckRequest(), timeout=60)
        assert SERVING in (update.status for update in watch)
        watch.cancel()
    with app.client() as client:
        (work,) = client.snapshot("root.work").components
        assert str(work.vars["_url"]).startswith("http://127.0.0.1:")


def test_a_ready_that_raises_is_in_the_log_once(make_app: MakeApp) -> None:
    app = make_app(LOADING.replace("return self.loaded", "return self.loaded['yes']")).start()
    with app.client() as client:
        client.call("load")
        assert not client.app().ready
    assert app.end() == 0

    assert app.stderr().count("root.model.ready raised, it counts as not ready") == 1


def test_the_end_is_not_serving(app: RunningApp, health: Any) -> None:
    watch = health.Watch(health_pb2.HealthCheckRequest(), timeout=30)
    with app.client() as client:
        assert next(watch).status == NOT_SERVING
        client.call("load")
        assert next(watch).status == SERVING
    stopping = subprocess.Popen([FLOWCTL, "stop"], stdout=subprocess.DEVNULL)

    assert next(watch).status == NOT_SERVING
    assert stopping.wait(timeout=60) == 0
    assert app.wait() == 0
