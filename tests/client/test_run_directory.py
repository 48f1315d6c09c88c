import errno
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from flowrpc.errors import StoreError, StoreFullError
from flowrpc.protocol.run_directory import (
    ROLES,
    AppEntry,
    ensure_tokens,
    entries,
    entry_in,
    publish,
    read_token,
    run_directory,
    withdraw,
)


def dead_pid() -> int:
    """Gives the id of a process that has ended."""
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    return done.pid


def mode_of(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_an_entry_is_found_in_both_places(entry: AppEntry, run_directory: Path) -> None:
    assert entries() == [entry]
    assert entry_in(entry.data_dir) == entry
    assert mode_of(run_directory) == 0o700
    assert {mode_of(path) for path in [entry.data_dir / "app.json", *run_directory.iterdir()]} == {0o600}


def test_no_temporary_files_stay(entry: AppEntry, run_directory: Path) -> None:
    publish(entry)

    assert len(list(run_directory.iterdir())) == 1
    assert [path.name for path in entry.data_dir.iterdir()] == ["app.json"]


@pytest.mark.parametrize(("number", "kind"), [(errno.ENOSPC, StoreFullError), (errno.EROFS, StoreError)])
def test_a_full_disk_is_told_from_other_trouble(
    number: int, kind: type[StoreError], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(descriptor: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(StoreError, match="cannot be written") as caught:
        ensure_tokens(tmp_path)
    assert type(caught.value) is kind
    assert not list((tmp_path / "tokens").iterdir())


def test_apps_of_one_name_have_entries_of_their_own(entry: AppEntry, tmp_path: Path) -> None:
    other = replace(entry, data_dir=tmp_path / "other")
    publish(other)

    assert entries() == [entry, other]


def test_a_name_cannot_leave_the_directory(entry: AppEntry, run_directory: Path) -> None:
    publish(replace(entry, name="../../evil/" + "x" * 300))

    assert len(list(run_directory.glob("*.json"))) == 2
    assert len(entries()) == 2


def test_withdrawn_entries_are_gone(entry: AppEntry) -> None:
    withdraw(entry)

    assert entries() == []
    assert entry_in(entry.data_dir) is None


def test_withdraw_keeps_the_entry_of_a_successor(entry: AppEntry) -> None:
    withdraw(replace(entry, pid=dead_pid()))

    assert entries() == [entry]


def test_entries_of_dead_processes_are_dropped_and_removed(entry: AppEntry, run_directory: Path) -> None:
    publish(replace(entry, pid=dead_pid()))

    assert entries() == []
    assert list(run_directory.iterdir()) == []
    assert entry_in(entry.data_dir) is None


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_an_ended_process_that_nobody_collected_is_dead(entry: AppEntry) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)
    publish(replace(entry, pid=ended.pid))

    found = entries()

    ended.wait()
    assert found == []


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"pid": 0}', "\x00\xff"])
def test_files_that_are_no_entries_are_passed_over(
    entry: AppEntry, run_directory: Path, content: str
) -> None:
    stray = run_directory / "stray.json"
    stray.write_text(content)
    stray.chmod(0o600)

    assert entries() == [entry]


def test_an_entry_that_others_can_write_is_not_believed(entry: AppEntry) -> None:
    (entry.data_dir / "app.json").chmod(0o666)

    assert entry_in(entry.data_dir) is None


def test_an_open_run_directory_is_refused(entry: AppEntry, run_directory: Path) -> None:
    run_directory.chmod(0o755)

    with pytest.raises(StoreError, match="chmod 700"):
        entries()


def test_a_link_as_run_directory_is_refused(run_directory: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    run_directory.symlink_to(tmp_path / "elsewhere")

    with pytest.raises(StoreError, match="no directory"):
        entries()


def test_a_foreign_run_directory_is_refused(run_directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_directory.mkdir(mode=0o700)
    monkeypatch.setattr("os.geteuid", lambda: run_directory.stat().st_uid + 1)

    with pytest.raises(StoreError, match="another user"):
        entries()


def test_the_run_directory_follows_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FLOWRPC_RUN_DIR")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "xdg"))
    assert run_directory() == tmp_path / "xdg" / "flowrpc"

    monkeypatch.delenv("XDG_RUNTIME_DIR")
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    assert run_directory() == tmp_path / f"flowrpc-{os.geteuid()}"


def test_tokens_are_private_different_and_kept(tmp_path: Path) -> None:
    files = ensure_tokens(tmp_path)
    tokens = {role: read_token(path) for role, path in files.items()}

    assert set(files) == set(ROLES)
    assert len(set(tokens.values())) == len(ROLES)
    assert {mode_of(path) for path in files.values()} == {0o600}
    assert mode_of(tmp_path / "tokens") == 0o700
    assert {role: read_token(path) for role, path in ensure_tokens(tmp_path).items()} == tokens


@pytest.mark.parametrize("content", ["", "\n", "two words", "naïve", "a\nb"])
def test_a_file_without_a_token_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "token"
    path.write_text(content, encoding="utf-8")
    path.chmod(0o600)

    with pytest.raises(StoreError, match="holds no token"):
        read_token(path)


def test_a_token_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = ensure_tokens(tmp_path)["admin"]
    path.chmod(0o640)

    with pytest.raises(StoreError, match="chmod 600"):
        ensure_tokens(tmp_path)


def test_a_missing_token_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="nowhere: No such file"):
        read_token(tmp_path / "nowhere")
