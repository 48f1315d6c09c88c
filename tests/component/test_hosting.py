from __future__ import annotations

import subprocess
import sys
import textwrap
from typing import Any

import pytest
from flowrpc.component import LightningWork
from flowrpc.component.hosting import HostedWork, ReturnValueError
from flowrpc.errors import InvalidChangeError
from flowrpc.state import ChangeLog, Remove, Set, Splice


class Job(LightningWork):
    def __init__(self) -> None:
        super().__init__(cache_calls=False)
        self.items: Any = [1, 2, 3]
        self.seen: Any = []
        self.answer: Any = None

    def run(self, answer: Any = None, *, hook: Any = None) -> Any:
        for item in self.items:
            self.seen.append(item)
            if hook:
                hook()
        return answer


def _hooked(hook: Any) -> Any:
    return {"hook": hook}


def _host(**vars: Any) -> tuple[HostedWork, ChangeLog, Any]:
    work = Job()
    log = ChangeLog()
    return HostedWork(work, name="root.jobs.0", vars=vars, log=log), log, work


def test_a_hosted_work_has_the_flows_name_and_vars_and_records_none_of_that() -> None:
    _, log, work = _host(answer={"x": [1]}, unknown=3)
    assert (work.name, work.answer, work.items) == ("root.jobs.0", {"x": [1]}, [1, 2, 3])
    assert not hasattr(work, "unknown")
    assert log.entries == []


def test_execution_records_what_user_code_changes() -> None:
    hosted, log, work = _host(items=["a"])
    hosted.execute((), {})
    assert [(owner is work, change) for owner, change, _ in log.take()] == [
        (True, Splice(("seen",), 0, 0, ["a"]))
    ]
    hosted.execute((), {})
    assert work.seen == ["a", "a"]


def test_a_return_value_is_refused() -> None:
    hosted, _, work = _host()
    with pytest.raises(
        ReturnValueError, match=r"Your work root\.jobs\.0 shouldn't have a return value\. Found 5; set a"
    ):
        hosted.execute((5,), {})
    assert not work._executing


def test_what_user_code_raises_comes_out() -> None:
    hosted, _, work = _host(items=[1])

    def fail() -> None:
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        hosted.execute((), _hooked(fail))
    assert not work._executing


def test_changes_of_the_flow_do_not_disturb_an_iteration() -> None:
    hosted, log, work = _host()
    hosted.execute((), _hooked(lambda: hosted.apply([Splice(("items",), 0, 1, [])])))
    assert (work.seen, work.items) == ([1, 2, 3], [])
    assert log.entries[0][1] == Splice(("seen",), 0, 0, [1])
    assert all(change.path == ("seen",) for _, change, _ in log.entries)


def test_changes_of_the_flow_are_applied_without_record() -> None:
    hosted, log, work = _host()
    old = work.items
    hosted.apply(
        [Set(("items", 0), {"k": 1}), Splice(("items",), 1, 2, []), Set(("answer",), 4), Set(("nope",), 1)]
    )
    assert (work.items, work.answer, hosted.current("items")) == ([{"k": 1}], 4, [{"k": 1}])
    assert log.entries == []
    work.items[0]["k"] = 2
    old.append(9)
    assert [change for _, change, _ in log.entries] == [Set(("items", 0, "k"), 2)]


def test_a_change_that_does_not_fit_raises_and_changes_nothing() -> None:
    hosted, _, work = _host()
    for change in (Set(("answer", "k"), 1), Remove(("items", 0)), Splice(("items",), 9, 1, [])):
        with pytest.raises(InvalidChangeError):
            hosted.apply([change])
    assert (work.items, work.answer) == ([1, 2, 3], None)


def test_restore_starts_over_without_record() -> None:
    hosted, log, work = _host()
    hosted.execute((), {})
    log.take()
    hosted.restore({"seen": [], "items": [7]})
    assert (work.seen, work.items, log.entries) == ([], [7], [])
    current = hosted.current("items")
    assert type(current) is list


def test_on_touch_calls_back_for_public_attributes() -> None:
    """It changes the class for the whole process, so this is another process."""
    program = """
        from flowrpc.component import LightningWork
        from flowrpc.component.hosting import on_touch

        class Job(LightningWork):
            def __init__(self):
                self.count = 0
                self._cache = 1
            def run(self):
                self.count += 1

        touched = []
        job = Job()
        on_touch(lambda: touched.append(1))
        job._cache; job._cache = 2; job.count = 5
        assert len(touched) == 0, touched
        job.count; job.count += 1; job.name
        assert len(touched) == 3, touched
        assert getattr(job, "", "none") == "none"
        try:
            job.nothing
        except AttributeError as error:
            assert "nothing" in str(error)
        print("done")
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("done\n", "")
