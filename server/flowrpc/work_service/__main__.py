"""`python -m flowrpc.work_service`: the agent that a placement starts."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from flowrpc.protocol.resources import parse_bytes, parse_label
from flowrpc.work_service.serve import MAX_WORKS, options_from, serve


def main(arguments: list[str]) -> int:
    """Serves until a signal, and returns the exit code."""
    options = vars(_parser().parse_args(arguments))
    return serve(options_from(**options | {"labels": dict(options["labels"])}))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m flowrpc.work_service", description=__doc__)
    parser.add_argument("app_file", type=Path, help="the file that holds the app")
    parser.add_argument(
        "--work", dest="works", action="append", required=True, help="name or pattern of works"
    )
    parser.add_argument("--flow", dest="address", required=True, help="HOST:PORT of the flow service")
    parser.add_argument("--token-file", type=Path, required=True)
    parser.add_argument("--agent-id", required=True)
    parser.add_argument("--boot-id", help="identity of this process; made up if absent")
    parser.add_argument("--tls-ca", type=Path, help="root certificates; absent: no TLS")
    parser.add_argument(
        "--max-works", type=int, default=MAX_WORKS, help="how many works to execute at a time"
    )
    parser.add_argument("--files-dir", type=Path, help="where works have their files")
    parser.add_argument("--cpus", type=float, help="processors that works may take")
    parser.add_argument("--memory", type=parse_bytes, help="memory that works may take: 16GiB")
    parser.add_argument("--gpus", type=int, help="GPUs that works may take")
    parser.add_argument(
        "--label", dest="labels", metavar="KEY=VALUE", type=parse_label, action="append", default=[]
    )
    parser.add_argument("--parent-pid", type=int, help="the process to die with")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
