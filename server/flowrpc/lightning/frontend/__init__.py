"""What serves a page."""

from flowrpc.frontend import Frontend, StaticWebFrontend, StreamlitFrontend
from flowrpc.lightning.absence import without

__all__ = ["Frontend", "StaticWebFrontend", "StreamlitFrontend"]

_BY_A_WORK = (
    "run its server in a work, on self.host and self.port, and show that work in a tab of configure_layout"
)

__getattr__ = without(
    __name__,
    {
        "JustPyFrontend": _BY_A_WORK,
        "PanelFrontend": _BY_A_WORK,
    },
)
