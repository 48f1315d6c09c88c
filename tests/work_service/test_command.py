"""`flowctl work serve`, as far as it goes without a flow."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from flowrpc.cli.work import work

from tests.work_service.conftest import on_a_loop
from tests.work_service.flow_double import flow_double

pytestmark = pytest.mark.slow


def options(app_file: Path, flow: str) -> list[str]:
    token = str(app_file.with_name("token"))
    return ["serve", str(app_file), "--work", "root.behave", "--flow", flow, "--token-file", token]


@pytest.mark.parametrize("address", ["nowhere", "host:port", "host:0", "host:70000"])
def test_an_address_that_is_none_is_wrong_usage(app_file: Path, address: str) -> None:
    result = CliRunner().invoke(work, options(app_file, address))
    assert result.exit_code == 2
    assert "HOST:PORT" in result.output


def test_works_must_be_named(app_file: Path) -> None:
    result = CliRunner().invoke(work, ["serve", str(app_file), "--flow", "localhost:1", "--token-file", "x"])
    assert result.exit_code == 2


@on_a_loop
async def test_it_says_when_it_is_attached_and_ends_at_ctrl_c(app_file: Path) -> None:
    async with flow_double() as flow:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", "from flowrpc.cli.work import work; work()"),
            *options(app_file, flow.address),
            *("--agent-id", "by hand"),
            stderr=asyncio.subprocess.PIPE,
        )
        assert process.stderr is not None
        line = (await process.stderr.readline()).decode()
        assert line == f"attached to {flow.address} as by hand for root.behave\n"
        flow.hang_up()
        assert "lost" in (await process.stderr.readline()).decode()
        assert "regained" in (await process.stderr.readline()).decode()
        process.send_signal(signal.SIGINT)
        assert await process.wait() == 0
