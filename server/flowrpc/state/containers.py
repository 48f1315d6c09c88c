"""Lists and dicts that record what happens to them.

Whatever is put in is checked and copied; whatever is taken out is plain. A container that was taken out
is detached: it goes on as a list or dict, and records nothing. Code in C that bypasses the methods (`heapq`,
`list.append(tracked, …)`) is not seen.

Every operation checks first, records second and changes last, so one that raises has changed nothing.
"""

from flowrpc.state.tracked_dict import TrackedDict
from flowrpc.state.tracked_list import TrackedList
from flowrpc.state.tracking import Tracked, detach, track, untrack

__all__ = ["Tracked", "TrackedDict", "TrackedList", "detach", "track", "untrack"]
