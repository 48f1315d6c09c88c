"""What in a bundle its maker may not have meant: secrets, very large files, links that lead nowhere."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from flowrpc.bundle.contents import Contents, Entry, Kind
from flowrpc.bundle.pattern import line_for, read_patterns
from flowrpc.bundle.rules import IGNORE_FILE, Level

LARGE_BYTES = 50_000_000

_SECRETS = (
    *(".env", ".env.*", "*.env", "!.env.example", "!.env.sample", "!.env.template", "!example.env"),
    *("*.pem", "*.key", "*.p12", "*.pfx", "*.jks", "*.keystore", "*.kdbx", "*.ppk"),
    *("id_rsa", "id_dsa", "id_ecdsa", "id_ecdsa_sk", "id_ed25519", "id_ed25519_sk"),
    *(".netrc", ".pgpass", ".my.cnf", ".pypirc", ".npmrc", ".htpasswd", ".git-credentials", ".dockercfg"),
    *("credentials.json", "client_secret*.json", "service[-_]account*.json", "secrets.toml", "secrets.y*ml"),
    *(".aws/credentials", "**/.aws/credentials", "**/.docker/config.json", "**/.kube/config", "*.tfstate"),
)
_NAMES = Level(folder=b"", patterns=read_patterns((os.fsencode(text), "secrets") for text in _SECRETS))


@dataclass(frozen=True, slots=True, kw_only=True)
class Concern:
    """Something to look at before a bundle goes anywhere."""

    path: str
    kind: Literal["secret", "large", "link outside", "broken link"]
    message: str
    """What is the matter, and what to do about it."""


def concerns(contents: Contents) -> list[Concern]:
    """Finds what may not have been meant: files by path, then links by path."""
    return [*_about_files(contents), *_about_links(contents)]


def _leads_out(link: Entry, contents: Contents) -> bool:
    if link.target.startswith("/"):
        return True  # also one into the folder: that lies elsewhere on another host
    lexical = posixpath.normpath(posixpath.join(posixpath.dirname(link.path), link.target))
    return lexical.split("/")[0] == ".." or _destination(link, contents) is None


def _destination(link: Entry, contents: Contents) -> str | None:
    """Follows a link, and those on its way, to a path below the app's folder; None if it is not below."""
    real = Path(os.path.realpath(contents.folder / link.path))
    return real.relative_to(contents.folder).as_posix() if real.is_relative_to(contents.folder) else None


def _paths(contents: Contents) -> Iterator[str]:
    """Yields everything that is in the bundle, folders too."""
    yield "."
    for entry in contents.entries:
        path = entry.path
        while path:
            yield path
            path = posixpath.dirname(path)


def _about_files(contents: Contents) -> Iterator[Concern]:
    for entry in contents.entries:
        if entry.kind is not Kind.FOLDER and _is_named_like_a_secret(entry.path):
            message = f"may hold a secret, by its name; {_way_out(entry)}"
            yield Concern(path=entry.path, kind="secret", message=message)
        if entry.size_bytes > LARGE_BYTES:
            message = f"has {entry.size_bytes / 1e6:,.0f} MB; if the app does not need it, {_way_out(entry)}"
            yield Concern(path=entry.path, kind="large", message=message)


def _is_named_like_a_secret(path: str) -> bool:
    pattern = _NAMES.deciding(os.fsencode(path), folder=False)
    return pattern is not None and not pattern.negated


def _about_links(contents: Contents) -> Iterator[Concern]:
    there = set(_paths(contents))
    for entry in contents.entries:
        if entry.kind is not Kind.LINK:
            continue
        if _leads_out(entry, contents):
            message = (
                f"points to {entry.target}, out of the app's folder, which another host does not have; put what it "
                f"points to in its place, or {_way_out(entry)}"
            )
            yield Concern(path=entry.path, kind="link outside", message=message)
        elif _destination(entry, contents) not in there:
            message = f"points to {entry.target}, which is not in the bundle; {_way_out(entry)}"
            yield Concern(path=entry.path, kind="broken link", message=message)


def _way_out(entry: Entry) -> str:
    return f"leave it out by the line {line_for(entry.path)} in {IGNORE_FILE}"
