"""flowctl in a process that dies with the test that started it: `python -m flowrpc.testing.served PARENT_PID …`."""

from __future__ import annotations

import sys

from flowrpc.work_service.parent import die_with_parent


def main() -> None:
    """Is flowctl from here on."""
    die_with_parent(int(sys.argv[1]))
    from flowrpc_client.flowctl import main as flowctl

    flowctl(sys.argv[2:])


if __name__ == "__main__":
    main()
