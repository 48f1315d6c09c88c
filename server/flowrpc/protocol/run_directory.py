"""Where a running app leaves its address and tokens, so that clients of the same user find it by themselves.

An entry lies twice: as `app.json` in the app's data directory, and in the run directory of the user, which
lists all running apps. Both are written whole (a temporary file, then a rename) and only their owner reads or
writes them: an entry says which token goes to which address, so one from somebody else would steal tokens.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import secrets
import stat
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from flowrpc.errors import StoreError, StoreFullError

ROLES = ("read", "call", "work", "admin")
"""The roles that a token can have; see `FlowService` for what each may do."""

PAGE_DATA_DIR = "FLOWRPC_PAGE_DATA_DIR"
"""The variable of the environment that tells the process of a page the data directory of its app."""

_OTHERS = 0o077
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True, slots=True, kw_only=True)
class AppEntry:
    """Says how to reach one running app."""

    name: str
    address: str
    """What clients dial: `127.0.0.1:43210`."""
    data_dir: Path
    pid: int
    """The process of the flow service, on this host."""
    journal_id: str
    token_file: Path
    """The token that clients of this user send."""
    started_at: datetime
    http_address: str = ""
    """Where its pages are: `http://127.0.0.1:43211`; empty if it serves no HTTP."""


def publish(entry: AppEntry) -> None:
    """Writes the entry to the data directory and to the run directory of the user.

    Raises:
        StoreError: one of the directories cannot be used; the message says which and why.
    """
    content = _encode(entry)
    for path in (_data_file(entry.data_dir), _run_file(entry)):
        _write_private(path, content)


def withdraw(entry: AppEntry) -> None:
    """Removes the entry from both directories, unless another process has published there since."""
    for path in (_data_file(entry.data_dir), _run_file(entry)):
        published = _read_entry(path)
        if published is not None and published.pid == entry.pid:
            path.unlink(missing_ok=True)


def entries() -> list[AppEntry]:
    """Returns the apps of this user that run, by name; removes entries whose process is dead.

    Raises:
        StoreError: the run directory belongs to somebody else, or others can read it.
    """
    found: list[AppEntry] = []
    for path in sorted(run_directory().glob("*.json")):
        entry = _read_entry(path)
        if entry is not None and _alive(entry.pid):
            found.append(entry)
        elif entry is not None:
            _discard(path, entry)
    return sorted(found, key=lambda entry: (entry.name, str(entry.data_dir)))


def entry_in(data_dir: Path) -> AppEntry | None:
    """Returns the app that runs on this data directory; None if none does."""
    entry = _read_entry(_data_file(data_dir))
    return entry if entry is not None and _alive(entry.pid) else None


def run_directory() -> Path:
    """Returns the run directory of the user, made if it is missing.

    It is `$FLOWRPC_RUN_DIR`, else `$XDG_RUNTIME_DIR/flowrpc`, else `flowrpc-<uid>` where temporary files go.

    Raises:
        StoreError: it belongs to somebody else, or others can read it.
    """
    path = _run_directory_path()
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Not `stat`: somebody else may have put a link to a directory of ours there.
        facts = path.lstat()
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror}; set FLOWRPC_RUN_DIR to a directory of yours") from None
    if not stat.S_ISDIR(facts.st_mode):
        raise StoreError(f"{path} is no directory; remove it or set FLOWRPC_RUN_DIR")
    if facts.st_uid != os.geteuid():
        raise StoreError(f"{path} belongs to another user; set FLOWRPC_RUN_DIR to a directory of yours")
    if facts.st_mode & _OTHERS:
        raise StoreError(f"{path} is open to other users; run `chmod 700 {path}`")
    return path


def ensure_tokens(data_dir: Path) -> dict[str, Path]:
    """Returns the token file of each role, made where it is missing; existing tokens stay.

    Raises:
        StoreError: a token file cannot be made, or others can read it.
    """
    files = {role: data_dir / "tokens" / role for role in ROLES}
    for path in files.values():
        if path.exists():
            read_token(path)
        else:
            _write_private(path, secrets.token_urlsafe(32) + "\n")
    return files


def read_token(path: Path) -> str:
    """Returns the token that the file holds.

    Raises:
        StoreError: the file is missing, others can read it, or it holds no token.
    """
    try:
        with path.open(encoding="ascii") as file:
            mode = os.fstat(file.fileno()).st_mode
            token = file.read(4096).strip()
    except OSError as error:
        raise StoreError(f"token file {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise StoreError(f"token file {path} holds no token") from None
    if mode & _OTHERS:
        raise StoreError(f"token file {path} is open to other users; run `chmod 600 {path}`")
    if not re.fullmatch(r"[\x21-\x7e]+", token):
        raise StoreError(f"token file {path} holds no token")
    return token


def _run_directory_path() -> Path:
    if chosen := os.environ.get("FLOWRPC_RUN_DIR"):
        return Path(chosen)
    if runtime := os.environ.get("XDG_RUNTIME_DIR"):
        return Path(runtime) / "flowrpc"
    import tempfile

    return Path(tempfile.gettempdir()) / f"flowrpc-{os.geteuid()}"


def _data_file(data_dir: Path) -> Path:
    return data_dir / "app.json"


def _run_file(entry: AppEntry) -> Path:
    """Two apps of one name differ by their data directory."""
    readable = re.sub(r"[^A-Za-z0-9_.-]", "_", entry.name)[:100].lstrip(".") or "app"
    digest = sha256(os.fsencode(entry.data_dir.resolve())).hexdigest()[:12]
    return run_directory() / f"{readable}-{digest}.json"


def _encode(entry: AppEntry) -> str:
    facts = {
        "name": entry.name,
        "address": entry.address,
        "data_dir": str(entry.data_dir.resolve()),
        "pid": entry.pid,
        "journal_id": entry.journal_id,
        "token_file": str(entry.token_file.resolve()),
        "started_at": entry.started_at.isoformat(),
        "http_address": entry.http_address,
    }
    return json.dumps(facts, indent=2) + "\n"


def _decode(content: str) -> AppEntry:
    facts = json.loads(content)
    if int(facts["pid"]) <= 0:  # those would mean groups of processes
        raise ValueError("a process id is positive")
    return AppEntry(
        name=str(facts["name"]),
        address=str(facts["address"]),
        data_dir=Path(facts["data_dir"]),
        pid=int(facts["pid"]),
        journal_id=str(facts["journal_id"]),
        token_file=Path(facts["token_file"]),
        started_at=datetime.fromisoformat(facts["started_at"]),
        http_address=str(facts.get("http_address", "")),
    )


def _read_entry(path: Path) -> AppEntry | None:
    """Returns what the file says; None if it is missing, not private to us, or no entry."""
    try:
        with path.open(encoding="utf-8") as file:
            facts = os.fstat(file.fileno())
            if facts.st_uid != os.geteuid() or facts.st_mode & _OTHERS:
                return None
            return _decode(file.read())
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _write_private(path: Path, content: str) -> None:
    """Replaces the file in one step by one that only its owner reads; readers never see a part of it."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        if error.errno in _NO_ROOM:
            message = f"{path} cannot be written, its disk is full ({error.strerror}): free some room there"
            raise StoreFullError(message) from None
        raise StoreError(f"{path} cannot be written: {error.strerror}") from None


def _discard(path: Path, stale: AppEntry) -> None:
    """Removes a stale entry; one that a new process published since we read it is put back."""
    aside = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    with contextlib.suppress(OSError):  # another client was faster
        path.rename(aside)
        if _read_entry(aside) != stale and not path.exists():
            aside.rename(path)
        aside.unlink(missing_ok=True)


def _alive(pid: int) -> bool:
    """Tells whether the process runs; one that ended and was not yet collected does not."""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    with contextlib.suppress(OSError):  # no /proc on this system
        # The state follows the command in parentheses, which may hold spaces itself.
        facts = Path(f"/proc/{pid}/stat").read_bytes()
        return facts.rpartition(b")")[2].split()[:1] != [b"Z"]
    return True
