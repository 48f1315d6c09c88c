"""Pages that Streamlit draws in real apps: behind the app's login, with the flow's state, and gone with the app."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

from tests.end_to_end.conftest import MakeApp, RunningApp, descendants, wait_until_gone
from tests.end_to_end.http_client import address, bearer, browser, http, stranger

APP = """
from flowrpc import StreamlitFrontend


def page(state):
    import streamlit as st

    st.title(f"count {state.count}")
    if st.button("more"):
        state.count += 1
    if st.query_params.get("die"):
        os._exit(3)


class Shop(LightningFlow):
    def __init__(self):
        self.count = 5

    def configure_layout(self):
        return StreamlitFrontend(page)


class Root(LightningFlow):
    def __init__(self):
        self.shop = Shop()

    def run(self):
        pass


app = LightningApp(Root())
"""
VIEW = "/view/root.shop/"
PAGE = Path(__file__).parents[2] / "docs/reference/layout.md"


pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


@pytest.fixture
def app(make_app: MakeApp) -> RunningApp:
    return make_app(APP).start()


def wait_until_healthy(client: httpx.Client, view: str = VIEW) -> httpx.Response:
    """Waits for the server of the page, which starts beside the app."""
    end = time.monotonic() + 60
    while (answer := client.get(f"{view}_stcore/health")).status_code == 502:
        assert time.monotonic() < end
    return answer


def dial(
    app: RunningApp, headers: dict[str, str], origin: str | None = None, view: str = VIEW
) -> ClientConnection:
    return connect(
        f"{address(app).replace('http', 'ws', 1)}{view}_stcore/stream",
        origin=Origin(origin) if origin else None,
        additional_headers=headers,
        subprotocols=[Subprotocol("streamlit")],
        max_size=None,
        proxy=None,
    )


def refused(app: RunningApp, headers: dict[str, str], origin: str | None = None) -> int:
    with pytest.raises(InvalidStatus) as caught:
        dial(app, headers, origin)
    return caught.value.response.status_code


def cookie(client: httpx.Client) -> dict[str, str]:
    return {"Cookie": "; ".join(f"{name}={value}" for name, value in client.cookies.items())}


def rerun(socket: ClientConnection, clicked: str = "", query: str = "") -> list[Any]:
    """Runs the page as a browser asks for it; returns what it showed, as elements."""
    message = BackMsg()
    message.rerun_script.query_string = query
    if clicked:
        state = message.rerun_script.widget_states.widgets.add()
        state.id, state.trigger_value = clicked, True
    socket.send(message.SerializeToString())
    shown: list[Any] = []
    while True:
        told = ForwardMsg.FromString(socket.recv(timeout=60, decode=False))
        if told.WhichOneof("type") == "delta":
            shown.append(told.delta.new_element)
        if told.WhichOneof("type") == "script_finished":
            return shown


def title(shown: list[Any]) -> str:
    return next(str(element.heading.body) for element in shown if element.WhichOneof("type") == "heading")


def button(shown: list[Any]) -> str:
    return next(str(element.button.id) for element in shown if element.WhichOneof("type") == "button")


def test_a_page_reads_and_sets_the_state_of_its_flow(app: RunningApp) -> None:
    with browser(app) as client:
        assert wait_until_healthy(client).text == "ok"
        page = client.get(VIEW)
        assert page.status_code == 200
        assert "<title>Streamlit</title>" in page.text
        with dial(app, cookie(client), address(app)) as socket:
            assert socket.subprotocol == "streamlit"
            shown = rerun(socket)
            assert title(shown) == "count 5"
            rerun(socket, clicked=button(shown))
            with app.client() as program:
                assert program.state("root.shop")["vars"] == {"count": 6}
                program.update("root.shop", {"count": 41})
            assert title(rerun(socket)) == "count 41", "each rerun reads the state anew"
    assert app.end() == 0


def test_the_example_of_the_reference_counts(make_app: MakeApp) -> None:
    app = make_app("")
    (app.folder / "app.py").write_text(re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)[1])
    app.start()
    with http(app) as client:
        wait_until_healthy(client, "/view/root.orders/")
    with dial(app, bearer(app, "call"), view="/view/root.orders/") as socket:
        shown = rerun(socket)
        assert title(shown) == "0 orders"
        rerun(socket, clicked=button(shown))
    with app.client() as program:
        assert program.state("root.orders")["vars"] == {"count": 1}


def test_a_page_is_for_those_who_may_call(app: RunningApp) -> None:
    with browser(app) as client, stranger(app) as nobody:
        wait_until_healthy(client)
        ours = address(app)
        assert nobody.get(VIEW).status_code == 401
        assert refused(app, {}) == 401
        assert refused(app, {}, ours) == 401
        assert refused(app, {"Cookie": "flowrpc-1=x"}, ours) == 401
        assert refused(app, cookie(client)) == 403, "browsers tell where a WebSocket comes from"
        assert refused(app, cookie(client), "http://evil.example") == 403
        assert refused(app, cookie(client) | {"Authorization": "Bearer wrong"}, ours) == 401
        assert refused(app, bearer(app, "read")) == 403
        with http(app, "read") as reader:
            assert reader.get(f"{VIEW}_stcore/health").status_code == 200
            assert reader.post(f"{VIEW}_stcore/health").status_code == 403
        with dial(app, bearer(app, "call")) as socket:
            assert title(rerun(socket)) == "count 5"


def test_a_page_that_dies_is_started_again(app: RunningApp) -> None:
    with browser(app) as client:
        wait_until_healthy(client)
        with dial(app, cookie(client), address(app)) as socket, pytest.raises(Exception, match="1001"):
            rerun(socket, query="die=1")
        assert wait_until_healthy(client).text == "ok"
        with dial(app, cookie(client), address(app)) as socket:
            assert title(rerun(socket)) == "count 5"
    assert app.end() == 0
    assert "the server of the page of root.shop ended with exit code 3; it is started again" in app.stderr()


def kill(app: RunningApp) -> None:
    app.kill()


def end(app: RunningApp) -> None:
    assert app.end() == 0


@pytest.mark.parametrize("ended", [end, kill])
def test_nothing_of_a_page_survives_the_app(app: RunningApp, ended: Callable[[RunningApp], None]) -> None:
    with browser(app) as client:
        wait_until_healthy(client)
        with dial(app, cookie(client), address(app)) as socket:
            rerun(socket)
            started = descendants(app.pid)
            assert any(b"streamlit" in command(pid) for pid in started)
            ended(app)
    wait_until_gone(started)


def command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def test_a_page_of_another_module_is_drawn(make_app: MakeApp) -> None:
    app = make_app(APP.replace("def page(state):", "def unused(state):"))
    source = (app.folder / "app.py").read_text()
    (app.folder / "app.py").write_text(
        source.replace("class Shop", "from looks.shop import page\n\n\nclass Shop")
    )
    (app.folder / "looks").mkdir()
    (app.folder / "looks" / "shop.py").write_text(
        "import streamlit as st\n\n\ndef page(state):\n    st.title(f'elsewhere {state.count}')\n"
    )
    app.start()
    with http(app) as client:
        wait_until_healthy(client)
        with dial(app, bearer(app, "call")) as socket:
            assert title(rerun(socket)) == "elsewhere 5"


def test_without_streamlit_the_start_says_how_to_get_it(make_app: MakeApp) -> None:
    app = make_app("import sys\nsys.modules['streamlit'] = None\n" + APP)
    app.launch()
    assert app.wait() == 2
    assert 'install it: pip install "flowrpc[streamlit]"' in app.stderr()
    assert "Traceback" not in app.stderr()


def test_a_function_that_cannot_be_imported_is_refused_at_the_start(make_app: MakeApp) -> None:
    app = make_app(APP.replace("StreamlitFrontend(page)", "StreamlitFrontend(self.run)"))
    app.launch()
    assert app.wait() == 2
    assert "StreamlitFrontend doesn't support `render_fn` being a method" in app.stderr()
