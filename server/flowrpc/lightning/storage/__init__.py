"""References to files."""

from flowrpc.lightning.absence import NO_MOUNT, without
from flowrpc.storage import Drive, Path, Payload

__all__ = ["Drive", "Path", "Payload"]

__getattr__ = without(
    __name__,
    {"FileSystem": "use a Drive for files that works share, or fsspec for any others", "Mount": NO_MOUNT},
)
