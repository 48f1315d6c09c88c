"""A work that runs a script in a process of its own."""

from flowrpc.components import PopenPythonScript

__all__ = ["PopenPythonScript"]
