"""What is not installed is told before anything is imported."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import pytest
from flowrpc.work_service.installed import NotInstalledError, check_installed


def package(folder: Path, name: str, version: str, *requires: str) -> None:
    """Makes the metadata of an installed package."""
    info = folder / f"{name}-{version}.dist-info"
    info.mkdir()
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    (info / "METADATA").write_text(
        "\n".join([*lines, *(f"Requires-Dist: {need}" for need in requires)]) + "\n\n"
    )


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def test_what_is_installed_is_fine() -> None:
    check_installed("root.w", ["click", "click>=8", "Click[any]", 'nothing_at_all; python_version < "3"'])
    check_installed("root.w", [])


def test_everything_that_is_missing_is_told_with_the_command() -> None:
    with pytest.raises(NotInstalledError) as caught:
        check_installed("root.w", ["click<1", "nothing_at_all>=2", "click"])
    message = str(caught.value)
    assert message.startswith("root.w needs what is not installed where it should run: click<1 (")
    assert "is installed); nothing_at_all>=2 (missing). Install it there: " in message
    assert shlex.split(message.split("there: ")[1]) == [
        *(sys.executable, "-m", "pip", "install"),
        *("click<1", "nothing_at_all>=2"),
    ]


def test_a_version_before_its_release_will_do_if_it_is_installed(site: Path) -> None:
    package(site, "early", "2.0rc1")
    check_installed("root.w", ["early>=1", "early==2.0rc1"])
    with pytest.raises(NotInstalledError, match=r"2\.0rc1 is installed"):
        check_installed("root.w", ["early>=2"])


def test_what_an_extra_brings_must_be_there_too(site: Path) -> None:
    package(site, "whole", "1", "click", 'nothing_at_all; extra == "more"', 'click<1; extra == "old"')
    check_installed("root.w", ["whole"])
    with pytest.raises(NotInstalledError, match=r"whole\[more\] \(nothing_at_all is missing\)"):
        check_installed("root.w", ["whole[more]"])
    with pytest.raises(NotInstalledError, match=r"\(click \S+ is installed\)"):
        check_installed("root.w", ["whole[old]"])


def test_extras_that_bring_each_other_end(site: Path) -> None:
    package(site, "ring", "1", 'ring[b]; extra == "a"', 'ring[a]; extra == "b"')
    check_installed("root.w", ["ring[a]"])


def test_a_requirement_of_another_program_that_is_none_is_told() -> None:
    with pytest.raises(NotInstalledError, match="a=b"):
        check_installed("root.w", ["a=b"])
