"""Who may ask what over HTTP, and what pages of strangers can do."""

from __future__ import annotations

import json
import shlex
import shutil
import socket
import ssl
import subprocess
from pathlib import Path

import httpx
import pytest

from tests.end_to_end.conftest import MakeApp, RunningApp, flowctl
from tests.end_to_end.http_client import address, bearer, browser, events, http, page_url, stranger

APP = """
from flowrpc import Get, Post


class Root(LightningFlow):
    def __init__(self):
        self.number = 0

    def run(self):
        pass

    def add(self):
        logging.getLogger("shop").warning("added")
        self.number += 1
        return self.number

    def read(self):
        return self.number

    def configure_commands(self):
        return {"add": self.add}

    def configure_api(self):
        return [
            Post("/add", self.add),
            Get("/number", self.read),
            Get("/items/{name}", self.read, public=True),
            Get("/items/secret", self.read),
            Post("/items/secret", self.read, public=True),
        ]


app = LightningApp(Root())
"""


@pytest.fixture
def app(make_app: MakeApp) -> RunningApp:
    return make_app(APP).start()


def test_a_role_covers_over_http_what_it_covers_over_grpc(app: RunningApp) -> None:
    reads = ["/api/v1/state", "/api/v1/app", "/api/v1/runs", "/api/v1/works", "/api/v1/commands", "/docs"]
    reads += ["/openapi.json", "/docs/assets/swagger-ui.css"]
    calls = [("POST", "/api/v1/commands/add"), ("POST", "/add"), ("GET", "/number"), ("GET", "/items/secret")]
    calls += [("POST", "/api/v1/login-links")]
    expected = {
        "read": (200, 403),
        "call": (200, 200),
        "work": (403, 403),
        "admin": (200, 200),
        "": (401, 401),
    }
    for role, (reading, calling) in expected.items():
        with http(app, role) if role else stranger(app) as client:
            assert {path: client.get(path).status_code for path in reads} == dict.fromkeys(reads, reading), (
                role
            )
            for method, path in calls:
                status = client.request(method, path).status_code
                assert (201 if status == 200 and "links" in path else status) in (calling, calling + 1), (
                    role,
                    path,
                )


def test_strangers_reach_health_the_login_and_public_routes_and_nothing_else(app: RunningApp) -> None:
    with stranger(app) as client:
        assert client.get("/healthz").status_code == 200
        assert client.get("/readyz").status_code == 200
        assert client.get("/login", params={"key": "guess"}).status_code == 403
        assert client.get("/items/any").json() == 0
        assert client.post("/items/secret").json() == 0
        for path in ("/nope", "/api/v1/nope", "/docs/assets/nope", "/items/secret", "/api/v1/watch"):
            answer = client.get(path)
            assert answer.status_code == 401, path
            assert answer.headers["www-authenticate"] == "Bearer"
            assert "open the link that `flowctl run` printed" in answer.json()["detail"]
        assert client.delete("/items/secret").status_code == 405, (
            "its paths are open, the method is not known"
        )
        assert client.delete("/add").status_code == 401
        assert client.head("/api/v1/state").status_code == 401
    with http(app) as client:
        known = [client.get(path).status_code for path in ("/nope", "/api/v1/nope", "/docs/assets/nope")]
        assert known == [404] * 3, "who is known is told that there is nothing"
        assert client.get("/items/secret").status_code == 200
        assert client.delete("/add").status_code == client.head("/api/v1/state").status_code == 405


def test_a_wrong_token_is_refused_even_beside_a_good_cookie(app: RunningApp) -> None:
    with browser(app) as client:
        for value in ("Bearer wrong", "Basic eDp5", "Bearer", "Bearer \u00fcmlaut"):
            answer = client.get("/api/v1/state", headers={b"Authorization": value.encode()})
            assert answer.status_code == 401, value
            assert answer.json()["reason"] == "UNAUTHENTICATED"
        for good in ({}, bearer(app, "read")):
            assert client.get("/api/v1/state", headers=good).status_code == 200


def test_a_cookie_that_was_changed_is_none(app: RunningApp) -> None:
    with browser(app) as client:
        ((name, login),) = client.cookies.items()
        role, end, rest = login.split(".", 2)
        assert client.get("/api/v1/state").status_code == 200
        client.cookies.clear()
        for changed in ("", login[:-1], f"admin.{end}.{rest}", f"{role}.{int(end) + 1}.{rest}"):
            cookie = {"Cookie": f"{name}={changed}"}
            assert client.get("/api/v1/state", headers=cookie).status_code == 401, changed
        assert client.get("/api/v1/state", headers={"Cookie": f"{name}={login}"}).status_code == 200
        assert client.get("/api/v1/state", headers={"Cookie": f"other={login}"}).status_code == 401


