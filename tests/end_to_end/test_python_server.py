"""PythonServer in real apps: what it answers over HTTP, and how it ends."""

from __future__ import annotations

import json
import os
import signal
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from threading import Thread
from typing import Any

import pytest
from flowrpc_client import StateReplica

from tests.end_to_end.conftest import MakeApp, RunningApp, var, wait_until_gone

APP = '''
import asyncio
import dataclasses

from fastapi import HTTPException
from pydantic import BaseModel, Field
from flowrpc.components import PythonServer


class Question(BaseModel):
    text: str
    times: int = Field(1, ge=1)


@dataclasses.dataclass
class Answer:
    text: str
    pid: int


class Echo(PythonServer):
    """Repeats texts."""

    def __init__(self, **kwargs):
        super().__init__(raise_exception=False, **kwargs)
        self.asked = 0
        self.cleaned = ""

    def setup(self, prefix=""):
        self._prefix = prefix

    def predict(self, request: Question) -> Answer:
        self.asked += 1
        if request.text == "broken":
            raise ValueError("a secret of the server")
        if request.text == "unknown":
            raise HTTPException(404, "no such text")
        if request.text == "wrong":
            return {"text": []}
        if request.text == "wait":
            try:
                print("waiting")
                time.sleep(1000)
            finally:
                self.cleaned = "yes"
        return Answer(text=self._prefix + request.text * request.times, pid=os.getpid())


class Plain(PythonServer):
    def predict(self, request):
        return {"prediction": request.payload.upper()}


class Together(PythonServer):
    """Answers when two have asked."""

    def setup(self):
        self._both = asyncio.Barrier(2)

    async def predict(self, request: dict) -> dict:
        if "set" in request:
            self.url_seen = self.display_name = "from a foreign thread"
        await self._both.wait()
        return {**request, "both": True}


class Root(LightningFlow):
    def __init__(self):
        self.servers = Dict(echo=Echo(), plain=Plain(), together=Together())
        self.urls = {}

    def serve(self, which):
        if which == "echo":
            self.servers[which].run(prefix="> ")
        else:
            self.servers[which].run()

    def add(self):
        self.servers["more"] = Echo()
        self.servers["more"].run(prefix="more ")

    def end(self, which):
        self.servers[which].stop()

    def configure_commands(self):
        return {"serve": self.serve, "end": self.end, "add": self.add}

    def run(self):
        self.urls = {name: server.url for name, server in self.servers.items()}


app = LightningApp(Root())
'''


