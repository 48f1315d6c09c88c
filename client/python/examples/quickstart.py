"""Calls a command of the one running app of this user, and waits until its state shows it.

python examples/quickstart.py add '{"name": "ann"}'
"""

from __future__ import annotations

import json
import sys

from flowrpc.errors import FlowrpcError
from flowrpc_client import CommandFailed, FlowClient


def main(command: str, arguments: str) -> None:
    with FlowClient() as client, client.replica() as replica:
        outcome = client.call_outcome(command, json.loads(arguments), timeout=30)
        if outcome.failure is not None:
            raise CommandFailed(command, outcome.failure)
        replica.wait_for(lambda replica: replica.revision >= outcome.revision, timeout=30)
        for name, value in replica.vars().items():
            print(f"{name} = {json.dumps(value, ensure_ascii=False)}")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: quickstart.py COMMAND ARGUMENTS_AS_JSON")
    try:
        main(*sys.argv[1:])
    except FlowrpcError as error:
        sys.exit(f"Error: {error}")
