"""A fake flow service for each test, and a run directory that no real app is in."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flowrpc.protocol.run_directory import AppEntry, publish
from flowrpc_client import FlowClient

from tests.client.fake_service import COMMANDS, JOURNAL, TOKEN, FakeService, RunningFake
from tests.client.offering import Offering


@pytest.fixture(autouse=True)
def run_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "run"
    monkeypatch.setenv("FLOWRPC_RUN_DIR", str(path))
    monkeypatch.delenv("FLOWCTL_ADDRESS", raising=False)
    monkeypatch.delenv("FLOWCTL_TOKEN_FILE", raising=False)
    return path


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.write_text(TOKEN + "\n")
    path.chmod(0o600)
    return path


@pytest.fixture
def service() -> FakeService:
    return FakeService()


@pytest.fixture
def offering(service: FakeService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Offering]:
    """Offers client parts to a user who trusts none yet."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    before = dict(COMMANDS)
    yield Offering(service)
    COMMANDS.clear()
    COMMANDS.update(before)


@pytest.fixture
def fake(service: FakeService) -> Iterator[RunningFake]:
    running = RunningFake(service)
    yield running
    running.close()


@pytest.fixture
def client(fake: RunningFake, token_file: Path) -> Iterator[FlowClient]:
    with FlowClient(fake.address, token_file) as opened:
        yield opened


@pytest.fixture
def entry(fake: RunningFake, token_file: Path, tmp_path: Path) -> AppEntry:
    """An entry of the fake, published."""
    entry = AppEntry(
        name="fake",
        address=fake.address,
        data_dir=tmp_path / "data",
        pid=os.getpid(),
        journal_id=JOURNAL,
        token_file=token_file,
        started_at=datetime(2026, 3, 1, tzinfo=UTC),
    )
    publish(entry)
    return entry
