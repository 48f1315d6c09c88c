"""Files and objects that works hand over to each other: `Path`, `Drive`, `Payload`."""

from flowrpc.storage.drive import Drive
from flowrpc.storage.path import Path
from flowrpc.storage.payload import Payload

__all__ = ["Drive", "Path", "Payload"]
