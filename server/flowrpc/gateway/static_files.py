"""Folders of files: jailed, with ranges and etags."""

from __future__ import annotations

import threading
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles
from starlette.types import Scope


class Folder(StaticFiles):
    """Serves the files of a folder. What leads out of it, by `..` or by a link, is not found."""

    def __init__(self, folder: Path) -> None:
        super().__init__(directory=folder.resolve(), html=True, follow_symlink=False)

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Answers a request; browsers keep files, and ask each time whether they are still good."""
        response = await super().get_response(path, scope)
        response.headers.setdefault("cache-control", "no-cache")
        return response


class StaticServer:
    """Serves a folder from a thread."""

    def __init__(self, folder: Path, host: str, port: int, root_path: str) -> None:
        app = Starlette(routes=[Mount(root_path or "/", Folder(folder))])
        config = uvicorn.Config(app, host=host, port=port, log_config=None, lifespan="off", access_log=False)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, name=f"static-{port}", daemon=True)

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Ends it, and what is under way."""
        self._server.should_exit = True
        self._thread.join()
