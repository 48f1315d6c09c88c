"""Loading the app that a file holds."""

from flowrpc.lightning.runners import load_app_from_file

__all__ = ["load_app_from_file"]
