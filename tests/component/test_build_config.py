"""BuildConfig: requirements, files of them, and what it is made of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from flowrpc import BuildConfig
from flowrpc.errors import InvalidValueError
from flowrpc.state import same
from flowrpc.state.extension import extension_of


class Shell(BuildConfig):
    def build_commands(self) -> list[str]:
        return ["apt-get install -y sox"]


def test_requirements_are_brought_into_their_normal_form() -> None:
    config = BuildConfig(requirements=["torch >= 2", 'pywin32; sys_platform == "win32"', "pip[extra]==1.*"])
    assert config.requirements == ["torch>=2", 'pywin32; sys_platform == "win32"', "pip[extra]==1.*"]


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"requirements": "torch"}, "write a list"),
        ({"requirements": [1]}, "no text"),
        ({"requirements": ["torch=2"]}, "no requirement"),
        ({"requirements": [""]}, "no requirement"),
        ({"requirements": ["git+https://example.com/a.git"]}, "no requirement"),
        ({"requirements": ["a @ https://example.com/a.whl"]}, "such as 'a==1.2'"),
        ({"image": ""}, "image=''"),
        ({"image": 1}, "image=1"),
        ({"dockerfile": " "}, "dockerfile=' '"),
    ],
)
def test_what_cannot_be_meant_is_refused(options: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=r"^BuildConfig\(") as caught:
        BuildConfig(**options)
    assert problem in str(caught.value)


def test_it_comes_back_from_its_dict_and_as_a_value() -> None:
    config = BuildConfig(["a>1", "-r more.txt"], Path("Dockerfile"), "registry/image:1")
    assert config.to_dict() == {
        "requirements": ["a>1", "-r more.txt"],
        "dockerfile": "Dockerfile",
        "image": "registry/image:1",
    }
    for again in (BuildConfig.from_dict(config.to_dict()), extension_of("build_config", config.to_dict())):
        assert type(again) is BuildConfig
        assert same(again, config)
        assert (again.dockerfile, again.image) == ("Dockerfile", "registry/image:1")
    assert BuildConfig().to_dict() == {}
    assert repr(BuildConfig(["a"])) == "BuildConfig(requirements=['a'])"


def test_the_commands_of_a_subclass_are_kept() -> None:
    again = extension_of("build_config", Shell(["a"]).extension_content())
    assert isinstance(again, BuildConfig)
    assert again.build_commands() == ["apt-get install -y sox"]
    assert again == Shell(["a"])


def test_commands_are_a_list_of_texts() -> None:
    class Wrong(BuildConfig):
        def build_commands(self) -> Any:
            return "apt-get"

    with pytest.raises(ValueError, match=r"build_commands\(\) returned 'apt-get'"):
        Wrong().to_dict()


@pytest.mark.parametrize("content", [None, [], {"colour": 1}, {"requirements": ["="]}, {"build_commands": 1}])
def test_content_that_is_none_of_it_is_refused(content: Any) -> None:
    with pytest.raises(InvalidValueError, match="build_config"):
        extension_of("build_config", content)


def test_files_are_read_where_the_class_is(tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    (tmp_path / "requirements.txt").write_text(
        "# what it needs\n--index-url https://example.com/simple\n"
        "torch >= 2  # the newest\n\n-r more/others.txt\nnumpy \\\n  < 2 --hash=sha256:aa --hash sha256:bb\n"
    )
    (tmp_path / "more" / "others.txt").write_text("click\n--pre\n")
    for entry in (
        "requirements.txt",
        "-r requirements.txt",
        "-rrequirements.txt",
        "--requirement=requirements.txt",
    ):
        config = BuildConfig(["packaging", entry, "click"]).resolved(tmp_path)
        assert config.requirements == ["packaging", "torch>=2", "click", "numpy<2"]
        assert config.problem == ""


def test_commands_outlive_the_reading_of_files(tmp_path: Path) -> None:
    (tmp_path / "r.txt").write_text("click")
    assert Shell(["r.txt"]).resolved(tmp_path).to_dict() == {
        "requirements": ["click"],
        "build_commands": ["apt-get install -y sox"],
    }


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("click\ntorch=2\n", "r.txt:2: 'torch=2' is no requirement"),
        ("-e .\n", "r.txt:1: the option '-e .' cannot be honoured"),
        ("-c limits.txt\n", "r.txt:1: the option '-c limits.txt' cannot be honoured"),
        ("-r gone.txt\n", "gone.txt cannot be read: No such file"),
        ("-r r.txt\n", "includes itself"),
        ("https://example.com/a.whl\n", "r.txt:1:"),
    ],
)
def test_what_is_wrong_in_a_file_is_kept_for_who_asks(tmp_path: Path, text: str, problem: str) -> None:
    """Building the work must not fail for it: where the work is executed, the file need not be."""
    (tmp_path / "r.txt").write_text(text)
    config = BuildConfig(["-r r.txt"]).resolved(tmp_path)
    assert problem in config.problem
    assert config.requirements == ["-r r.txt"]


def test_a_file_that_is_no_text_is_told(tmp_path: Path) -> None:
    (tmp_path / "r.txt").write_bytes(b"\xff\xfe\x00")
    assert "cannot be read: it is no text" in BuildConfig(["r.txt"]).resolved(tmp_path).problem
