from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest
from flowrpc.bundle import Entry, Kind, read_contents
from flowrpc.bundle.pattern import line_for
from flowrpc.errors import BundleError

CACHE_TAG = "Signature: 8a477f597d28d172789f06886806bc55\n# made by a tool"


def fill(folder: Path, files: Mapping[str, str] | Sequence[str]) -> None:
    for name in files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(files[name] if isinstance(files, Mapping) else "")


def kept(folder: Path, lightningignores: Mapping[str, Sequence[str]] | None = None) -> list[str]:
    return [entry.path for entry in read_contents(folder, lightningignores or {}).entries]


def ignored(
    folder: Path, lightningignores: Mapping[str, Sequence[str]] | None = None
) -> list[tuple[str, str, str]]:
    found = read_contents(folder, lightningignores or {}).ignored
    return [(left.path, left.reason, left.source) for left in found]


def test_tells_which_line_of_which_file_or_component_ignores(tmp_path: Path) -> None:
    fill(
        tmp_path,
        {
            ".lightningignore": "# big things\n\n*.bin\n",
            "a.bin": "",
            "data/.lightningignore": "raw/\n!keep.bin\n",
            "data/keep.bin": "",
            "data/raw/one": "",
            "notes/x": "",
            "app.py": "",
        },
    )

    assert ignored(tmp_path, {"root": ("*.csv",), "root.train": ("*.txt", "/notes")}) == [
        ("a.bin", "*.bin", ".lightningignore:3"),
        ("data/raw/", "raw/", "data/.lightningignore:1"),
        ("notes/", "/notes", "root.train.lightningignore[1]"),
    ]
    assert kept(tmp_path, {"root.train": ("/notes",)}) == [
        ".lightningignore",
        "app.py",
        "data/.lightningignore",
        "data/keep.bin",
    ]


def test_a_file_overrules_components_and_a_later_component_an_earlier_one(tmp_path: Path) -> None:
    fill(tmp_path, {".lightningignore": "!kept\n", "kept": "", "again": "", "gone": ""})

    assert ignored(tmp_path, {"root": ("*",), "root.a": ("!again", "!.*")}) == [
        ("gone", "*", "root.lightningignore[0]")
    ]


@pytest.mark.parametrize(
    "made",
    [
        *(".git/config", ".hg/store", ".svn/entries", "__pycache__/app.cpython-311.pyc", "sub/__pycache__/x.pyc"),
        *(".flowrpc/journal.db", "old.pyc", ".mypy_cache/x", ".venv/pyvenv.cfg", "any name/pyvenv.cfg"),
        *("conda/conda-meta/history", ".DS_Store"),
    ],
)  # fmt: skip
def test_what_tools_make_stays_behind_and_nothing_brings_it_back(tmp_path: Path, made: str) -> None:
    fill(tmp_path, {"app.py": "", made: "", ".lightningignore": "!*\n!*/\n"})

    assert kept(tmp_path) == [".lightningignore", "app.py"]
    assert [source for _, _, source in ignored(tmp_path)] == ["always"]


def test_git_may_be_a_file(tmp_path: Path) -> None:
    fill(tmp_path, ["vendor/.git", "vendor/x.py"])
    assert kept(tmp_path) == ["vendor/x.py"]


def test_folders_made_by_tools_are_known_by_what_is_in_them(tmp_path: Path) -> None:
    """A data directory holds tokens, wherever --data-dir put it."""
    fill(
        tmp_path,
        {"env/pyvenv.cfg": "", "state/journal.db": "", "state/tokens/admin": "", "c/CACHEDIR.TAG": CACHE_TAG},
    )
    fill(tmp_path, {"kept/CACHEDIR.TAG": "no tag", "mine/journal.db": ""})

    assert ignored(tmp_path) == [
        ("c/", "(a cache, says its CACHEDIR.TAG)", "always"),
        ("env/", "(a virtual environment)", "always"),
        ("state/", "(a data directory)", "always"),
    ]
    assert kept(tmp_path) == ["kept/CACHEDIR.TAG", "mine/journal.db"]


def test_the_bundle_does_not_go_into_itself(tmp_path: Path) -> None:
    fill(tmp_path, ["app.py", "dist/app.tar.gz", "app.tar.gz"])
    contents = read_contents(tmp_path, {}, tmp_path / "dist" / ".." / "dist" / "app.tar.gz")

    assert [entry.path for entry in contents.entries] == ["app.py", "app.tar.gz"]
    assert contents.ignored[0].reason == "(the bundle itself)"


