"""Works that serve HTTP, and what user code of a work is told of its process: real servers, real processes."""

from __future__ import annotations

import json
import os
import signal
import socket
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flowrpc_client import StateReplica

from tests.end_to_end.conftest import MakeApp, RunningApp, descendants, flowctl, var, wait_until_gone

SERVING = """
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread


class Hello(BaseHTTPRequestHandler):
    def do_GET(self):
        body = f"{os.getpid()}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


class Server(LightningWork):
    def __init__(self):
        super().__init__(parallel=True, cache_calls=False, raise_exception=False)
        self.ends = ""

    def run(self, background=False):
        server = HTTPServer((self.host, self.port), Hello)
        if background:
            Thread(target=server.serve_forever, daemon=True).start()
            return
        server.timeout = 0.05
        while not self.ends:
            server.handle_request()
        server.server_close()
        if self.ends == "badly":
            raise ValueError("as it was told")


class Root(LightningFlow):
    def __init__(self):
        self.server = Server()
        self.wanted = ""
        self.url = ""
        self.port = 0

    def run(self):
        if self.wanted and not self.server.is_running and not self.server.is_pending:
            background, self.wanted = self.wanted == "background", ""
            self.server.ends = ""
            self.server.run(background)
        self.url, self.port = self.server.url, self.server.port

    def serve(self, how="run"):
        self.wanted = how

    def end(self, how="well"):
        self.server.ends = how

    def configure_commands(self):
        return {"serve": self.serve, "end": self.end, "stop_it": self.server.stop}


app = LightningApp(Root())
"""


def fetched(url: str) -> int:
    with urllib.request.urlopen(url, timeout=60) as answer:  # an http URL of our own
        return int(answer.read())


