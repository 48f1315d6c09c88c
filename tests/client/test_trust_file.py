"""The file of trusted client parts: private, appended to, and never believed when something is wrong with it."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from flowrpc_client.errors import NotTrustedError
from flowrpc_client.trust_file import Part, forget, remember, trust_file, trusted

KEY = ("shop", "submit")
ONE = Part(class_name="Submit", sha256="1" * 64)
TWO = Part(class_name="Submit", sha256="2" * 64)


@pytest.fixture(autouse=True)
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path / "config"


def test_nothing_is_trusted_at_first(config: Path) -> None:
    assert trusted() == {}
    assert not config.exists()


def test_what_is_remembered_is_trusted_until_it_is_forgotten() -> None:
    remember(KEY, ONE)
    remember(KEY, TWO)
    remember(("shop", "other"), ONE)
    assert [list(parts) for parts in trusted().values()] == [[ONE, TWO], [ONE]]

    forget(KEY)
    assert list(trusted()) == [("shop", "other")]

    remember(KEY, TWO)
    assert list(trusted()[KEY]) == [TWO]


def test_what_is_remembered_again_is_the_newest() -> None:
    for part in (ONE, TWO, ONE):
        remember(KEY, part)

    assert list(trusted()[KEY]) == [TWO, ONE]


def test_the_file_is_private(config: Path) -> None:
    old = os.umask(0)
    try:
        remember(KEY, ONE)
    finally:
        os.umask(old)

    assert trust_file() == config / "flowrpc" / "trusted_client_parts.jsonl"
    assert trust_file().stat().st_mode & 0o777 == 0o600
    assert trust_file().parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("chosen", ["", "relative/path"])
def test_it_is_below_the_home_by_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chosen: str
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", chosen)
    monkeypatch.setenv("HOME", str(tmp_path))

    assert trust_file() == tmp_path / ".config/flowrpc/trusted_client_parts.jsonl"


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_file_that_others_can_write_is_not_believed(mode: int) -> None:
    remember(KEY, ONE)
    trust_file().chmod(mode)

    for use in (trusted, lambda: remember(KEY, TWO), lambda: forget(KEY)):
        with pytest.raises(
            NotTrustedError, match=r"others can write it; run `chmod 600 /.*jsonl` after a look"
        ):
            use()


def test_a_file_of_somebody_else_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    remember(KEY, ONE)
    monkeypatch.setattr(os, "geteuid", lambda: 4_000_000)

    with pytest.raises(NotTrustedError, match="it belongs to another user; remove it"):
        trusted()


@pytest.mark.parametrize(
    "line",
    ["{", "[]", "5", "{}", '{"app": "shop"}', '{"app": "shop", "command": "submit", "at": "x"}', "null"],
)
def test_a_damaged_file_is_not_believed(line: str) -> None:
    remember(KEY, ONE)
    with trust_file().open("a") as file:
        file.write(f"{line}\n")

    with pytest.raises(NotTrustedError, match="line 2 is none of ours; remove it"):
        trusted()


def test_what_is_no_text_is_not_believed() -> None:
    remember(KEY, ONE)
    trust_file().write_bytes(b"\xff\n")

    with pytest.raises(NotTrustedError, match="it cannot be read"):
        trusted()


def test_a_place_that_cannot_be_written_is_named(config: Path) -> None:
    config.write_text("a file where a folder should be")

    with pytest.raises(NotTrustedError, match=f"^{config}/flowrpc/trusted_client_parts.jsonl, which holds"):
        remember(KEY, ONE)


def test_a_last_line_without_its_end_stays_whole() -> None:
    remember(KEY, ONE)
    trust_file().write_text(trust_file().read_text().rstrip("\n"))

    remember(KEY, TWO)

    assert list(trusted()[KEY]) == [ONE, TWO]


def test_several_at_once_lose_nothing() -> None:
    parts = [Part(class_name="Submit", sha256=f"{number:064x}") for number in range(64)]
    remember(KEY, parts[0])
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda part: remember(KEY, part), parts[1:]))

    assert set(trusted()[KEY]) == set(parts)
