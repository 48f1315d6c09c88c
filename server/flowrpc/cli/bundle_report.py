"""What `flowctl bundle` prints."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import click
from flowrpc_client.commands.printing import one_line, write_json, write_line, write_table
from flowrpc_client.commands.settings import Settings

from flowrpc.bundle import Archived, Concern, Contents, Entry, Kind

_UNITS = ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"))


def write_lists(
    contents: Contents, found: Sequence[Concern], settings: Settings, *, entries: bool, ignored: bool
) -> None:
    """Writes what goes into a bundle, or what does not, or both."""
    if settings.json:
        write_json(_plain_lists(contents, found, entries=entries, ignored=ignored))
        return
    if entries:
        write_table(("SIZE", "PATH"), [(_size_of(entry), _path_of(entry)) for entry in contents.entries])
        write_line(_total(contents))
    if entries and ignored:
        write_line()
    if ignored:
        rows = [(left.path, left.reason, left.source) for left in contents.ignored]
        write_table(("IGNORED", "PATTERN", "SOURCE"), rows)
    _warn(found)


def write_archived(
    archived: Archived, contents: Contents, found: Sequence[Concern], settings: Settings
) -> None:
    """Writes the hash of a bundle as `sha256sum --check` reads it; what is for people goes to stderr."""
    if settings.json:
        write_json(
            {
                "file": str(archived.file),
                "sha256": archived.sha256,
                "size_bytes": archived.size_bytes,
                **_plain_lists(contents, found, entries=True, ignored=False),
            }
        )
        return
    write_line(f"{archived.sha256}  {archived.file}", flush=True)  # before what goes to stderr
    click.echo(f"{_total(contents)}; packed {readable_size(archived.size_bytes)}", err=True)
    _warn(found)


def readable_size(size_bytes: int) -> str:
    """Writes a size with three digits or so: `12.3 kB`."""
    for unit, name in _UNITS:
        if size_bytes >= unit:
            return f"{size_bytes / unit:.1f} {name}"
    return f"{size_bytes} B"


def _plain_lists(
    contents: Contents, found: Sequence[Concern], *, entries: bool, ignored: bool
) -> dict[str, Any]:
    plain: dict[str, Any] = {"folder": str(contents.folder)}
    if entries:
        plain["total_bytes"] = contents.size_bytes
        plain["entries"] = [_plain_entry(entry) for entry in contents.entries]
    if ignored:
        plain["ignored"] = [
            {"path": left.path, "pattern": left.reason, "source": left.source} for left in contents.ignored
        ]
    plain["warnings"] = [
        {"path": concern.path, "kind": concern.kind, "message": concern.message} for concern in found
    ]
    return plain


def _plain_entry(entry: Entry) -> dict[str, Any]:
    plain: dict[str, Any] = {"path": entry.path, "kind": entry.kind.value}
    if entry.kind is Kind.FILE:
        plain |= {"size_bytes": entry.size_bytes, "executable": entry.executable}
    if entry.kind is Kind.LINK:
        plain["target"] = entry.target
    return plain


def _size_of(entry: Entry) -> str:
    return readable_size(entry.size_bytes) if entry.kind is Kind.FILE else "-"


def _path_of(entry: Entry) -> str:
    if entry.kind is Kind.LINK:
        return f"{entry.path} -> {entry.target}"
    return f"{entry.path}/" if entry.kind is Kind.FOLDER else entry.path


def _total(contents: Contents) -> str:
    count = len(contents.entries)
    return f"{count} {'entry' if count == 1 else 'entries'}, {readable_size(contents.size_bytes)}"


def _warn(found: Sequence[Concern]) -> None:
    sys.stdout.flush()  # so that warnings come last, also where both streams go to one place
    for concern in found:
        click.echo(f"Warning: {one_line(concern.path)} {one_line(concern.message)}", err=True)