def test_a_login_link_works_once_and_becomes_a_cookie(app: RunningApp) -> None:
    url = page_url(app)
    with stranger(app) as client:
        entered = client.get(url)
        assert (entered.status_code, entered.headers["location"]) == (303, "/")
        cookie = entered.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
        assert "Path=/" in cookie
        assert client.get("/docs").status_code == 200
    with stranger(app) as second:
        again = second.get(url)
        assert again.status_code == 403
        assert "used already" in again.text
        assert second.get("/docs").status_code == 401


def test_a_new_link_is_made_for_who_has_a_token(app: RunningApp) -> None:
    with http(app) as program, stranger(app) as page:
        made = program.post("/api/v1/login-links")
        assert made.status_code == 201
        assert page.get(made.json()["url"]).status_code == 303
        assert page.get("/api/v1/state").status_code == 200


def test_a_login_outlives_the_app_until_its_tokens_are_new(app: RunningApp) -> None:
    with browser(app) as client:
        assert client.get("/api/v1/state").status_code == 200
        for end in (app.kill, app.end):
            end()
            app.start()
            assert address(app) == str(client.base_url).rstrip("/")
            assert client.get("/api/v1/state").status_code == 200
        app.end()
        shutil.rmtree(app.folder / ".flowrpc" / "tokens")
        app.start()
        assert client.get("/api/v1/state").status_code == 401


def test_a_link_for_reading_gives_a_browser_that_changes_nothing(app: RunningApp) -> None:
    link = flowctl("--data-dir", str(app.folder / ".flowrpc"), "login", "--read-only")
    assert (link.returncode, link.stderr) == (0, "")
    asked = {
        ("POST", "/api/v1/commands/add"): 200,
        ("PATCH", "/api/v1/state"): 422,
        ("POST", "/api/v1/runs/x/cancel"): 404,
        ("POST", "/api/v1/login-links"): 201,
    }
    with stranger(app) as client, browser(app) as caller:
        client.headers["Origin"] = address(app)
        assert client.get(link.stdout.strip()).status_code == 303
        assert client.get("/api/v1/state").status_code == 200
        for (method, path), status in asked.items():
            answer = client.request(method, path)
            assert answer.status_code == 403, path
            assert "the role 'read' does not cover" in answer.json()["detail"]
            assert caller.request(method, path).status_code == status, "who may call is let through"


def test_flowctl_login_makes_a_link_to_an_app_that_has_a_page(app: RunningApp, make_app: MakeApp) -> None:
    link = flowctl("--data-dir", str(app.folder / ".flowrpc"), "login", "--json")
    with stranger(app) as client:
        assert client.get(json.loads(link.stdout)["url"]).status_code == 303
        assert client.post("/add", headers={"Origin": address(app)}).json() == 1
    silent = make_app(APP, "--no-http", name="silent").start()
    refused = flowctl("--data-dir", str(silent.folder / ".flowrpc"), "login")
    assert refused.returncode == 3
    assert "serves no pages: it was started with --no-http" in refused.stderr


def test_the_dashboard_tells_strangers_nothing_but_how_to_log_in(app: RunningApp) -> None:
    with stranger(app) as client:
        page = client.get("/")
        assert page.status_code == 200
        assert "default-src 'none'; script-src 'self'" in page.headers["content-security-policy"]
        assert "number" not in page.text
        assert client.get("/api/v1/dashboard/files/main.js").status_code == 200
        for path in ("feed", "value?component=root&var=number", "files/../feed", "files/%2e%2e/dashboard.py"):
            assert client.get(f"/api/v1/dashboard/{path}").status_code in (401, 404), path
    with http(app, "work") as client:
        assert client.get("/api/v1/dashboard/feed").status_code == 403
    with http(app, "read") as client:
        assert client.get("/api/v1/dashboard/value?component=root&var=number").text == "0"
        with client.stream("GET", "/api/v1/dashboard/feed") as stream:
            assert next(events(stream)).kind == "hello"