class Server:
    """A server of the app, and how to ask it."""

    def __init__(self, app: RunningApp, replica: StateReplica, name: str) -> None:
        self.app, self.replica, self.name = app, replica, name
        self.url = ""

    def started(self) -> Server:
        with self.app.client() as client:
            client.call("serve", which=self.name)
        return self.up()

    def up(self) -> Server:
        self.replica.wait_for(lambda replica: bool(var(replica, "root", "urls").get(self.name)), timeout=60)
        self.url = var(self.replica, "root", "urls")[self.name]
        return self

    def down(self) -> None:
        self.replica.wait_for(lambda replica: not var(replica, "root", "urls").get(self.name), timeout=60)

    def ask(self, body: Any = None, path: str = "/predict", **headers: str) -> tuple[int, Any]:
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        sent = {"Content-Type": "application/json", **{k.replace("_", "-"): v for k, v in headers.items()}}
        request = urllib.request.Request(self.url + path, data, sent)  # an http URL of our own
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, _content(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, _content(error)


def _content(answer: Any) -> Any:
    text = answer.read().decode()
    return json.loads(text) if answer.headers.get_content_type() == "application/json" else text


@pytest.fixture
def app(make_app: MakeApp) -> RunningApp:
    return make_app(APP).start()


@pytest.fixture
def replica(app: RunningApp) -> Iterator[StateReplica]:
    with app.client() as client, client.replica() as replica:
        yield replica


@pytest.fixture
def echo(app: RunningApp, replica: StateReplica) -> Server:
    return Server(app, replica, "echo").started()


def test_predictions_are_made_of_typed_requests_and_may_set_state(echo: Server) -> None:
    status, answer = echo.ask({"text": "ab", "times": 2})
    assert (status, answer["text"]) == (200, "> abab")
    echo.replica.wait_for(lambda replica: var(replica, "root.servers.echo", "asked") == 1, timeout=60)


def test_a_request_that_does_not_fit_is_told_the_field(echo: Server) -> None:
    for body, field, told in (
        ({"text": "a", "times": 0}, ["body", "times"], "greater than or equal to 1"),
        ({}, ["body", "text"], "Field required"),
        ({"text": 3}, ["body", "text"], "valid string"),
    ):
        status, answer = echo.ask(body)
        assert status == 422
        assert answer["detail"][0]["loc"] == field
        assert told in answer["detail"][0]["msg"]
    assert echo.ask(b"{no json")[0] == 422
    assert echo.ask(b'{"text": "a"}', Content_Type="text/plain")[0] == 422, "what any page can send"
    assert var(echo.replica, "root.servers.echo", "asked") == 0


@pytest.mark.parametrize("text", ["broken", "wrong"])
def test_a_prediction_that_fails_is_told_without_its_reason(echo: Server, text: str) -> None:
    status, answer = echo.ask({"text": text})
    assert (status, answer) == (500, {"detail": "the prediction failed; the log of the work tells why"})
    told = {"broken": "a secret of the server", "wrong": "what predict returned has not the type"}[text]
    with echo.app.client() as client:
        for record in client.logs(follow=True, component="root.servers.echo"):
            if told in record.message:
                break
    assert echo.ask({"text": "a"})[0] == 200


def test_an_http_exception_is_the_answer(echo: Server) -> None:
    assert echo.ask({"text": "unknown"}) == (404, {"detail": "no such text"})


def test_its_pages(echo: Server) -> None:
    assert echo.ask(path="/healthz") == (200, {"status": "ok"})
    status, page = echo.ask(path="/")
    assert status == 200
    assert "Repeats texts." in page
    assert "<code>Question</code>" in page
    status, docs = echo.ask(path="/docs")
    assert status == 200
    assert "http" not in docs.replace("http://www.w3.org", ""), "it needs no internet"
    assert echo.ask(path="/docs/assets/swagger-ui-bundle.js")[0] == 200
    status, schema = echo.ask(path="/openapi.json")
    assert "Question" in schema["components"]["schemas"]
    assert echo.ask(path="/none")[0] == 404
    assert echo.ask(path="/predict")[0] == 405


def test_other_host_names_are_refused_on_loopback(echo: Server) -> None:
    assert echo.ask({"text": "a"}, Host="evil.example")[0] == 400
    assert echo.ask({"text": "a"}, Host="localhost:1234")[0] == 200


def test_the_types_that_a_server_has_by_itself(app: RunningApp, replica: StateReplica) -> None:
    plain = Server(app, replica, "plain").started()
    assert plain.ask({"payload": "abc"}) == (200, {"prediction": "ABC"})
    assert plain.ask({"text": "abc"})[0] == 422


def test_asynchronous_predictions_are_made_at_the_same_time(app: RunningApp, replica: StateReplica) -> None:
    together = Server(app, replica, "together").started()
    answers: list[Any] = []
    threads = [Thread(target=lambda n=n: answers.append(together.ask({"n": n}))) for n in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(body["n"] for status, body in answers if status == 200) == [0, 1]
    assert together.ask({"set": True})[0] == 500, "only the work's own thread sets state"


def test_a_server_that_is_stopped_serves_again(echo: Server) -> None:
    first = echo.ask({"text": "a"})[1]["pid"]
    with echo.app.client() as client:
        client.call("end", which="echo")
        echo.down()
        wait_until_gone({first})
        echo.started()
    assert echo.ask({"text": "a"})[1]["pid"] != first


@pytest.mark.parametrize("way", ["cancel", "in order"])
def test_a_prediction_that_is_made_at_the_end_is_refused_in_order(echo: Server, way: str) -> None:
    answers: list[tuple[int, Any]] = []
    asking = Thread(target=lambda: answers.append(echo.ask({"text": "wait"})))
    asking.start()
    with echo.app.client() as client:
        for record in client.logs(follow=True, component="root.servers.echo"):
            if record.message == "waiting":
                break
        if way == "cancel":
            (run,) = client.runs("root.servers.echo")
            client.cancel(run.run_id)
            echo.down()
            echo.replica.wait_for(
                lambda replica: var(replica, "root.servers.echo", "cleaned") == "yes", timeout=60
            )
    if way == "in order":
        assert echo.app.end() == 0
    asking.join(30)
    assert answers == [(503, {"detail": "the server ends; try again"})]


def test_a_server_comes_back_after_a_crash(echo: Server) -> None:
    pid = echo.ask({"text": "a"})[1]["pid"]
    echo.app.kill()
    wait_until_gone({pid})
    echo.app.start()
    with echo.app.client() as client, client.replica() as replica:
        server = Server(echo.app, replica, "echo").up()
        replica.wait_for(lambda _: _answers(server), timeout=60)
        assert server.ask({"text": "a"})[1]["text"] == "> a"


def _answers(server: Server) -> bool:
    server.url = var(server.replica, "root", "urls")["echo"]
    try:
        return server.ask(path="/healthz")[0] == 200
    except OSError:
        return False


def test_a_server_that_is_killed_is_gone(echo: Server) -> None:
    os.kill(echo.ask({"text": "a"})[1]["pid"], signal.SIGKILL)
    echo.down()


def test_a_server_is_a_dynamic_child(app: RunningApp, replica: StateReplica) -> None:
    with app.client() as client:
        client.call("add")
    more = Server(app, replica, "more").up()
    assert more.ask({"text": "a"})[1]["text"] == "more a"


def test_a_port_in_use_fails_the_run_with_its_number(make_app: MakeApp) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        app = make_app(APP.replace("echo=Echo()", f"echo=Echo(port={port})")).start()
        with app.client() as client, client.replica() as replica:
            client.call("serve", which="echo")
            replica.wait_for(lambda _: bool(client.works()[0].failed_count), timeout=60)
            (run,) = client.runs("root.servers.echo")
            assert run.failure is not None
            assert f"cannot serve on 127.0.0.1 port {port}: Address already in use" in run.failure.message
