"""Works that run scripts: how they are built, and what they do where they are called in no app."""

from __future__ import annotations

import io
import os
import sys
import tarfile
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from flowrpc.components import PopenPythonScript, Tracer, TracerPythonScript
from flowrpc.errors import InvalidValueError, ScriptError
from flowrpc.state.extension import Extension
from flowrpc.state.values import Value
from flowrpc.storage import Path as StoredPath

Write = Callable[..., str]

BOTH = pytest.mark.parametrize("work", [TracerPythonScript, PopenPythonScript])


@pytest.fixture(autouse=True)
def in_app_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder of the app's file comes first on the path; the current folder is another one."""
    (tmp_path / "app").mkdir()
    (tmp_path / "here").mkdir()
    monkeypatch.syspath_prepend(str(tmp_path / "app"))
    monkeypatch.chdir(tmp_path / "here")


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(source: str, name: str = "app/script.py") -> str:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(source)
        return str(tmp_path / name)

    return write


# Building


@BOTH
def test_a_missing_script_is_refused_with_its_full_path(work: Any, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=f"{tmp_path}/app/none.py nor at {tmp_path}/here/none.py"):
        work("none.py")
    with pytest.raises(
        FileNotFoundError, match=f"'{tmp_path}/none.py' is no file: none is at {tmp_path}/none.py$"
    ):
        work(tmp_path / "none.py")


@BOTH
def test_a_folder_is_no_script(work: Any, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="is no file"):
        work(tmp_path)


@BOTH
def test_arguments_are_texts_numbers_and_paths(work: Any, write: Write) -> None:
    script = write("")
    assert work(script, "--name 'a b'  -v").script_args == ["--name", "a b", "-v"]
    assert work(script, ["--n", 3, 0.5, Path("x/y")]).script_args == ["--n", 3, 0.5, "x/y"]
    assert work(script).script_args == []
    stored = StoredPath("x/y")
    assert work(script, [stored]).script_args[0] == stored


@BOTH
@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"script_args": ["-v", object()]}, r"\(\) script_args\[1\]: is a object"),
        ({"script_args": ["-v", ["x"]]}, r"\(\) script_args\[1\]: is a list"),
        ({"script_args": 3}, r"\(\) script_args: is a int; give a list of texts"),
        ({"env": {"A": object()}}, r"\(\) env\['A'\]: is a object; give a text"),
        ({"env": {"A=B": "x"}}, r"\(\) env: 'A=B' is no name"),
        ({"env": ["A=B"]}, r"\(\) env: is a list; give a dict"),
        ({"code": "x.tar.gz"}, r"\(\) code: is no source"),
        ({"env": {3: "x"}}, r"\(\) env: 3 is no name"),
        ({"code": {"name": "x"}}, r"\(\) code: is no source"),
        ({"code": {"drive": "lit://x", "name": "x"}}, r"\(\) code\['drive'\]: is a str; give a Drive"),
    ],
)
def test_arguments_of_other_kinds_are_refused(work: Any, write: Write, given: Any, told: str) -> None:
    with pytest.raises(InvalidValueError, match=work.__name__ + told):
        work(write(""), **given)


@pytest.mark.parametrize(
    ("names", "told"),
    [
        ("best", "outputs: is a str; give a list of names"),
        (["a b"], r"outputs\[0\]: 'a b' is no name of a global"),
        (["best", "class"], r"outputs\[1\]: 'class' is no name"),
        (["_best"], r"'_best' cannot be a var of a TracerPythonScript"),
        (["run"], r"'run' cannot be a var"),
        (["script_path"], r"'script_path' cannot be a var"),
        (["outputs"], r"'outputs' cannot be a var"),
        ([3], r"outputs\[0\]: 3 is no name"),
    ],
)
def test_outputs_that_cannot_be_vars_are_refused(write: Write, names: Any, told: str) -> None:
    with pytest.raises(InvalidValueError, match=told):
        TracerPythonScript(write(""), outputs=names)


def test_they_are_dynamic_children_whose_arguments_are_kept(write: Write) -> None:
    script = write("")
    work = TracerPythonScript(script, ["-v"], ["best"], {"A": "1"}, parallel=True)
    assert work._recipe is not None
    assert work._recipe.args == (script, ["-v"], ["best"], {"A": "1"})
    assert work.state["vars"]["best"] is None


# Running


class Kept(TracerPythonScript):
    def on_after_run(self, res: dict[str, Any]) -> None:
        self._res = res
        super().on_after_run(res)


@BOTH
def test_the_script_of_the_app_comes_before_that_of_the_current_folder(
    work: Any, write: Write, capfd: pytest.CaptureFixture[str]
) -> None:
    write("print('here')", "here/script.py")
    work("script.py").run()
    write("print('app')")
    work("script.py").run()
    assert capfd.readouterr().out.split() == ["here", "app"]


