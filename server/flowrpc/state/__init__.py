"""What state is: values, changes, tracked containers, paths and the fold."""

from flowrpc.state.changes import Change, Path, Reinsert, Remove, Set, Splice, format_path
from flowrpc.state.containers import Tracked, TrackedDict, TrackedList, detach, track, untrack
from flowrpc.state.extension import Extension
from flowrpc.state.fold import apply, apply_tracked, vars_hash
from flowrpc.state.folding import Folded
from flowrpc.state.log import ChangeLog, Entry
from flowrpc.state.owner import Owner
from flowrpc.state.values import (
    MAX_BIG_INT_DIGITS,
    MAX_DEPTH,
    MAX_VALUE_BYTES,
    SCALARS,
    Scalar,
    Value,
    canonical_key,
    copy_value,
    is_plain_scalar,
    same,
)

__all__ = [
    "MAX_BIG_INT_DIGITS",
    "MAX_DEPTH",
    "MAX_VALUE_BYTES",
    "SCALARS",
    "Change",
    "ChangeLog",
    "Entry",
    "Extension",
    "Folded",
    "Owner",
    "Path",
    "Reinsert",
    "Remove",
    "Scalar",
    "Set",
    "Splice",
    "Tracked",
    "TrackedDict",
    "TrackedList",
    "Value",
    "apply",
    "apply_tracked",
    "canonical_key",
    "copy_value",
    "detach",
    "format_path",
    "is_plain_scalar",
    "same",
    "track",
    "untrack",
    "vars_hash",
]
