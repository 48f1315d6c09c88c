"""A work that runs a script in its own process."""

from flowrpc.components import Tracer, TracerPythonScript

__all__ = ["Tracer", "TracerPythonScript"]
