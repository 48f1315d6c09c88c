"""The example `access_log`: a table is handed from one work to another."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from flowrpc.testing import AppProcess, run_app
from flowrpc_client import CommandFailed, FlowClient

from tests.examples.conftest import SECONDS
from tests.examples.loading import EXAMPLES

pytestmark = pytest.mark.slow

APP = EXAMPLES / "access_log" / "app.py"

LOG = """\
203.0.113.9 - - [10/May/2026:09:00:01 +0000] "GET /tea HTTP/1.1" 200 512 "-" "curl"
203.0.113.9 - - [10/May/2026:09:00:02 +0000] "GET /tea HTTP/1.1" 304 -
198.51.100.7 - ann [10/May/2026:09:00:03 +0000] "POST /orders?x=1 HTTP/2" 500 88
198.51.100.7 - - [10/May/2026:09:00:04 +0000] "-" 400 0
not a line of a log
"""
REPORT = {
    "requests": 3,
    "bytes": 600,
    "pages": {"/tea": 2, "/orders?x=1": 1},
    "errors": {"500": 1},
    "unreadable": 2,
}


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "access.log"
    path.write_text(LOG)
    return path


def read(app: AppProcess, log: Path) -> None:
    number = app.client.call("read_log", log=str(log))
    app.wait_for(lambda seen: seen.vars()["read"] == number, timeout=SECONDS)


def report(client: FlowClient) -> Any:
    return client.call("report")


def test_a_log_is_reported_and_read_again(log: Path) -> None:
    with run_app(APP, timeout=SECONDS) as app:
        with pytest.raises(CommandFailed, match="nothing was read yet; call read_log first"):
            app.client.call("report")
        read(app, log)
        assert app.client.call("report") == {"log": str(log), **REPORT}

        log.write_text(LOG * 2)
        read(app, log)
        assert report(app.client)["requests"] == 6
        assert "requests.csv" in str(app.client.state()["works"])


def test_a_log_that_is_missing_is_a_problem_and_not_the_end(log: Path) -> None:
    with run_app(APP, timeout=SECONDS) as app:
        read(app, log.with_name("nowhere.log"))
        with pytest.raises(CommandFailed, match=r"No such file or directory: .*nowhere\.log"):
            app.client.call("report")
        read(app, log)
        assert report(app.client)["requests"] == 3


def test_what_was_counted_is_there_after_a_kill_and_is_not_counted_again(log: Path) -> None:
    with run_app(APP, timeout=SECONDS) as app:
        read(app, log)
        runs = [run.run_id for run in app.client.runs()]
        app.kill()
        log.unlink()
        app.start()
        assert app.client.call("report") == {"log": str(log), **REPORT}
        assert [run.run_id for run in app.client.runs()] == runs


def test_the_script_serves_itself(tmp_path: Path, log: Path) -> None:
    copy = tmp_path / "app.py"
    copy.write_text(APP.read_text())
    with subprocess.Popen([sys.executable, copy], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert "is served at" in process.stdout.readline()
            with FlowClient(data_dir=tmp_path / ".flowrpc") as client, client.replica() as replica:
                client.call("read_log", log=str(log))
                replica.wait_for(lambda seen: seen.vars()["read"] == 1, timeout=SECONDS)
                assert report(client)["requests"] == 3
                client.stop()
            assert process.wait(SECONDS) == 0
        finally:
            process.kill()
