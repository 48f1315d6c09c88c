"""Frontends: what serves the pages of a flow."""

from __future__ import annotations

from abc import ABC, abstractmethod


class Frontend(ABC):
    """Serves the pages of a flow from a server of its own, which the app starts, stops and stands in front of.

    Browsers ask the app, which checks who they are and passes on what is below `/view/NAME/`. So the server listens on
    this host only, and what it sends refers to its own pages by relative addresses, or by ones below `root_path`.
    """

    keeps_root_path = False
    """Whether the paths of requests arrive as browsers see them, with `root_path` in front."""

    @abstractmethod
    def start_server(self, host: str, port: int, root_path: str = "") -> None:
        """Starts the server and returns; it may still be on its way when this returns.

        Args:
            host: Where to listen: a loopback address.
            port: A port that was free a moment ago.
            root_path: What the paths of requests begin with, as browsers see them: `/view/root.child`. They arrive
                without it, unless `keeps_root_path` says otherwise.
        """

    @abstractmethod
    def stop_server(self) -> None:
        """Stops the server. It is called once for each start, also when the server never got ready or died."""