def until(replica: StateReplica, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    replica.wait_for(lambda replica: holds(replica.vars("root")), timeout=60)
    return replica.vars("root")


def test_a_work_that_serves_gets_a_port_and_a_url_that_the_flow_sees(make_app: MakeApp) -> None:
    app = make_app(SERVING).start()
    with app.client() as client, client.replica() as replica:
        client.call("serve")
        first = until(replica, lambda vars: bool(vars["url"]))
        pid = fetched(first["url"])
        assert pid in descendants(app.pid)
        assert first["url"] == f"http://127.0.0.1:{first['port']}"
        (work,) = client.works()
        assert (work.url, work.internal_ip) == (first["url"], "127.0.0.1")

        client.call("end")
        until(replica, lambda vars: not vars["url"])
        client.call("serve")
        again = until(replica, lambda vars: bool(vars["url"]))
        assert again["port"] == first["port"], "a work keeps its port"
        assert fetched(again["url"]) == pid


def test_what_a_run_leaves_serving_in_a_thread_serves_until_the_process_ends(make_app: MakeApp) -> None:
    app = make_app(SERVING).start()
    with app.client() as client, client.replica() as replica:
        client.call("serve", how="background")
        url = until(replica, lambda vars: bool(vars["url"]))["url"]
        replica.wait_for(
            lambda replica: '"ret": null' in json.dumps(replica.state()["works"]["server"]), timeout=60
        )
        pid = fetched(url)
        assert client.works()[0].succeeded_count == 1
        assert client.works()[0].url == url

        client.call("stop_it")

        until(replica, lambda vars: not vars["url"])
        wait_until_gone({pid})


@pytest.mark.parametrize("how", ["badly", "kill"])
def test_the_url_goes_when_the_server_goes(make_app: MakeApp, how: str) -> None:
    app = make_app(SERVING).start()
    with app.client() as client, client.replica() as replica:
        client.call("serve")
        url = until(replica, lambda vars: bool(vars["url"]))["url"]
        if how == "kill":
            os.kill(fetched(url), signal.SIGKILL)
        else:
            client.call("end", how=how)
        until(replica, lambda vars: not vars["url"])
        assert client.works()[0].url == ""


def test_a_fixed_port_is_the_port(make_app: MakeApp) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    app = make_app(SERVING.replace("raise_exception=False", f"raise_exception=False, port={port}")).start()
    with app.client() as client, client.replica() as replica:
        until(replica, lambda vars: vars["port"] == port)
        client.call("serve")
        assert until(replica, lambda vars: bool(vars["url"]))["url"] == f"http://127.0.0.1:{port}"


def test_flowctl_shows_where_works_serve(make_app: MakeApp) -> None:
    app = make_app(SERVING).start()
    with app.client() as client, client.replica() as replica:
        client.call("serve")
        url = until(replica, lambda vars: bool(vars["url"]))["url"]
    assert url in flowctl("works", cwd=app.folder).stdout


HOOKS = """
class Worker(LightningWork):
    def __init__(self):
        super().__init__(parallel=True, cache_calls=False, raise_exception=False)
        self.log = []
        self.told = 0
        self.seen = []

    def on_start(self):
        self.log.append(f"start {os.getpid()}")

    def on_exception(self, exception):
        self.log.append(f"exception {exception}")

    def on_exit(self):
        with open("exits.txt", "a") as file:
            file.write(f"{os.getpid()}\\n")

    def apply_flow_delta(self, changes):
        super().apply_flow_delta(changes)
        self.seen.append([list(change.path) for change in changes])

    def run(self, how):
        self.log.append(f"run {how}")
        if how == "raise":
            raise ValueError("broken")
        while how == "wait" and not self.told:
            time.sleep(0.01)
        while how == "forever":
            time.sleep(0.01)


class Root(LightningFlow):
    def __init__(self):
        self.worker = Worker()

    def configure_commands(self):
        return {
            "go": self.go, "tell": self.tell, "stop_it": self.worker.stop, "start_it": self.worker.start
        }

    def go(self, how):
        self.worker.run(how)

    def tell(self):
        self.worker.told = 1

    def run(self):
        pass


app = LightningApp(Root())
"""


def log_of(replica: StateReplica) -> list[str]:
    return list(var(replica, "root.worker", "log"))


def exits(app: RunningApp) -> list[str]:
    path = app.folder / "exits.txt"
    return path.read_text().splitlines() if path.exists() else []


def test_on_start_is_called_once_and_on_exception_when_run_raised(make_app: MakeApp) -> None:
    app = make_app(HOOKS).start()
    with app.client() as client, client.replica() as replica:
        for how in ("raise", "well"):
            client.call("go", how=how)
        replica.wait_for(lambda replica: len(log_of(replica)) == 4, timeout=60)
        start, *others = log_of(replica)
        assert start.startswith("start ")
        assert others == ["run raise", "exception broken", "run well"]


def test_a_work_that_is_started_ahead_executes_its_runs_in_that_process(make_app: MakeApp) -> None:
    app = make_app(HOOKS).start()
    with app.client() as client, client.replica() as replica:
        client.call("start_it")
        replica.wait_for(lambda replica: len(log_of(replica)) == 1, timeout=60)
        pid = int(log_of(replica)[0].split()[1])
        assert pid in descendants(app.pid)
        client.call("go", how="well")
        replica.wait_for(lambda replica: len(log_of(replica)) == 2, timeout=60)
        assert log_of(replica)[1] == "run well"
        assert pid in descendants(app.pid)


@pytest.mark.parametrize("how", ["well", "forever"])
@pytest.mark.parametrize("end", ["stop", "app", "agent"])
def test_on_exit_is_called_when_the_process_ends_in_order(make_app: MakeApp, how: str, end: str) -> None:
    app = make_app(HOOKS).start()
    with app.client() as client, client.replica() as replica:
        client.call("go", how=how)
        replica.wait_for(lambda replica: len(log_of(replica)) == 2, timeout=60)
        pid = int(log_of(replica)[0].split()[1])
        if end == "stop":
            client.call("stop_it")
            wait_until_gone({pid})
    if end == "app":
        assert app.end() == 0
    elif end == "agent":
        _end_agent(app)
        wait_until_gone({pid})
    assert exits(app) == [str(pid)]


def _end_agent(app: RunningApp) -> None:
    (agent,) = (int(pid) for pid in Path(f"/proc/{app.pid}/task/{app.pid}/children").read_text().split())
    os.kill(agent, signal.SIGTERM)


def test_a_process_that_takes_its_leave_for_too_long_is_killed(make_app: MakeApp) -> None:
    app = make_app(HOOKS.replace("def on_exit(self):", "def on_exit(self):\n        time.sleep(60)")).start()
    with app.client() as client, client.replica() as replica:
        client.call("go", how="well")
        replica.wait_for(lambda replica: len(log_of(replica)) == 2, timeout=60)
        pid = int(log_of(replica)[0].split()[1])
        client.call("stop_it")
        wait_until_gone({pid})
        client.call("go", how="well again")
        replica.wait_for(lambda replica: log_of(replica)[-1] == "run well again", timeout=60)


def test_apply_flow_delta_sees_what_the_flow_changed(make_app: MakeApp) -> None:
    app = make_app(HOOKS).start()
    with app.client() as client, client.replica() as replica:
        client.call("go", how="wait")
        replica.wait_for(lambda replica: len(log_of(replica)) == 2, timeout=60)
        client.call("tell")
        replica.wait_for(lambda replica: var(replica, "root.worker", "seen") == [[["told"]]], timeout=60)