@pytest.mark.parametrize(
    ("path", "first"),
    [("/api/v1/watch", "snapshot"), ("/api/v1/logs", "logs"), ("/api/v1/dashboard/feed", "hello")],
)
def test_a_stream_is_for_pages_of_the_app_only(app: RunningApp, path: str, first: str) -> None:
    strange = "http://evil.example"
    with browser(app) as page:
        assert page.post("/add").status_code == 200, "so there is something in the log"
        refused = page.get(path, headers={"Origin": strange})
        assert refused.status_code == 403
        assert "only its own pages may" in refused.json()["detail"]
        with page.stream("GET", path) as stream:
            assert (stream.status_code, next(events(stream)).kind) == (200, first)
    with stranger(app) as unknown:
        assert unknown.get(path).status_code == 401
    with http(app, "read") as program:
        assert program.get(path, headers={"Origin": strange}).status_code == 403
        with program.stream("GET", path) as stream:
            assert (stream.status_code, next(events(stream)).kind) == (200, first)


def test_a_browser_changes_things_from_the_apps_own_pages_only(app: RunningApp) -> None:
    own = address(app)
    with browser(app) as client:
        assert client.post("/add").json() == 1
        assert client.post("/api/v1/commands/add").json()["result"] == 2
        for origin in (
            "http://evil.example",
            "null",
            "http://127.0.0.1:1",
            own.replace("http", "ftp"),
            "x" * 500,
        ):
            for method, path in (("POST", "/add"), ("POST", "/api/v1/commands/add")):
                answer = client.request(method, path, headers={"Origin": origin})
                assert answer.status_code == 403, (origin, path)
                assert "only its own pages may" in answer.json()["detail"]
        del client.headers["origin"]
        assert client.post("/add").status_code == 403, "browsers always say where a POST comes from"
        assert client.get("/number").json() == 2


@pytest.mark.parametrize("site", ["same-site", "cross-site"])
def test_a_get_that_may_change_things_is_not_for_pages_of_other_origins(app: RunningApp, site: str) -> None:
    strange = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "navigate"}
    with browser(app) as client:
        for path in ("/number", "/items/secret"):
            refused = client.get(path, headers=strange)
            assert refused.status_code == 403, path
            assert "only its own pages may" in refused.json()["detail"]
            for own in ("same-origin", "none"):
                assert client.get(path, headers={"Sec-Fetch-Site": own}).status_code == 200
        for path in ("/docs", "/items/any", "/healthz"):
            assert client.get(path, headers=strange).status_code == 200, "a link to what only reads is good"
    with http(app) as program:
        assert program.get("/number", headers=strange).status_code == 200, "what has a token is no page"


def test_a_browser_without_a_login_is_told_how_to_get_one(app: RunningApp) -> None:
    with stranger(app) as client:
        client.headers["Accept"] = "text/html,application/xhtml+xml,*/*;q=0.8"
        for path in ("/docs", "/number", "/nothing", "/view/root/"):
            answer = client.get(path)
            assert answer.status_code == 401, path
            assert answer.headers["content-type"].startswith("text/html")
            assert answer.headers["cache-control"] == "no-store"
            assert "Follow the link that" in answer.text
            assert f"{address(app)}/api/v1/login-links" in answer.text
            assert "root." not in answer.text
            assert "shop" not in answer.text.lower(), "nothing of the app is told"
        for value in ("Bearer wrong", ""):
            assert client.post("/add", headers={"Authorization": value}).json()["reason"] == "UNAUTHENTICATED"
        odd = client.get("/docs", headers={"Host": "localhost:<b>"})
        assert "<b>" not in odd.text


def test_an_origin_counts_for_programs_too(app: RunningApp) -> None:
    with http(app) as client:
        assert client.post("/add").json() == 1
        assert client.post("/add", headers={"Origin": "http://evil.example"}).status_code == 403
        assert client.options("/add", headers={"Origin": "http://evil.example"}).status_code == 403
        own = {"Origin": address(app)}
        assert client.post("/add", headers=own).json() == 2
        assert client.options("/add", headers=own).status_code == 405


def test_no_other_origin_is_ever_allowed(app: RunningApp) -> None:
    with http(app) as client:
        answer = client.get("/api/v1/state", headers={"Origin": "http://evil.example"})
        preflight = client.options("/add", headers={"Access-Control-Request-Method": "POST"})
        own = client.get("/api/v1/state", headers={"Origin": address(app)})
    assert answer.status_code == own.status_code == 200, (
        "a read is answered; the browser keeps it from the page"
    )
    for headers in (answer.headers, own.headers, preflight.headers):
        assert [name for name in headers if name.startswith("access-control")] == []
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"


