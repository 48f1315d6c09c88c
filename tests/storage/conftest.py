"""Storages of every kind, and works in workspaces of their own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path as LocalPath
from uuid import uuid4

import pytest
from flowrpc.storage.backend import Backend, backend_of
from flowrpc.storage.depot import Depot
from flowrpc.storage.exchange import Exchange
from flowrpc.storage.workspace import Workspace

from tests.storage.ftp_server import PASSWORD, USER

MakeExchange = Callable[..., Exchange]


@pytest.fixture(scope="session")
def ftp_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serves a folder by FTP."""
    script = LocalPath(__file__).with_name("ftp_server.py")
    folder = tmp_path_factory.mktemp("ftp")
    server = subprocess.Popen([sys.executable, script, folder], stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        yield f"ftp://127.0.0.1:{int(server.stdout.readline())}"
        server.stdout.close()
    finally:
        server.kill()
        server.wait()


@pytest.fixture
def ftp_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FSSPEC_FTP_USERNAME", USER)
    monkeypatch.setenv("FSSPEC_FTP_PASSWORD", PASSWORD)
    from fsspec.config import conf, set_conf_env

    set_conf_env(conf)
    monkeypatch.setitem(conf, "ftp", conf["ftp"])


@pytest.fixture(params=["folder", "memory", "ftp"])
def url(request: pytest.FixtureRequest, tmp_path: LocalPath) -> str:
    """Names an empty storage of each kind."""
    if request.param == "folder":
        return (tmp_path / "storage").as_uri()
    if request.param == "memory":
        return f"memory://{uuid4().hex}"
    request.getfixturevalue("ftp_credentials")
    return f"{request.getfixturevalue('ftp_url')}/{uuid4().hex}"


@pytest.fixture
def backend(url: str) -> Backend:
    return backend_of(url)


@pytest.fixture
def depot(url: str) -> Depot:
    """A storage that the flow has marked."""
    depot = Depot(url, "journal")
    depot.mark()
    return depot


@pytest.fixture
def folder_depot(tmp_path: LocalPath) -> Depot:
    depot = Depot((tmp_path / "storage").as_uri(), "journal")
    depot.mark()
    return depot


@pytest.fixture
def make_exchange(tmp_path: LocalPath, folder_depot: Depot) -> MakeExchange:
    """Makes what a work has in its process."""

    def make(work: str, depot: Depot | None = folder_depot) -> Exchange:
        return Exchange(work=work, workspace=Workspace(tmp_path / "works" / work, work), depot=depot)

    return make
