"""Serving an app from Python: `MultiProcessRuntime(app).dispatch()` at the end of its file."""

from __future__ import annotations

import sys
from pathlib import Path

from flowrpc.component import LightningApp
from flowrpc.component.app_file import load_app as load_app_from_file
from flowrpc.errors import AppLoadError, StartError
from flowrpc.lightning.absence import without

__all__ = ["MultiProcessRuntime", "dispatch", "load_app_from_file"]

__getattr__ = without(
    __name__,
    {
        "CloudRuntime": "there is no such cloud; `flowctl work serve` executes works on other hosts",
        "SingleProcessRuntime": "works have processes of their own; flowrpc.testing.SimulatedApp runs an app in one",
    },
)


class MultiProcessRuntime:
    """Serves an app as `flowctl run` does, in the process that calls `dispatch`.

    The app stands at module level of the file that is executed, because the processes of its works import that file:

        app = LightningApp(Root())

        if __name__ == "__main__":
            MultiProcessRuntime(app).dispatch()

    Args:
        app: The app. A `LightningTestApp` is not served but simulated, with its hooks around each pass.
        start_server: Whether HTTP is served.
        host: Where HTTP is served.
        port: The port for that; 0: the one of the last time, or a free one.
    """

    def __init__(
        self, app: LightningApp, start_server: bool = True, *, host: str = "127.0.0.1", port: int = 0
    ) -> None:
        self.app = app
        self.start_server = start_server
        self.host = host
        self.port = port

    def dispatch(self, open_ui: bool = False) -> None:
        """Serves until the app ends, and returns if that was in order.

        Raises:
            AppLoadError: The app is not at module level of the file that is executed.
            StartError: A browser should be opened.
            SystemExit: The app failed or could not be served; the code is that of `flowctl run`.
            SimulationError: A `LightningTestApp` has nothing more to do, and no hook ended it.
            AppFailed: A `LightningTestApp` failed.
        """
        from flowrpc.lightning.testing.testing import LightningTestApp

        if isinstance(self.app, LightningTestApp):
            self.app.simulate()
            return
        path = _file_of(self.app, sys._getframe(1).f_globals["__name__"])
        dispatch(path, start_server=self.start_server, host=self.host, port=self.port, open_ui=open_ui)


def dispatch(
    entrypoint_file: str | Path,
    *,
    start_server: bool = True,
    host: str = "127.0.0.1",
    port: int = 0,
    name: str = "",
    open_ui: bool = False,
) -> None:
    """Serves the app of a file as `flowctl run FILE` does, until it ends in order.

    Args:
        entrypoint_file: The file.
        start_server: Whether HTTP is served.
        host: Where HTTP is served.
        port: The port for that; 0: the one of the last time, or a free one.
        name: Name of the app for `flowctl --app`; by default that of the file or its folder.
        open_ui: Is refused: the link to the page is printed, and works once.

    Raises:
        StartError: A browser should be opened.
        SystemExit: The app failed or could not be served; the code is that of `flowctl run`.
    """
    from flowrpc.cli.run import run

    if open_ui:
        raise StartError(
            "open_ui=True: no browser is opened; leave it out and follow the link that is printed"
        )
    options = ["--http", f"{host}:{port}"] if start_server else ["--no-http"]
    options += ["--name", name] if name else []
    try:
        run.main([str(entrypoint_file), *options], prog_name="flowctl run")
    except SystemExit as end:
        if end.code:
            raise


def _file_of(app: LightningApp, caller: str) -> Path:
    """Finds the file that is executed and has the app at its module level.

    Raises:
        AppLoadError: There is none.
    """
    main = sys.modules["__main__"]
    file = getattr(main, "__file__", None)
    if file is not None and any(value is app for value in vars(main).values()):
        return Path(file)
    raise AppLoadError(f"MultiProcessRuntime(app).dispatch(): {_problem(file, caller)}")


def _problem(file: str | None, caller: str) -> str:
    if caller != "__main__":
        return (
            f"the module {caller} is imported, not executed, for example by the processes of works; put the call below "
            "`if __name__ == \"__main__\":`. Another file is served by dispatch('FILE.py'); in a test, make the app a "
            "LightningTestApp"
        )
    if file is None:
        return (
            "works import the file that makes the app, and no file is executed here; write the app into one, and call "
            "dispatch('FILE.py') or `flowctl run FILE.py`"
        )
    return (
        f"the app is not at module level of {file}, where works find it; write `app = LightningApp(...)` there, and "
        'dispatch it below `if __name__ == "__main__":`'
    )