def test_a_name_that_somebody_points_at_this_host_is_not_answered_to(app: RunningApp) -> None:
    port = address(app).rpartition(":")[2]
    with http(app) as client:
        for name in (
            "evil.example",
            f"evil.example:{port}",
            "127.0.0.1.evil.example",
            "localhost.evil.example",
            "",
        ):
            for path in ("/api/v1/state", "/healthz", "/items/any"):
                assert client.get(path, headers={"Host": name}).status_code == 403, name
        for name in (f"127.0.0.1:{port}", f"localhost:{port}", "LOCALHOST:9", "[::1]:9"):
            for path in ("/api/v1/state", "/healthz", "/items/any"):
                assert client.get(path, headers={"Host": name}).status_code == 200, name


def test_another_name_is_allowed_by_an_option(make_app: MakeApp) -> None:
    app = make_app(APP, "--http-name", "shop.example").start()
    with http(app) as client:
        headers = {"Host": "shop.example", "Origin": "https://shop.example"}
        assert client.post("/add", headers=headers).json() == 1
        assert client.post("/add", headers=headers | {"Host": "evil.example"}).status_code == 403
        assert client.post("/add", headers=headers | {"Host": "localhost"}).status_code == 403, (
            "not its Origin"
        )
        assert client.post("/add", headers={"Host": "localhost", "Origin": "http://localhost"}).json() == 2


def test_a_body_that_is_too_large_is_refused(app: RunningApp) -> None:
    mebibyte = b" " * 1024 * 1024
    with http(app) as client:
        answer = client.post("/api/v1/commands/add", content=(mebibyte for _ in range(65)))
        assert answer.status_code == 413
        assert client.get("/number").json() == 0
        answer = client.post("/api/v1/commands/add", content=(mebibyte for _ in range(63)))
        assert (answer.status_code, client.get("/number").json()) == (200, 1)


RAW = {
    ("GET /api/v1/state HTTP/1.1", "Host: localhost"): 200,
    ("GET /api/v1/state HTTP/1.1",): 400,
    ("GET /api/v1/state HTTP/1.1", "Host: localhost", "Host: evil.example"): 400,
    ("GET /../../etc/passwd HTTP/1.1", "Host: localhost"): 404,
    ("NONSENSE",): 400,
    ("GET /api/v1/state HTTP/1.1", "Host: localhost", "Upgrade: websocket", "Connection: Upgrade"): 400,
}
"""Requests of somebody who may read, and the status of their answers."""


def test_what_no_browser_sends_is_refused(app: RunningApp) -> None:
    port = int(address(app).rpartition(":")[2])
    token = f"Authorization: {bearer(app, 'read')['Authorization']}"
    for lines, status in RAW.items():
        with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
            connection.sendall("\r\n".join((*lines, token, "\r\n")).encode())
            answer = connection.recv(4096).split(b"\r\n")[0].split()[1]
        assert int(answer) == status, lines


def test_a_stream_is_for_those_who_may_read(app: RunningApp) -> None:
    with http(app, "read") as client, client.stream("GET", "/api/v1/watch") as stream:
        assert next(events(stream)).kind == "snapshot"
    with http(app, "work") as client:
        assert client.get("/api/v1/watch").status_code == 403


@pytest.mark.slow
def test_strangers_are_served_over_tls_only(make_app: MakeApp, tmp_path: Path) -> None:
    command = shlex.split("openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=shop.example")
    command += [
        "-addext",
        "subjectAltName=DNS:shop.example,IP:127.0.0.1",
        "-keyout",
        "key.pem",
        "-out",
        "cert.pem",
    ]
    subprocess.run(command, cwd=tmp_path, capture_output=True, check=True)
    options = [
        "--http",
        "0.0.0.0:0",
        "--tls-cert",
        f"{tmp_path}/cert.pem",
        "--tls-key",
        f"{tmp_path}/key.pem",
    ]
    app = make_app(APP, *options).start()
    origin = address(app).replace("0.0.0.0", "127.0.0.1")
    assert origin.startswith("https://")
    trust = ssl.create_default_context(cafile=tmp_path / "cert.pem")
    with httpx.Client(base_url=origin, verify=trust, trust_env=False, timeout=60) as client:
        entered = client.get("/login", params={"key": page_url(app).partition("key=")[2]})
        assert "Secure" in entered.headers["set-cookie"]
        assert client.post("/add", headers={"Origin": origin}).json() == 1
        for name, status in (("evil.example", 403), ("127.0.0.1", 200)):
            headers = {"Host": name} | bearer(app, "call")
            assert client.get("/number", headers=headers).status_code == status, name
