"""What of an app's folder another host needs, and the archive that takes it there."""

from flowrpc.bundle.archive import Archived, write_archive
from flowrpc.bundle.concerns import Concern, concerns
from flowrpc.bundle.contents import Contents, Entry, Ignored, Kind, read_contents

__all__ = [
    "Archived",
    "Concern",
    "Contents",
    "Entry",
    "Ignored",
    "Kind",
    "concerns",
    "read_contents",
    "write_archive",
]
