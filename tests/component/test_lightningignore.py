from __future__ import annotations

import subprocess
import sys
import textwrap
from typing import Any

import pytest
from flowrpc.component import LightningFlow, LightningWork, List
from flowrpc.component.lightningignore import lightningignores
from flowrpc.errors import AttributeRuleError

from tests.flow_service.driver import Driver


class Job(LightningWork):
    def __init__(self, ignored: Any = ()) -> None:
        super().__init__()
        self.lightningignore = ignored

    def run(self) -> None:
        pass


class Root(LightningFlow):
    def __init__(self) -> None:
        self.lightningignore = ["data", "*.ckpt"]  # a list becomes a tuple
        self.job = Job(("/notebooks/",))
        self.jobs = List(Job(), Job(("raw",)))

    def run(self) -> None:
        if len(self.jobs) < 3:
            self.jobs.append(Job(["late"]))

    def change(self) -> None:
        self.job.lightningignore = ("too late",)

    def configure_commands(self) -> Any:
        return {"change": self.change}


@pytest.mark.parametrize("component", [Root(), Job()])
def test_it_is_a_tuple_and_no_state(component: Any) -> None:
    component.lightningignore = ["a", "b"]

    assert component.lightningignore == ("a", "b")
    assert "lightningignore" not in str(component.state)


def test_there_is_none_to_begin_with() -> None:
    class Forgetful(LightningFlow):
        def __init__(self) -> None:
            pass

    assert Forgetful().lightningignore == ()


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("*.ckpt", r"root.lightningignore is a tuple of patterns, not str; write ('*.ckpt',)"),
        (None, r"root.lightningignore is a tuple of patterns, not NoneType; write ('data', '*.ckpt')"),
        ({"a"}, r"root.lightningignore is a tuple of patterns, not set; write ('data', '*.ckpt')"),
        (["a", 3], r"root.lightningignore[1] must be a text, not int"),
        (["a\nb"], r"root.lightningignore[0]: 'a\nb' is more than one line; give each pattern by itself"),
    ],
)
def test_anything_else_is_refused(value: Any, message: str) -> None:
    job = Job(("before",))
    with pytest.raises(AttributeRuleError) as raised:
        job.lightningignore = value

    assert str(raised.value) == message
    assert job.lightningignore == ("before",)


def test_those_of_a_tree_are_collected_by_name_parents_first() -> None:
    assert list(lightningignores(Root()).items()) == [
        ("root", ("data", "*.ckpt")),
        ("root.job", ("/notebooks/",)),
        ("root.jobs.1", ("raw",)),
    ]


def test_a_class_attribute_counts_and_is_checked() -> None:
    class Constant(LightningFlow):
        lightningignore = ("a",)  # type: ignore[override]  # in place of the property

    class Wrong(LightningFlow):
        lightningignore = "a"  # type: ignore[assignment]

    assert lightningignores(Constant()) == {"root": ("a",)}
    with pytest.raises(AttributeRuleError, match=r"root\.lightningignore is a tuple of patterns"):
        lightningignores(Wrong())


def test_it_cannot_be_changed_while_the_app_is_served() -> None:
    driver = Driver(Root)
    driver.settle()
    root = driver.core.root
    assert isinstance(root, Root)

    for component in (root, root.job, root.jobs[2]):
        with pytest.raises(RuntimeError) as raised:
            component.lightningignore = ("too late",)
        assert f"modifying the `{component.name}.lightningignore` does not have an effect" in str(
            raised.value
        )
    assert root.jobs[2].lightningignore == ("late",)


def test_nor_by_the_run_of_a_work_in_its_process() -> None:
    program = """
        from flowrpc.component import LightningWork
        from flowrpc.component.hosting import HostedWork
        from flowrpc.state import ChangeLog

        class Job(LightningWork):
            def run(self):
                self.lightningignore = ("too late",)

        hosted = HostedWork(Job(), name="root.job", vars={}, log=ChangeLog())
        try:
            hosted.execute((), {})
        except RuntimeError as error:
            print(error)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, check=True
    )

    assert "`root.job.lightningignore`" in done.stdout
