"""Ready-made works: scripts in the work's process or in one of their own, and a server of predictions."""

from flowrpc.components.popen_python_script import PopenPythonScript
from flowrpc.components.python_server import PythonServer
from flowrpc.components.served_types import Category, Image, Number, Text
from flowrpc.components.tracer import TracedCall, Tracer
from flowrpc.components.tracer_python_script import TracerPythonScript

__all__ = [
    "Category",
    "Image",
    "Number",
    "PopenPythonScript",
    "PythonServer",
    "Text",
    "TracedCall",
    "Tracer",
    "TracerPythonScript",
]
