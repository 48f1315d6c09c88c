"""What is ignored, compared with git itself on random folders and patterns."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from flowrpc.bundle import Kind, read_contents
from hypothesis import HealthCheck, example, given, note, settings
from hypothesis import strategies as st

GIT = shutil.which("git")
NO_CONFIGURATION = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null", "LC_ALL": "C"}

NAMES = [
    *("a", "b", "ab", "ba", "a b", "a.c", "b.c", "A", "ä"),
    *("[a]", "-", "!a", "#a", "a\\", "*", "a ", "\t"),
]
PIECES = [
    *("a", "b", "c", "A", ".", "-", " ", "ä", "\t", "!", "#", "^", "]"),
    *("*", "**", "***", "?", "/", "**/", "/**", "/**/", "*."),
    *(
        "[ab]",
        "[!a]",
        "[^a]",
        "[a-c]",
        "[c-a]",
        "[]a]",
        "[!]a]",
        "[a-]",
        "[-a]",
        "[\\]a]",
        "[a\\-c]",
        "[[]",
        "[+--]",
    ),
    *(
        "[[:alpha:]]",
        "[![:alpha:]]",
        "[[:punct:]b]",
        "[[:space:]]",
        "[[:nope:]]",
        "[[:alpha]",
        "[[:]a]",
        "[[::]]",
    ),
    *("\\a", "\\*", "\\[", "\\ ", "\\!", "\\\\", "\\/", "\\", "[", "[!", "[[:", "[a-", "[a/b]", "[!-z]"),
]

patterns = st.builds(
    lambda negation, pieces: negation + "".join(pieces),
    st.sampled_from(["", "", "", "!"]),
    st.lists(st.sampled_from(PIECES), max_size=5),
)
plain_patterns = st.sampled_from(
    ["*", "!a", "/a", "b", "a/", "!a/", "a/b", "!/a/b", "**/b", "a/**", "*.c", "!*.c", "a*"]
)
lines = st.lists(patterns | plain_patterns | st.just("# a comment") | st.just(""), max_size=5)
folders = st.lists(st.sampled_from(NAMES), max_size=2).map("/".join)
paths = st.lists(st.sampled_from(NAMES), min_size=1, max_size=4).map("/".join)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A folder with ignore files, and the patterns of components."""

    paths: tuple[str, ...]
    ignore_files: dict[str, tuple[str, ...]]
    """Lines by the folder that the file is in."""
    component: tuple[str, ...] = ()
    line_end: str = "\n"


cases = st.builds(
    Case,
    paths=st.lists(paths, min_size=1, max_size=12).map(tuple),
    ignore_files=st.dictionaries(folders, lines.map(tuple), max_size=3),
    component=lines.map(tuple),
    line_end=st.sampled_from(["\n", "\n", "\r\n"]),
)


def build(case: Case, top: Path) -> None:
    """Makes the folder; what clashes with what is there already is left out."""
    for path in case.paths:
        place = top / path
        if place.exists() or any(parent.is_file() for parent in place.parents):
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text("")
    for folder, written in case.ignore_files.items():
        if (top / folder).is_dir():
            text = "".join(line + case.line_end for line in written)
            (top / folder / ".lightningignore").write_bytes(text.encode())


def kept_by_git(top: Path, component: tuple[str, ...]) -> set[str]:
    """Asks git which files it does not ignore."""
    first = top.with_name("first")  # patterns that git looks at after those of all folders
    first.write_bytes("".join(f"{line}\n" for line in component).encode())
    listed = git(
        top,
        "ls-files",
        "--others",
        "-z",
        f"--exclude-from={first}",
        "--exclude-per-directory=.lightningignore",
    )
    return {os.fsdecode(path) for path in listed.split(b"\0") if path}


def git(folder: Path, *arguments: str) -> bytes:
    assert GIT is not None
    command = [GIT, *arguments]
    return subprocess.run(
        command, cwd=folder, env=os.environ | NO_CONFIGURATION, capture_output=True, check=True
    ).stdout


def kept_by_us(top: Path, component: tuple[str, ...]) -> set[str]:
    contents = read_contents(top, {"root": component})
    return {entry.path for entry in contents.entries if entry.kind is Kind.FILE}


def test_git_is_there() -> None:
    """Without it the comparison below would compare nothing."""
    assert GIT is not None, "install git: what is ignored is compared with it"


@pytest.mark.slow
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(cases)
@example(Case(paths=("b/a",), ignore_files={"": ("b", "!a")}))
@example(Case(paths=("ab/c/b", "a/b/c"), ignore_files={"": ("a**/b",)}))
@example(Case(paths=("a/b",), ignore_files={"": ("*", "!/a")}))
@example(Case(paths=("a/b", "a/c"), ignore_files={"": ("a/*",), "a": ("!b",)}))
@example(Case(paths=("a/b",), ignore_files={"": ("a",), "a": ("!b",)}))
@example(Case(paths=("ä", "a"), ignore_files={"": ("?",)}))
@example(Case(paths=("a/b",), ignore_files={"": ("!b",)}, component=("b",)))
def test_ignores_what_git_ignores(case: Case) -> None:
    with tempfile.TemporaryDirectory() as name:
        top = Path(name).resolve() / "top"
        top.mkdir()
        git(top, "init", "--quiet")
        build(case, top)
        note(str(sorted(str(path.relative_to(top)) for path in top.rglob("*") if ".git" not in path.parts)))

        assert kept_by_us(top, case.component) == kept_by_git(top, case.component)


@pytest.fixture(scope="module")
def full_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which nearly every pattern finds something."""
    top = tmp_path_factory.mktemp("full") / "top"
    top.mkdir()
    git(top, "init", "--quiet")
    folders = ["", *FEW, *(f"{one}/{two}" for one in FEW for two in FEW)]
    build(
        Case(
            paths=tuple(f"{folder}/{name}".lstrip("/") for folder in folders for name in FILES),
            ignore_files={},
        ),
        top,
    )
    return top


FEW = ["a", "b", "ab", "a b"]
FILES = ["c", "b.c", "a-", "aa", "ä", "[", "]", "a ", "a\\", "-", "\t", "!a"]


@pytest.mark.slow
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(written=st.lists(patterns | plain_patterns, min_size=1, max_size=3).map(tuple))
@example(written=("a**/c",))
@example(written=("**",))
@example(written=("a/**",))
@example(written=("a**//",))
@example(written=("[!a]*", "!b"))
@example(written=("*\\",))
def test_a_pattern_matches_what_git_matches(full_folder: Path, written: tuple[str, ...]) -> None:
    assert kept_by_us(full_folder, written) == kept_by_git(full_folder, written)
