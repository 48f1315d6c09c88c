"""The processes of a measurement: flow services and the bare echo server."""

from __future__ import annotations

import os
import re
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import grpc
from flowrpc.protocol.requests import CallCommand
from flowrpc.protocol.run_directory import read_token
from flowrpc.wire.requests import encode_call_command
from flowrpc_client import FlowClient

START_SECONDS = 30.0
STOP_SECONDS = 15.0
FLOW = "/flowrpc.v1.FlowService/"
_APPS = Path(__file__).with_name("apps")
_ADDRESS = re.compile(r" is served at ([\w.]+:\d+)")


@dataclass(frozen=True, slots=True)
class Served:
    """A process that serves, and how long it took until it did."""

    process: subprocess.Popen[str]
    address: str
    start_seconds: float


@dataclass(slots=True)
class Echo:
    """The bare server."""

    address: str

    def channel(self) -> grpc.Channel:
        return grpc.insecure_channel(self.address, options=[("grpc.enable_http_proxy", 0)])


class Service:
    """A flow service under `flowctl run`, with a data directory of its own."""

    def __init__(self, served: Served, data_dir: Path) -> None:
        self.address = served.address
        self.pid = served.process.pid
        self.start_seconds = served.start_seconds
        self._data_dir = data_dir

    @property
    def token_file(self) -> Path:
        return self._data_dir / "tokens" / "admin"

    @cached_property
    def metadata(self) -> tuple[tuple[str, str], ...]:
        return (("authorization", f"Bearer {read_token(self.token_file)}"),)

    def channel(self) -> grpc.Channel:
        return grpc.insecure_channel(self.address, options=[("grpc.enable_http_proxy", 0)])

    def client(self) -> FlowClient:
        return FlowClient(self.address, self.token_file, timeout=60.0)


def command_bytes(command: str, *, request_id: str = "", **arguments: Any) -> bytes:
    """Encodes a request to call a command."""
    call = CallCommand(command=command, arguments=arguments, request_id=request_id)
    data: bytes = encode_call_command(call).SerializeToString()
    return data


@contextmanager
def flow_service(app: str, directory: Path, *, data_dir: Path | None = None) -> Iterator[Service]:
    """Runs one of our apps; its state is gone afterwards, unless it has a data directory of its own."""
    with tempfile.TemporaryDirectory(dir=directory) as scratch:
        data_dir = data_dir or Path(scratch, "data")
        program = str(Path(sys.executable).with_name("flowctl"))
        command = [
            program,
            "run",
            str(_APPS / f"{app}.py"),
            "--data-dir",
            str(data_dir),
            "--log-level",
            "error",
        ]
        environment = _environment(directory) | {"FLOWRPC_RUN_DIR": str(Path(scratch, "run"))}
        with _serving(command, environment, Path(scratch)) as served:
            yield Service(served, data_dir)


@contextmanager
def echo_server(directory: Path) -> Iterator[Echo]:
    """Runs the bare server."""
    with bare_server(directory) as served:
        yield Echo(served.address)


@contextmanager
def fastapi_server(directory: Path) -> Iterator[str]:
    """Runs the yardstick of routes; gives its address."""
    with tempfile.TemporaryDirectory(dir=directory) as scratch:
        command = [sys.executable, "-m", "benchmarks.fastapi_server"]
        with _serving(command, _environment(directory), Path(scratch)) as served:
            yield served.address


@contextmanager
def bare_server(directory: Path) -> Iterator[Served]:
    """Runs the bare server as a process to look at."""
    with (
        tempfile.TemporaryDirectory(dir=directory) as scratch,
        _serving(
            [sys.executable, "-m", "benchmarks.echo_server"], _environment(directory), Path(scratch)
        ) as served,
    ):
        yield served


@contextmanager
def _serving(command: Sequence[str], environment: Mapping[str, str], scratch: Path) -> Iterator[Served]:
    complaints = scratch / "stderr"
    begin = time.perf_counter()
    with complaints.open("w") as stderr:
        process = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr, text=True
        )
    try:
        address = _address(process, complaints)
        yield Served(process, address, time.perf_counter() - begin)
    finally:
        _stop(process)


def _environment(directory: Path) -> dict[str, str]:
    """Lets children keep compiled modules, as installed programs do, whatever this environment says."""
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return inherited | {"PYTHONPYCACHEPREFIX": str(directory / "bytecode")}


def _address(process: subprocess.Popen[str], complaints: Path) -> str:
    assert process.stdout is not None
    readable, _, _ = select.select([process.stdout], [], [], START_SECONDS)
    line = process.stdout.readline() if readable else ""
    found = _ADDRESS.search(line)
    if found is None:
        raise RuntimeError(
            f"{process.args!r} did not say where it serves, but {line!r}: {complaints.read_text()}"
        )
    return found[1]


def _stop(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.close()
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    process.stdout.close()


def cpu_seconds(pid: int) -> float:
    """Reads how much processor time a process has used; `/proc/PID/stat`, proc(5)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def children(pid: int) -> list[int]:
    """Finds the processes that a process started."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and _parent(entry) == pid:
            found.append(int(entry.name))
    return sorted(found)


def _parent(entry: Path) -> int:
    try:
        return int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0  # it has ended meanwhile
