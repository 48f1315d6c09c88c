"""What only a process of its own shows: pipes, signals and what is imported."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from flowrpc.protocol.messages import LogRecord

from tests.client.fake_service import BEGIN, FakeService, set_counter

FLOWCTL = str(Path(sys.executable).with_name("flowctl"))

pytestmark = pytest.mark.usefixtures("entry")


def test_a_reader_that_leaves_ends_logs_in_silence(service: FakeService) -> None:
    service.logs = [LogRecord(time=BEGIN, message="x" * 1000) for _ in range(1000)]
    reading, writing = os.pipe()
    with subprocess.Popen(
        [FLOWCTL, "logs", "--tail", "1000"], stdout=writing, stderr=subprocess.PIPE
    ) as process:
        os.close(writing)
        os.read(reading, 10)
        os.close(reading)
        _, errors = process.communicate(timeout=60)

    assert (process.returncode, errors) == (141, b"")


def test_a_reader_that_leaves_ends_a_watch_at_the_next_revision(service: FakeService) -> None:
    reading, writing = os.pipe()
    with subprocess.Popen([FLOWCTL, "watch"], stdout=writing, stderr=subprocess.PIPE) as process:
        os.close(writing)
        os.read(reading, 10_000)
        os.close(reading)
        service.commit("root", set_counter(2))
        _, errors = process.communicate(timeout=60)

    assert (process.returncode, errors) == (141, b"")


def test_interrupt_ends_a_watch_with_130(service: FakeService) -> None:
    with subprocess.Popen([FLOWCTL, "watch"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline().startswith(b"5  ")
        process.send_signal(signal.SIGINT)
        errors = process.stderr.read()

    assert process.returncode == 130
    assert b"Traceback" not in errors


def test_output_that_has_no_such_letters_escapes_them() -> None:
    done = subprocess.run(
        [FLOWCTL, "call", "echo", "--args", "value=é", "--json"],
        capture_output=True,
        env=os.environ | {"PYTHONIOENCODING": "ascii"},
        check=True,
    )

    assert done.stdout == b'"\\u00e9"\n'


def test_text_that_the_output_cannot_carry_is_no_traceback() -> None:
    done = subprocess.run(
        [FLOWCTL, "call", "echo", "--args", "value=é"],
        capture_output=True,
        env=os.environ | {"PYTHONIOENCODING": "ascii"},
        check=False,
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, b"\\xe9\n", b"")


def test_nothing_heavy_is_imported_before_it_is_needed() -> None:
    code = (
        "import sys, json; from flowrpc_client.flowctl import cli;"
        "import flowrpc_client.commands.call, flowrpc_client.commands.watch, flowrpc_client.commands.logs;"
        "print(json.dumps([name for name in sys.modules if '.' not in name or name.startswith('flowrpc.')]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)

    loaded = set(json.loads(done.stdout))
    assert not loaded & {"grpc", "google", "asyncio", "flowrpc.v1", "flowrpc.wire", "flowrpc.component"}


def test_a_client_loads_no_component_and_no_service() -> None:
    code = "import sys, json, flowrpc_client.client; print(json.dumps(list(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)

    rooms = ("flowrpc.component", "flowrpc.flow_service", "flowrpc.work_service", "flowrpc.cli")
    assert not [name for name in json.loads(done.stdout) if name.startswith(rooms)]
