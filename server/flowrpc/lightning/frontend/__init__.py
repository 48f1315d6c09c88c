"""What serves a page."""

from flowrpc.frontend import Frontend, StaticWebFrontend
from flowrpc.lightning.absence import without

__all__ = ["Frontend", "StaticWebFrontend"]

_BY_A_WORK = (
    "run its server in a work, on self.host and self.port, and show that work in a tab of configure_layout"
)

__getattr__ = without(
    __name__,
    {
        "JustPyFrontend": _BY_A_WORK,
        "PanelFrontend": _BY_A_WORK,
        "StreamlitFrontend": f"it is not there yet; {_BY_A_WORK}",
    },
)
