"""The process that serves pages, when it does not live."""

from __future__ import annotations

import logging
import shutil
import sys
from pathlib import Path

import pytest
from flowrpc.pages import streamlit_server
from flowrpc.pages.drawn_page import DrawnPage
from flowrpc.pages.streamlit_server import RESTARTS, StreamlitServer

PAGE = DrawnPage(flow="root.shop", module="m", file="", name="page", search_path=())


def program(folder: Path, source: str) -> str:
    """Makes an executable that ignores its arguments."""
    path = folder / "program"
    path.write_text(f"#!/bin/sh\n{source}\n")
    path.chmod(0o700)
    return str(path)


def server(executable: str, monkeypatch: pytest.MonkeyPatch) -> StreamlitServer:
    monkeypatch.setattr(sys, "executable", executable)
    return StreamlitServer(PAGE, None, host="127.0.0.1", port=1, root_path="/view/root.shop")


def test_one_that_always_dies_is_left_alone_in_the_end(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    monkeypatch.setattr(streamlit_server, "PAUSE_SECONDS", 0.001)
    made = server(program(tmp_path, "echo 'no port today'; exit 7"), monkeypatch)
    with caplog.at_level(logging.INFO):
        made.start()
        made._keeper.join()
        made.stop()

    told = [record.getMessage() for record in caplog.records]
    assert told.count("no port today") == RESTARTS + 1
    ends = [
        text for text in told if text.startswith("the server of the page of root.shop ended with exit code 7")
    ]
    assert len(ends) == RESTARTS + 1
    assert ends[-1].endswith("it is not started again before the app is")
    assert {record.component for record in caplog.records} == {"root.shop"}  # type: ignore[attr-defined]


def test_one_that_is_stopped_while_it_pauses_is_not_started_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(streamlit_server, "PAUSE_SECONDS", 1_000.0)
    executable = shutil.which("false")
    assert executable is not None
    made = server(executable, monkeypatch)
    made.start()
    assert made._life is not None
    made._life.wait()
    made.stop()

    assert not made._keeper.is_alive()


def test_one_that_does_not_want_to_end_is_killed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(streamlit_server, "TERM_SECONDS", 0.05)
    made = server(program(tmp_path, "trap '' TERM; while :; do sleep 1000; done"), monkeypatch)
    made.start()
    made.stop()

    assert not made._keeper.is_alive()


def test_one_that_the_system_does_not_start_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    made = server(str(tmp_path / "nothing"), monkeypatch)
    with pytest.raises(FileNotFoundError):
        made.start()
    made.stop()
