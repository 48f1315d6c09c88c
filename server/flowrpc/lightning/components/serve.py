"""Works that serve predictions."""

from flowrpc.components import Category, Image, Number, PythonServer, Text

__all__ = ["Category", "Image", "Number", "PythonServer", "Text"]
