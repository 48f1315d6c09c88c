"""The target of a client: the address, the token and the certificates that it trusts."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from flowrpc.errors import StoreError
from flowrpc.protocol.run_directory import AppEntry, entries, entry_in, read_token

from flowrpc_client.errors import NotReachableError

_START_ONE = "start one with `flowctl run APP.py`, or give --address and --token-file"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Says where to send calls and what to prove oneself with."""

    address: str
    token_file: Path | None = None
    tls_ca: Path | None = None
    """Certificates to trust, in PEM; without them the connection is not encrypted."""
    data_dir: Path | None = None
    """Where the app was found, if it was; there it is found again after it was started again."""

    @property
    def loopback(self) -> bool:
        """Whether the address is on this host, so that an unencrypted token never leaves it."""
        if self.address.startswith("unix:"):
            return True
        host = self.address.rpartition(":")[0] or self.address
        if host == "localhost":
            return True
        try:
            return ip_address(host.strip("[]")).is_loopback
        except ValueError:
            return False

    def token(self) -> str:
        """Reads the token; empty without a token file.

        Raises:
            NotReachableError: the token would travel unencrypted over a network, or its file cannot be used.
        """
        if self.token_file is None:
            return ""
        if self.tls_ca is None and not self.loopback:
            raise NotReachableError(
                f"{self.address} is not on this host: its token is only sent encrypted; give --tls-ca"
            )
        try:
            return read_token(self.token_file)
        except StoreError as error:
            raise NotReachableError(str(error)) from None


def find_target(
    *,
    address: str | None = None,
    token_file: Path | None = None,
    data_dir: Path | None = None,
    app: str | None = None,
    tls_ca: Path | None = None,
) -> Target:
    """Finds the target: by address if one is given, else among the running apps of this user.

    Raises:
        NotReachableError: no running app fits, or several do.
    """
    if address is not None:
        return Target(address=address, token_file=token_file or _token_file_of(address), tls_ca=tls_ca)
    entry = find_entry(data_dir=data_dir, app=app)
    return Target(
        address=entry.address,
        token_file=token_file or entry.token_file,
        tls_ca=tls_ca,
        data_dir=entry.data_dir,
    )


def find_entry(*, data_dir: Path | None = None, app: str | None = None) -> AppEntry:
    """Finds the one running app that fits.

    Raises:
        NotReachableError: none does, or several do.
    """
    if data_dir is not None:
        return _entry_of(data_dir)
    running = running_apps()
    fitting = [entry for entry in running if app in (None, entry.name)]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise NotReachableError(_several(fitting))
    if app is None or not running:
        named = "" if app is None else f" under the name {app!r}"
        raise NotReachableError(f"no app runs{named}; {_START_ONE}")
    raise NotReachableError(_unknown(app, [entry.name for entry in running]))


def running_apps() -> list[AppEntry]:
    """Returns the running apps of this user.

    Raises:
        NotReachableError: the run directory cannot be used.
    """
    try:
        return entries()
    except StoreError as error:
        raise NotReachableError(str(error)) from None


def _entry_of(data_dir: Path) -> AppEntry:
    entry = entry_in(data_dir)
    if entry is None:
        problem = "no app runs on" if data_dir.is_dir() else "there is no"
        raise NotReachableError(f"{problem} data directory {data_dir}; `flowctl ps` lists the running apps")
    return entry


def _token_file_of(address: str) -> Path | None:
    """An app of this user at a given address needs no --token-file."""
    try:
        return next((entry.token_file for entry in entries() if entry.address == address), None)
    except StoreError:
        return None


def _several(fitting: Sequence[AppEntry]) -> str:
    names = [entry.name for entry in fitting]
    if len(set(names)) == len(names):
        return f"several apps run: {', '.join(names)}; choose one with --app NAME"
    places = ", ".join(f"{entry.name} in {entry.data_dir}" for entry in fitting)
    return f"several apps run: {places}; choose one with --data-dir DIR"


def _unknown(app: str, names: Sequence[str]) -> str:
    close = difflib.get_close_matches(app, names, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"these do: {', '.join(names)}"
    return f"no app runs under the name {app!r}; {hint}"
