"""An agent over TLS: it attaches to a flow whose certificate it is told to trust, and to no other."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from pathlib import Path

import grpc
import pytest

from tests.work_service.conftest import agent_process, on_a_loop, start_agent
from tests.work_service.flow_double import flow_double
from tests.work_service.test_agent import COUNTER

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("openssl") is None, reason="makes certificates with openssl"),
]

_NEW_CERTIFICATE = (
    *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
    *("-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"),
)


def certify(directory: Path, name: str) -> tuple[grpc.ServerCredentials, Path]:
    """Makes what a server needs, and the certificate that signs itself."""
    key, certificate = directory / f"{name}.key", directory / f"{name}.pem"
    files = ("-keyout", str(key), "-out", str(certificate))
    subprocess.run([*_NEW_CERTIFICATE, *files], check=True, capture_output=True)
    return grpc.ssl_server_credentials([(key.read_bytes(), certificate.read_bytes())]), certificate


async def complaint(agent: asyncio.subprocess.Process) -> bytes:
    """Waits for what the agent says of a flow that it cannot reach; gRPC says more, before and after."""
    assert agent.stderr is not None
    return await anext(line async for line in agent.stderr if b"cannot reach" in line)


@on_a_loop
async def test_an_agent_attaches_over_tls_and_executes(app_file: Path) -> None:
    credentials, certificate = certify(app_file.parent, "flow")
    async with (
        flow_double(credentials=credentials) as flow,
        agent_process(flow, app_file, "--tls-ca", str(certificate)),
    ):
        flow.start("root.counter", 3, vars=dict(COUNTER))
        assert (await flow.finished()).failure is None
        assert flow.vars["counter"] == 3


@pytest.mark.parametrize("trust", ["another certificate", "no TLS"])
@on_a_loop
async def test_an_agent_that_does_not_trust_its_flow_does_not_attach(app_file: Path, trust: str) -> None:
    credentials, _ = certify(app_file.parent, "flow")
    _, other = certify(app_file.parent, "other")
    options = ("--tls-ca", str(other)) if trust == "another certificate" else ()
    async with flow_double(credentials=credentials) as flow:
        process = await start_agent(flow.address, app_file, *options)
        try:
            async with asyncio.timeout(20):
                assert b"localhost" in await complaint(process)
            assert flow.hellos == []
        finally:
            process.kill()
            await process.communicate()


@on_a_loop
async def test_certificates_that_cannot_be_read_end_the_agent(app_file: Path) -> None:
    async with flow_double() as flow:
        process = await start_agent(flow.address, app_file, "--tls-ca", str(app_file.parent / "absent"))
        _, errors = await process.communicate()
        assert process.returncode == 3
        assert b"cannot read the root certificates" in errors
