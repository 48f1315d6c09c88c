"""Pages that Streamlit serves."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flowrpc.component.frontend import Frontend
from flowrpc.pages.render_function import check_render_function

if TYPE_CHECKING:
    from flowrpc.pages.streamlit_server import StreamlitServer


class StreamlitFrontend(Frontend):
    """Serves a page that a function draws with Streamlit, which `pip install "flowrpc[streamlit]"` installs.

    The page runs in a process of its own, which begins and ends with the app. It imports the function by its name, and
    calls it at each rerun with the flow's `AppState`: what it reads there is the flow's state, what it sets reaches the
    flow.

    Args:
        render_fn: The function, at the top of a module. A method, lambda or local function cannot be imported.

    Raises:
        TypeError: It is no such function.
        ModuleNotFoundError: Streamlit is not installed.
    """

    keeps_root_path = True

    def __init__(self, render_fn: Callable[[Any], Any]) -> None:
        check_render_function(render_fn, type(self).__name__)
        _check_installed()
        self.render_fn = render_fn
        """The function."""
        self._flow = "root"
        self._data_dir: Path | None = None
        self._server: StreamlitServer | None = None

    def belong_to(self, flow: str, data_dir: Path) -> None:
        """Tells whose page it is, before the start.

        Args:
            flow: Full name of the flow.
            data_dir: The app's data directory, where the page's process finds the address and its token.
        """
        self._flow = flow
        self._data_dir = data_dir

    def start_server(self, host: str, port: int, root_path: str = "") -> None:
        """Starts Streamlit, which serves below `root_path`."""
        from flowrpc.pages.drawn_page import DrawnPage
        from flowrpc.pages.streamlit_server import StreamlitServer

        page = DrawnPage.of(self.render_fn, self._flow)
        self._server = StreamlitServer(page, self._data_dir, host=host, port=port, root_path=root_path)
        self._server.start()

    def stop_server(self) -> None:
        """Ends it, and all that the page started."""
        if self._server is not None:
            self._server.stop()
            self._server = None


@cache
def _check_installed() -> None:
    if importlib.util.find_spec("streamlit") is None:
        raise ModuleNotFoundError(
            'StreamlitFrontend needs streamlit; install it: pip install "flowrpc[streamlit]"',
            name="streamlit",
        )
