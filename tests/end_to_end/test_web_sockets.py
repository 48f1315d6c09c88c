"""WebSockets that the gateway passes on to the server of a frontend."""

from __future__ import annotations

import time

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from tests.end_to_end.conftest import MakeApp, RunningApp, descendants
from tests.end_to_end.http_client import address, bearer, browser, http, stranger

APP = """
import json
import threading

from flowrpc import Frontend
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import serve


def answer(socket):
    request = socket.request
    socket.send(json.dumps({"path": request.path, "headers": dict(request.headers.raw_items())}))
    try:
        for message in socket:
            if message == "close":
                socket.close(4001, "enough")
            elif message == "break":
                socket.socket.close()
            else:
                socket.send(message)
    except ConnectionClosed:
        pass
    logging.getLogger("page").warning("closed with %s", socket.close_code)


class Echo(Frontend):
    def start_server(self, host, port, root_path=""):
        self.server = serve(answer, host, port, subprotocols=["first", "second"], max_size=None)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop_server(self):
        self.server.shutdown()


class Kept(Echo):
    keeps_root_path = True


class Nobody(Frontend):
    def start_server(self, host, port, root_path=""):
        pass

    def stop_server(self):
        pass


class Shown(LightningFlow):
    def __init__(self, kind):
        self.kind = kind

    def configure_layout(self):
        return {"echo": Echo, "kept": Kept, "nobody": Nobody}[self.kind]()


class Root(LightningFlow):
    def __init__(self):
        self.echo = Shown("echo")
        self.kept = Shown("kept")
        self.nobody = Shown("nobody")

    def run(self):
        pass


app = LightningApp(Root())
"""


@pytest.fixture
def app(make_app: MakeApp) -> RunningApp:
    made = make_app(APP).start()
    with http(made) as client:
        for name in ("echo", "kept"):
            wait_until_served(client, f"/view/root.{name}/")
    return made


def wait_until_served(client: httpx.Client, path: str) -> None:
    end = time.monotonic() + 60
    while client.get(path).status_code == 502:
        assert time.monotonic() < end


def dial(
    app: RunningApp, path: str, headers: dict[str, str] | None = None, host: str = "127.0.0.1"
) -> ClientConnection:
    port = address(app).rpartition(":")[2]
    return connect(
        f"ws://{host}:{port}{path}",
        address=("127.0.0.1", int(port)),
        legacy=True,
        additional_headers=bearer(app, "call") if headers is None else headers,
        subprotocols=[Subprotocol("other"), Subprotocol("second")],
        max_size=None,
        proxy=None,
    )


def status(
    app: RunningApp, path: str, headers: dict[str, str] | None = None, host: str = "127.0.0.1"
) -> tuple[int, str]:
    with pytest.raises(InvalidStatus) as caught:
        dial(app, path, headers, host)
    return caught.value.response.status_code, (caught.value.response.body or b"").decode()


def test_messages_go_both_ways_as_they_are(app: RunningApp) -> None:
    with dial(app, "/view/root.echo/some/p%20th?q=a%26b") as socket:
        assert '"/some/p%20th?q=a%26b"' in str(socket.recv(timeout=60))
        assert socket.subprotocol == "second"
        for message in ("text", b"bytes", "", b"", "ä" * 100_000, b"x" * 3_000_000):
            socket.send(message)
            assert socket.recv(timeout=60) == message
    assert app.end() == 0
    assert "closed with 1000" in app.stderr()


def test_a_frontend_sees_one_origin_and_no_login(app: RunningApp) -> None:
    with browser(app) as client:
        headers = {"Origin": address(app)}
        cookies = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
        with dial(app, "/view/root.kept/x", headers | {"Cookie": f"{cookies}; theirs=1"}) as socket:
            told = httpx.Response(200, text=str(socket.recv(timeout=60))).json()
    seen = {name.lower(): value for name, value in told["headers"].items()}
    assert told["path"] == "/view/root.kept/x"
    assert seen["origin"] == f"http://{seen['host']}" == address(app)
    assert seen["cookie"] == "theirs=1"
    assert seen["x-forwarded-prefix"] == "/view/root.kept"
    with dial(app, "/view/root.echo/") as socket:
        assert "authorization" not in str(socket.recv(timeout=60)).lower()


@pytest.mark.parametrize(("said", "code"), [("close", 4001), ("break", 1001)])
def test_an_end_is_passed_on_to_the_browser(app: RunningApp, said: str, code: int) -> None:
    with dial(app, "/view/root.echo/") as socket:
        socket.recv(timeout=60)
        socket.send(said)
        with pytest.raises(ConnectionClosed):
            socket.recv(timeout=60)
        assert socket.close_code == code
    with http(app) as client:
        assert client.get("/healthz").status_code == 200


def test_what_is_no_web_socket_of_a_frontend_is_refused(app: RunningApp) -> None:
    code, text = status(app, "/view/root.nobody/")
    assert code == 502
    assert "the frontend of root.nobody opens no WebSocket (ConnectionRefusedError)" in text
    assert status(app, "/view/root.nothing/")[0] == 404
    assert status(app, "/api/v1/state")[0] == 403
    assert status(app, "/view/root.echo/", {})[0] == 401
    assert status(app, "/view/root.echo/", bearer(app, "read"))[0] == 403
    assert status(app, "/view/root.echo/", host="evil.example")[0] == 403
    for host in ("127.0.0.1", "localhost"):
        dial(app, "/view/root.echo/", host=host).close()
    with stranger(app) as client:
        assert client.get("/healthz").status_code == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", ""])
def test_a_page_opens_a_web_socket_from_the_apps_own_origin_only(app: RunningApp, origin: str) -> None:
    with browser(app) as client:
        cookies = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
    strange = {"Origin": origin} if origin else {}
    code, text = status(app, "/view/root.echo/", {"Cookie": cookies} | strange)
    assert code == 403
    assert ("only its own pages may" if origin else "must carry `Origin`") in text
    dial(app, "/view/root.echo/", {"Cookie": cookies, "Origin": address(app)}).close()
    assert status(app, "/view/root.echo/", {"Origin": address(app)})[0] == 401, "without a login"


def test_the_end_of_the_app_ends_what_is_open(app: RunningApp) -> None:
    sockets = [dial(app, "/view/root.echo/") for _ in range(5)]
    for socket in sockets:
        socket.recv(timeout=60)
    assert app.end() == 0
    assert descendants(app.pid) == set()
    for socket in sockets:
        with pytest.raises(ConnectionClosed):
            socket.recv(timeout=60)
        socket.close()
