"""The annotations of Python that a typed client has for the shapes of its contract."""

from __future__ import annotations

from flowrpc.contract.shape import Known, KnownMessage, Leaf, ListOf, MapOf, Maybe, OneOf, Ref, Scalar, Shape

_SCALARS = {
    Scalar.BOOL: "bool",
    Scalar.INT64: "int",
    Scalar.DOUBLE: "float",
    Scalar.STRING: "str",
    Scalar.BYTES: "bytes",
}
_KNOWN = {
    Known.TIMESTAMP: "_datetime.datetime",
    Known.DURATION: "_datetime.timedelta",
    Known.VALUE: "_Any",
    Known.FIELD_MASK: "list[str]",
}
USED_NAMES = frozenset({*_SCALARS.values(), "list", "dict"})
"""Names of Python that annotations use, which a field of the same name would hide."""


def annotation(shape: Shape, *, prefix: str = "") -> str:
    """Writes the annotation of a shape.

    Args:
        shape: The shape.
        prefix: What stands before names of builtins, where they are hidden.
    """
    match shape:
        case ListOf(item=item):
            return f"{prefix}list[{annotation(item, prefix=prefix)}]"
        case MapOf(item=item):
            return f"{prefix}dict[{prefix}str, {annotation(item, prefix=prefix)}]"
        case Maybe(item=item):
            return or_none(annotation(item, prefix=prefix))
        case OneOf(members=members):
            parts = [annotation(member, prefix=prefix) for _, member in members]
            return " | ".join(dict.fromkeys(parts))
        case _:
            return _single(shape, prefix)


def _single(shape: Leaf | KnownMessage | Ref, prefix: str) -> str:
    match shape:
        case Leaf(scalar=scalar):
            return prefix + _SCALARS[scalar]
        case KnownMessage(message=message):
            return _KNOWN[message]
        case Ref(name=name):
            return name


def or_none(written: str) -> str:
    """Lets an annotation be None, too."""
    return written if written == "_Any" or written.endswith("| None") else f"{written} | None"
