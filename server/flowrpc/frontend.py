"""What `configure_layout` of a flow may return to show pages of its own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from flowrpc.component.frontend import Frontend
from flowrpc.errors import ComponentError
from flowrpc.pages.streamlit_frontend import StreamlitFrontend

if TYPE_CHECKING:
    from flowrpc.gateway.static_files import StaticServer

__all__ = ["Frontend", "StaticWebFrontend", "StreamlitFrontend"]


class StaticWebFrontend(Frontend):
    """Serves the files of a folder, `index.html` first.

    In an app the gateway serves them itself, so there is no server to start.

    Args:
        serve_dir: The folder; a relative one counts from where the app was started.

    Raises:
        ComponentError: There is no such folder, or no index.html in it.
    """

    def __init__(self, serve_dir: str | Path) -> None:
        folder = Path(serve_dir).resolve()
        if not (folder / "index.html").is_file():
            lacks = "has no index.html" if folder.is_dir() else "is no folder"
            raise ComponentError(f"StaticWebFrontend({str(serve_dir)!r}): {folder} {lacks}")
        self.serve_dir = folder
        """The folder, absolute."""
        self._server: StaticServer | None = None

    def start_server(self, host: str, port: int, root_path: str = "") -> None:
        """Serves the folder outside of an app, in a thread."""
        from flowrpc.gateway.static_files import StaticServer

        self._server = StaticServer(self.serve_dir, host, port, root_path)
        self._server.start()

    def stop_server(self) -> None:
        """Stops what `start_server` started."""
        if self._server is not None:
            self._server.stop()
            self._server = None
