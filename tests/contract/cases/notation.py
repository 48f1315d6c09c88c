"""How the vectors write values, components and messages, so that a reader of any language can check itself."""

from __future__ import annotations

import base64
from typing import Any

from flowrpc.state.canonical import canonical_bytes
from flowrpc.state.exact_json import to_json
from flowrpc.state.records import ComponentRecord, Run
from flowrpc.state.values import Value
from flowrpc.wire.values import encode_value


def written_value(value: Value) -> dict[str, Any]:
    """Writes a value: its message, its meaning, and the bytes that its hash is made of."""
    return {
        "message": base64_of(encode_value(value)),
        "json": to_json(value, safe_ints=True),
        "hashed": base64.b64encode(canonical_bytes(value, ordered=True)).decode(),
    }


def base64_of(message: Any) -> str:
    """Writes a message."""
    return base64.b64encode(message.SerializeToString(deterministic=True)).decode()


def written_component(record: ComponentRecord) -> dict[str, Any]:
    """Writes a component as an export has it, with its vars as pairs: not every reader keeps their order."""
    recipe = record.recipe
    written = {
        "name": record.name,
        "kind": record.kind.value,
        "type": record.type,
        "vars": [[name, to_json(value, safe_ints=True)] for name, value in record.vars.items()],
    }
    if recipe is None:
        return written
    args = [to_json(value, safe_ints=True) for value in recipe.args]
    kwargs = [[name, to_json(value, safe_ints=True)] for name, value in recipe.kwargs.items()]
    return written | {"recipe": {"type": recipe.type, "args": args, "kwargs": kwargs}}


def written_run(run: Run) -> dict[str, Any]:
    """Writes what a replica surely keeps of a run."""
    return {"run_id": run.run_id, "work": run.work, "status": run.status.value}
