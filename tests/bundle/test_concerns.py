from __future__ import annotations

import os
from pathlib import Path

import pytest
from flowrpc.bundle import Concern, concerns, read_contents


def found_in(folder: Path) -> list[Concern]:
    return concerns(read_contents(folder, {}))


@pytest.mark.parametrize(
    "name",
    [
        *(".env", ".env.local", "prod.env", "tls/server.pem", "server.key", "id_rsa", ".ssh/id_ed25519", ".netrc"),
        *("credentials.json", ".streamlit/secrets.toml", "home/.aws/credentials", "service-account-1.json"),
    ],
)  # fmt: skip
def test_files_named_like_secrets_are_warned_of(tmp_path: Path, name: str) -> None:
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text("")

    assert found_in(tmp_path) == [
        Concern(
            path=name,
            kind="secret",
            message=f"may hold a secret, by its name; leave it out by the line /{name} in .lightningignore",
        )
    ]


@pytest.mark.parametrize(
    "name", [".env.example", "env.py", "id_rsa.pub", "keys.py", "environment", "pem/readme"]
)
def test_others_are_not(tmp_path: Path, name: str) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("")
    assert found_in(tmp_path) == []


def test_a_link_named_like_a_secret_leads_to_one(tmp_path: Path) -> None:
    (tmp_path / "settings").write_text("")
    (tmp_path / ".env").symlink_to("settings")
    assert [(concern.path, concern.kind) for concern in found_in(tmp_path)] == [(".env", "secret")]


def test_secrets_that_are_ignored_are_no_concern(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("")
    (tmp_path / ".lightningignore").write_text(".env\n")
    assert found_in(tmp_path) == []


def test_files_over_50_mb_are_warned_of(tmp_path: Path) -> None:
    for name, size_bytes in (("enough", 50_000_000), ("too much [1]", 61_000_000)):
        (tmp_path / name).touch()
        os.truncate(tmp_path / name, size_bytes)

    assert found_in(tmp_path) == [
        Concern(
            path="too much [1]",
            kind="large",
            message="has 61 MB; if the app does not need it, "
            r"leave it out by the line /too much \[1] in .lightningignore",
        )
    ]


@pytest.mark.parametrize("target", ["/etc/passwd", "..", "../x", "sub/../../x", "out", "sub/back/../../x"])
def test_links_out_of_the_folder(tmp_path: Path, target: str) -> None:
    folder = tmp_path / "app"
    (folder / "sub").mkdir(parents=True)
    (folder / "sub" / "back").symlink_to(".")
    (folder / "out").symlink_to("../else")
    (folder / "link").symlink_to(target)

    kinds = {concern.path: concern.kind for concern in found_in(folder)}
    assert kinds == {"link": "link outside", "out": "link outside"}


def test_an_absolute_link_into_the_folder_leads_elsewhere_on_another_host(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("")
    (tmp_path / "link").symlink_to(tmp_path / "x")
    assert [concern.kind for concern in found_in(tmp_path)] == ["link outside"]


def test_links_inside_are_no_concern_unless_they_lead_nowhere(tmp_path: Path) -> None:
    (tmp_path / "sub" / "deep").mkdir(parents=True)
    (tmp_path / "sub" / "x").write_text("")
    (tmp_path / "ignored").write_text("")
    (tmp_path / ".lightningignore").write_text("/ignored\n")
    links = {
        "file": "sub/x",
        "folder": "sub",
        "through": "folder/x",
        "empty": "sub/deep",
        "sub/up": "../sub/x",
        "self": ".",
        "dangling": "nothing",
        "to ignored": "ignored",
    }
    for name, target in links.items():
        (tmp_path / name).symlink_to(target)

    found = {concern.path: concern.kind for concern in found_in(tmp_path)}
    assert found == {"dangling": "broken link", "to ignored": "broken link"}
