"""An encrypted connection: the token travels over it, and only to a service whose certificate is trusted."""

import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
from flowrpc.v1.flow_service_pb2_grpc import add_FlowServiceServicer_to_server
from flowrpc_client import FlowClient, NotReachableError

from tests.client.fake_service import FakeService

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="makes certificates with openssl")


def certify(directory: Path, name: str) -> tuple[Path, Path]:
    """Makes a key and a certificate that signs itself."""
    key, certificate = directory / f"{name}.key", directory / f"{name}.pem"
    subprocess.run(
        [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=localhost",
            "-addext",
            "subjectAltName=DNS:localhost",
            "-keyout",
            str(key),
            "-out",
            str(certificate),
        ],
        check=True,
        capture_output=True,
    )
    return key, certificate


@pytest.fixture
def encrypted(service: FakeService, tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """Serves the fake with TLS; gives its address and certificate."""
    key, certificate = certify(tmp_path, "service")
    server = grpc.server(ThreadPoolExecutor(4))
    add_FlowServiceServicer_to_server(service, server)
    pair = (key.read_bytes(), certificate.read_bytes())
    port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([pair]))
    server.start()
    yield f"localhost:{port}", certificate
    server.stop(None).wait()


def test_a_trusted_service_gets_the_token(encrypted: tuple[str, Path], token_file: Path) -> None:
    address, certificate = encrypted

    with FlowClient(address, token_file, tls_ca=certificate) as client:
        assert client.app().name == "fake"


def test_a_service_with_another_certificate_is_not_reached(
    encrypted: tuple[str, Path], token_file: Path, tmp_path: Path
) -> None:
    address, _ = encrypted
    _, other = certify(tmp_path, "other")

    with FlowClient(address, token_file, tls_ca=other) as client, pytest.raises(NotReachableError):
        client.app()
