"""Works that run Python scripts."""

from flowrpc.components import PopenPythonScript, TracerPythonScript

__all__ = ["PopenPythonScript", "TracerPythonScript"]
