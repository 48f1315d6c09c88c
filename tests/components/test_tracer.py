"""Tracer: what a script sees, and what is left of it."""

from __future__ import annotations

import os
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flowrpc.component.failures import failure_of
from flowrpc.components import Tracer
from flowrpc.errors import ScriptError

Write = Callable[..., str]


class Trainer:
    """Is what scripts import and use."""

    def __init__(self, rate: float = 1.0, *, callbacks: tuple[str, ...] = ()) -> None:
        self.rate = rate
        self.callbacks = callbacks

    def fit(self, epochs: int) -> float:
        return self.rate * epochs

    @classmethod
    def default(cls, rate: float = 2.0) -> Trainer:
        return cls(rate)

    @staticmethod
    def version(major: int) -> str:
        return f"{major}.0"


class Sub(Trainer):
    pass


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Writes scripts; they find this module under the name `trainers`."""
    monkeypatch.setitem(sys.modules, "trainers", sys.modules[__name__])

    def write(source: str, name: str = "script.py") -> str:
        path = tmp_path / name
        path.write_text(textwrap.dedent(source))
        return str(path)

    return write


def test_a_script_is_main_with_its_arguments_and_its_folder_on_the_path(write: Write, tmp_path: Path) -> None:
    write("VALUE = 7", "neighbour_of_script.py")
    script = write("""
        import sys
        import neighbour_of_script
        name, argv, first, value = __name__, list(sys.argv), sys.path[0], neighbour_of_script.VALUE
        main = sys.modules["__main__"].__dict__ is globals()
    """)
    argv, path, main = sys.argv, sys.path[:], sys.modules["__main__"]
    res = Tracer().trace(script, "--a", "b")
    assert (res["name"], res["argv"], res["first"]) == ("__main__", [script, "--a", "b"], str(tmp_path))
    assert (res["value"], res["main"]) == (7, True)
    assert (sys.argv, sys.path, sys.modules["__main__"]) == (argv, path, main)


def test_a_script_begins_with_the_globals_it_is_given(write: Write) -> None:
    assert Tracer().trace(write("b = a + 1"), init_globals={"a": 1})["b"] == 2


@pytest.mark.parametrize("leaving", ["sys.exit()", "sys.exit(0)", "raise SystemExit", "main()"])
def test_a_script_that_leaves_with_0_has_ended_well(write: Write, leaving: str) -> None:
    script = write(f"import sys\nresult = 3\ndef main():\n    sys.exit(0)\n{leaving}\nresult = 4\n")
    assert Tracer().trace(script)["result"] == 3


@pytest.mark.parametrize(
    ("code", "told"), [("3", "exit code 3"), ("-1", "exit code 255"), ("'no data'", "exit code 1: no data")]
)
def test_a_script_that_leaves_otherwise_has_failed(write: Write, code: str, told: str) -> None:
    script = write(f"import sys\nsys.exit({code})")
    with pytest.raises(ScriptError, match=f"script.py ended with {told}$"):
        Tracer().trace(script)


def test_what_a_script_raises_comes_out_and_everything_is_restored(write: Write) -> None:
    tracer, fit, before = Tracer(), Trainer.__dict__["fit"], (sys.argv, sys.path[:])
    tracer.add_traced(Trainer, "fit")
    script = write("import sys\nsys.path.clear()\nsys.argv = [None]\n1 / 0")
    with pytest.raises(ZeroDivisionError) as raised:
        tracer.trace(script)
    assert Trainer.__dict__["fit"] is fit
    assert (sys.argv, sys.path) == before
    frames = failure_of(raised.value).traceback.splitlines()
    assert frames[0].startswith("Traceback")
    assert "runpy" not in "".join(frames[:2]) or "test_tracer" in frames[1]


def trace(write: Write, source: str, method: str, cls: type = Trainer, **functions: Any) -> dict[str, Any]:
    tracer = Tracer()
    tracer.add_traced(cls, method, **functions)
    res = tracer.trace(write("from trainers import Trainer, Sub\n" + source))
    res["calls"] = tracer.calls
    return res


def with_callback(self: Trainer, *args: Any, **kwargs: Any) -> tuple[Any, Any, Any]:
    return "noted", args, {**kwargs, "callbacks": ("mine",)}


def doubled(self: object, result: Any) -> tuple[Any, Any]:
    return {"was": result}, result * 2


def test_arguments_are_changed_before_a_call(write: Write) -> None:
    res = trace(write, "t = Trainer(0.5)", "__init__", pre_fn=with_callback)
    assert (res["t"].rate, res["t"].callbacks) == (0.5, ("mine",))
    assert Trainer(0.5).callbacks == ()
    (call,) = res["calls"]
    assert (call.cls, call.method, call.pre, call.post) == ("Trainer", "__init__", "noted", None)


def test_results_are_changed_after_a_call(write: Write) -> None:
    res = trace(write, "r = Trainer(0.5).fit(4)", "fit", post_fn=doubled)
    assert res["r"] == 4.0
    assert res["calls"][0].post == {"was": 2.0}
    assert res["calls"][0].seconds >= 0


def test_class_methods_and_static_methods_are_traced(write: Write) -> None:
    seen: list[object] = []

    def pre(subject: object, *args: Any, **kwargs: Any) -> tuple[Any, Any, Any]:
        seen.append(subject)
        return None, (9, *args[1:]), kwargs

    tracer = Tracer()
    tracer.add_traced(Trainer, "default", pre_fn=pre)
    tracer.add_traced(Trainer, "version", pre_fn=pre)
    source = "from trainers import *\nfrom trainers import Sub\na, b = Sub.default(1), Sub().version(1)"
    res = tracer.trace(write(source))
    assert (res["a"].rate, type(res["a"]), res["b"]) == (9, Sub, "9.0")
    assert seen == [Sub, Trainer]
    assert Trainer.default().rate == 2.0
    assert Trainer.version(3) == "3.0"


def test_an_inherited_method_is_traced_for_the_subclass_alone(write: Write) -> None:
    res = trace(write, "a, b = Sub(2).fit(1), Trainer(2).fit(1)", "fit", Sub, post_fn=doubled)
    assert (res["a"], res["b"]) == (4, 2)
    assert "fit" not in vars(Sub)


def test_a_method_may_be_traced_twice(write: Write) -> None:
    tracer = Tracer()
    for _ in range(2):
        tracer.add_traced(Trainer, "fit", post_fn=doubled)
    assert tracer.trace(write("from trainers import Trainer\nr = Trainer().fit(1)"))["r"] == 4
    assert Trainer().fit(1) == 1


def test_the_newest_calls_are_kept(write: Write) -> None:
    source = "t = Trainer()\nfor n in range(1500): t.fit(n)"
    calls = trace(write, source, "fit", post_fn=lambda _, result: (result, result))["calls"]
    assert [call.post for call in calls] == list(range(500, 1500))


def test_a_method_that_is_not_there_is_refused() -> None:
    with pytest.raises(AttributeError, match="Trainer has no method 'fitt' to trace; did you mean 'fit'"):
        Tracer().add_traced(Trainer, "fitt")


def test_a_class_that_is_not_written_in_python_is_refused(write: Write) -> None:
    tracer = Tracer()
    tracer.add_traced(Trainer, "fit")
    tracer.add_traced(list, "append")
    with pytest.raises(TypeError, match=r"list\.append cannot be traced"):
        tracer.trace(write("pass"))
    assert Trainer().fit(1) == 1


@pytest.mark.parametrize("function", ["pre_fn", "post_fn"])
def test_a_function_that_returns_another_shape_is_told_so(write: Write, function: str) -> None:
    shape = r"\(note, args, kwargs\)" if function == "pre_fn" else r"\(note, result\)"
    functions: dict[str, Any] = {function: lambda *args, **kwargs: None}
    with pytest.raises(TypeError, match=rf"the {function} of Trainer\.fit returned None; return {shape}"):
        trace(write, "Trainer().fit(1)", "fit", **functions)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Tracer().trace(os.fspath(tmp_path / "none.py"))
