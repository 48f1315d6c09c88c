"""A function as a page, drawn by Streamlit."""

from flowrpc.frontend import StreamlitFrontend

__all__ = ["StreamlitFrontend"]