@BOTH
def test_arguments_and_params_arrive(work: Any, write: Write, capfd: pytest.CaptureFixture[str]) -> None:
    script = work(write("import sys; print(*sys.argv[1:], sep='|')"), ["-n", 3], cache_calls=False)
    script.run({"rate": 0.1, "-x": "a b", "--flag": True})
    script.run()
    assert capfd.readouterr().out.split("\n") == ["-n|3|--rate=0.1|-x=a b|--flag=True", "-n|3", ""]
    assert script.script_args == ["-n", 3]


@BOTH
def test_params_are_a_dict(work: Any, write: Write) -> None:
    with pytest.raises(InvalidValueError, match=r"root\.run\(\) params: is a list; give a dict"):
        work(write("")).run(["--rate=1"])


@BOTH
def test_the_environment_is_set_while_the_script_runs(
    work: Any, write: Write, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEPT", "old")
    source = "import os; print(os.environ['ADDED'], os.environ['KEPT']); os.environ['MORE'] = 'x'"
    before = dict(os.environ)
    work(write(source), env={"ADDED": 3}).run()
    assert capfd.readouterr().out == "3 old\n"
    assert dict(os.environ) == before


@BOTH
def test_hooks_are_called_around_the_script(
    work: Any, write: Write, capfd: pytest.CaptureFixture[str]
) -> None:
    class Hooked(work):  # type: ignore[misc]
        def on_before_run(self) -> None:
            self.script_args.append("added")
            sys.stdout.write("before\n")
            sys.stdout.flush()

        def on_after_run(self, *res: Any) -> None:
            sys.stdout.write(f"after {len(res)}\n")

    Hooked(write("import sys; print(*sys.argv[1:])")).run()
    assert capfd.readouterr().out.splitlines() == [
        "before",
        "added",
        f"after {int(work is TracerPythonScript)}",
    ]


@BOTH
def test_a_folder_for_the_run(
    work: Any, write: Write, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    write("import os; print('other', os.getcwd())", "other/script.py")
    write("import os; print('app', os.getcwd())")
    work("script.py").run(code_dir="../other")
    assert capfd.readouterr().out == f"other {tmp_path}/other\n"
    assert Path.cwd() == tmp_path / "here"


@BOTH
def test_a_restart_count_makes_a_call_another_one(
    work: Any, write: Write, capfd: pytest.CaptureFixture[str]
) -> None:
    script = work(write("print('ran')"))
    for count in (1, 1, 2):
        script.run(restart_count=count)
    assert capfd.readouterr().out == "ran\nran\n"
    assert script.restart_count == 2


@BOTH
def test_a_script_that_fails_leaves_everything_as_it_was(work: Any, write: Write) -> None:
    script = work(write("import sys; sys.exit(3)"), env={"ADDED": "x"})
    before = (dict(os.environ), Path.cwd(), sys.argv, sys.path[:])
    with pytest.raises(ScriptError, match=r"app/script.py ended with exit code 3"):
        script.run(code_dir="../app")
    assert (dict(os.environ), Path.cwd(), sys.argv, sys.path[:]) == before


def test_outputs_become_vars(write: Write) -> None:
    work = Kept(write("best = {'rate': (1, 2)}\nsteps = 3\nother = object()"), outputs=["best", "steps"])
    work.run()
    assert work.state["vars"]["best"] == {"rate": [1, 2]}
    assert work.state["vars"]["steps"] == 3
    assert work._res["tracer_res"] == []


def test_an_output_that_is_missing_is_named(write: Write) -> None:
    work = TracerPythonScript(write("beste = 1\nsteps = 3"), outputs=["steps", "best"])
    with pytest.raises(
        InvalidValueError, match="root outputs: the script has no global 'best'; did you mean 'beste'"
    ):
        work.run()
    assert work.state["vars"]["steps"] is None, "all or none"


def test_an_output_that_can_be_neither_value_nor_payload_is_named_with_the_way_out(write: Write) -> None:
    work = TracerPythonScript(
        write("steps = 3\nmodel = {'layers': [1, object()]}"), outputs=["steps", "model"]
    )
    with pytest.raises(
        InvalidValueError, match=r"root\.model: is no value of state, and .*on_after_run\(res\)"
    ):
        work.run()
    assert work.state["vars"]["steps"] is None


def test_keywords_are_globals_of_the_script(write: Write) -> None:
    work = TracerPythonScript(write("c = a + b"), outputs=["c"])
    work.run(a=1, b=2)
    assert work.state["vars"]["c"] == 3


def test_a_tracer_of_the_work_takes_part(write: Write) -> None:
    class Traced(Kept):
        def configure_tracer(self) -> Tracer:
            tracer = super().configure_tracer()
            tracer.add_traced(Fraction, "limit_denominator", post_fn=lambda _, result: ("near", result + 1))
            return tracer

    work = Traced(
        write("from fractions import Fraction\nc = str(Fraction(1, 2).limit_denominator())"), outputs=["c"]
    )
    work.run()
    assert work.state["vars"]["c"] == "3/2"
    assert [call.post for call in work._res["tracer_res"]] == ["near"]


# Code from elsewhere


class FolderDrive(Extension, type_name="test_folder_drive"):
    """Has files of a folder, as a Drive has those of the app's storage."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    @classmethod
    def from_content(cls, content: Value) -> FolderDrive:
        assert isinstance(content, str)
        return cls(content)

    def extension_content(self) -> Value:
        return self.folder

    @property
    def root_folder(self) -> Path:
        return Path(self.folder)

    def get(self, path: str) -> None:
        if not (self.root_folder / path).exists():
            raise FileNotFoundError(path)


def archive(folder: Path, member: str, source: str) -> None:
    with tarfile.open(folder / "code.tar.gz", "w:gz") as tar:
        info = tarfile.TarInfo(member)
        info.size = len(source)
        tar.addfile(info, io.BytesIO(source.encode()))


@BOTH
def test_code_comes_from_a_drive(work: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    archive(tmp_path, "pkg/script.py", "import os; print(os.getcwd())")
    code = {"drive": FolderDrive(str(tmp_path)), "name": "code.tar.gz"}
    work("pkg/script.py", code=code).run(code_dir="fetched")
    assert capfd.readouterr().out == f"{tmp_path}/here/fetched\n"


@BOTH
def test_code_that_leads_out_of_its_folder_is_refused(work: Any, tmp_path: Path) -> None:
    archive(tmp_path, "../../evil.py", "")
    code = {"drive": FolderDrive(str(tmp_path)), "name": "code.tar.gz"}
    with pytest.raises(ScriptError, match=r"the code 'code.tar.gz' cannot be unpacked into fetched"):
        work("script.py", code=code).run(code_dir="fetched")
    assert not (tmp_path / "evil.py").exists()


@BOTH
def test_a_script_that_is_not_in_its_code_is_told(work: Any, tmp_path: Path) -> None:
    archive(tmp_path, "pkg/script.py", "")
    code = {"drive": FolderDrive(str(tmp_path)), "name": "code.tar.gz"}
    with pytest.raises(FileNotFoundError, match=f"none is at {tmp_path}/here/fetched/script.py"):
        work("script.py", code=code).run(code_dir="fetched")


# Processes


def test_lines_go_to_both_outputs_as_they_are(write: Write, capfd: pytest.CaptureFixture[str]) -> None:
    source = r"import sys; sys.stdout.buffer.write(b'a\xff\r\n\nlast'); sys.stderr.write('warned\n')"
    work = PopenPythonScript(write(source))
    work.run()
    out, err = capfd.readouterr()
    assert out == "a\N{REPLACEMENT CHARACTER}\n\nlast\n"
    assert err == "warned\n"
    assert (work.exit_code, work.pid) == (0, None)


def test_a_failure_tells_the_last_lines(write: Write) -> None:
    source = "for n in range(100): print('line', n)\nraise ValueError('broken')"
    work = PopenPythonScript(write(source))
    with pytest.raises(ScriptError) as raised:
        work.run()
    text = str(raised.value)
    assert "app/script.py ended with exit code 1; its last lines:\n" in text
    assert "  ValueError: broken" in text
    assert len(text.splitlines()) == 21
    assert work.exit_code == 1


def test_a_failure_without_a_word(write: Write) -> None:
    with pytest.raises(ScriptError, match="ended with exit code 4; it had printed nothing"):
        PopenPythonScript(write("import os; os._exit(4)")).run()


def test_a_failure_tells_the_beginning_of_long_lines(write: Write) -> None:
    with pytest.raises(ScriptError) as raised:
        PopenPythonScript(write("raise SystemExit('x' * 100_000)")).run()
    assert len(str(raised.value)) < 1500  # the line comes in two pieces


def test_a_signal_is_named(write: Write) -> None:
    work = PopenPythonScript(write("import os; os.kill(os.getpid(), 11)"))
    with pytest.raises(ScriptError, match=r"was ended by signal 11 \(SIGSEGV\)"):
        work.run()
    assert work.exit_code == -11


def test_a_line_without_an_end_is_cut(write: Write, capfd: pytest.CaptureFixture[str]) -> None:
    PopenPythonScript(write("print('x' * 200_000)")).run()
    lines = capfd.readouterr().out.splitlines()
    assert [len(line) for line in lines] == [65536, 65536, 65536, 200_000 - 3 * 65536]


def test_the_script_has_no_input(write: Write) -> None:
    PopenPythonScript(write("import sys; assert sys.stdin.read() == ''")).run()