def test_sockets_and_pipes_stay_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path, ["app.py"])
    os.mkfifo(tmp_path / "pipe")
    monkeypatch.chdir(tmp_path)  # the path of a socket must be short
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
        assert kept(tmp_path) == ["app.py"]
    assert [reason for _, reason, _ in ignored(tmp_path)] == ["(a socket, pipe or device)"] * 2


def test_links_are_links_and_are_not_followed(tmp_path: Path) -> None:
    fill(tmp_path, ["data/x"])
    (tmp_path / "data" / "up").symlink_to("..")
    (tmp_path / "link").symlink_to("data")
    (tmp_path / "loop").symlink_to("loop")
    entries = read_contents(tmp_path, {"root": ("link/",)}).entries  # a link is no folder, as for git

    links = [entry for entry in entries if entry.kind is Kind.LINK]
    assert links == [
        Entry(path="data/up", kind=Kind.LINK, target=".."),
        Entry(path="link", kind=Kind.LINK, target="data"),
        Entry(path="loop", kind=Kind.LINK, target="loop"),
    ]


def test_an_empty_folder_goes_along_but_not_one_whose_content_is_ignored(tmp_path: Path) -> None:
    fill(tmp_path, ["logs/x.log"])
    (tmp_path / "uploads").mkdir()

    assert read_contents(tmp_path, {"root": ("*.log",)}).entries == (Entry(path="uploads", kind=Kind.FOLDER),)


def test_entries_are_in_the_order_of_their_bytes(tmp_path: Path) -> None:
    names = ["B", "a", "a-b", "a/b", "ä", "z"]
    fill(tmp_path, ["B", "a-b", "a/b", "ä", "z"])
    assert kept(tmp_path) == sorted(names[:1] + names[2:], key=os.fsencode)


def test_names_that_are_no_utf_8_are_told_apart(tmp_path: Path) -> None:
    for name in (b"\xff", b"\xfe.bin"):
        (tmp_path / os.fsdecode(name)).write_text("")
    (tmp_path / ".lightningignore").write_bytes(b"*.bin\n/\xff\n")

    assert [path for path, _, _ in ignored(tmp_path)] == [os.fsdecode(b"\xfe.bin"), os.fsdecode(b"\xff")]


@pytest.fixture
def deep_folder(tmp_path: Path) -> Iterator[Path]:
    """A file below 1,200 folders; `shutil.rmtree`, which pytest cleans up with, cannot go so deep."""
    place = os.open(tmp_path, os.O_RDONLY)
    for _ in range(1_200):
        os.mkdir("d", dir_fd=place)
        below = os.open("d", os.O_RDONLY, dir_fd=place)
        os.close(place)
        place = below
    os.close(os.open("x", os.O_CREAT, dir_fd=place))
    os.close(place)
    yield tmp_path
    subprocess.run(["rm", "-r", tmp_path / "d"], check=True)


def test_folders_deeper_than_the_stack_are_looked_into(deep_folder: Path) -> None:
    assert kept(deep_folder) == ["d/" * 1_200 + "x"]


def test_a_byte_order_mark_and_line_ends_of_windows_are_no_part_of_patterns(tmp_path: Path) -> None:
    fill(tmp_path, ["a", "b"])
    (tmp_path / ".lightningignore").write_bytes(b"\xef\xbb\xbfa\r\nb")

    assert kept(tmp_path) == [".lightningignore"]


@pytest.mark.parametrize(
    "name", ["a", "a b ", "*", "[a]", "a\\", "!a", "#a", "sub/x?", "ä  ", " a", "a*b/c ", "\t"]
)
def test_the_line_that_is_advised_ignores_that_path_alone(tmp_path: Path, name: str) -> None:
    fill(tmp_path, [name, "a*c/c", "other", "sub/xy", "deeper/" + name])
    (tmp_path / ".lightningignore").write_text(line_for(name) + "\n")

    assert [path for path, _, _ in ignored(tmp_path)] == [name]


def test_an_ignore_file_that_cannot_be_read_is_no_empty_one(tmp_path: Path) -> None:
    (tmp_path / ".lightningignore").symlink_to("/proc/self/mem")  # a file that can be opened, not read
    with pytest.raises(
        BundleError, match=r"\.lightningignore cannot be read: .*; what it ignores is not known"
    ):
        read_contents(tmp_path, {})


def test_a_folder_that_is_gone_is_told(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="gone cannot be read: No such file"):
        read_contents(tmp_path / "gone", {})
