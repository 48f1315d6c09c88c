"""An app that strangers can reach: encrypted for them, and as ever for this host."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from flowrpc_client import FlowClient

from tests.end_to_end.conftest import MakeApp, flowctl, var
from tests.end_to_end.test_life import WORKING


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """Makes a self-signed certificate for the loopback address; returns it and its key."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("no openssl to make a certificate with")
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    facts = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    command = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *facts]
    subprocess.run([*command, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    return certificate, key


def test_works_run_and_clients_call_where_the_address_is_encrypted(make_app: MakeApp, tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path)
    app = make_app(WORKING).start(
        "--address", "0.0.0.0:0", "--tls-cert", str(certificate), "--tls-key", str(key)
    )
    port = app.address.rpartition(":")[2]
    token = app.folder / ".flowrpc" / "tokens" / "call"

    with (
        FlowClient(f"127.0.0.1:{port}", token, tls_ca=certificate) as client,
        client.replica() as replica,
    ):
        replica.wait_for(lambda replica: var(replica, "root", "finished") > 0, timeout=60)

    assert flowctl("works", cwd=app.folder).returncode == 0, "found by itself, on this host"
    assert app.end() == 0
    assert "Handshake failed" not in app.stderr()
