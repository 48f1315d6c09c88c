"""Agents and runners as processes, against a flow service that is a double behind a real server."""

from __future__ import annotations

import asyncio
import os
import signal
from datetime import timedelta
from pathlib import Path

import pytest
from flowrpc.protocol.messages import (
    Accepted,
    Bye,
    CancelAttempt,
    Drain,
    Draining,
    Fence,
    Finished,
    LogSource,
    Rejected,
    StopRunner,
    VarsChanged,
    WorkDelta,
)
from flowrpc.state import Set, Splice, Value
from flowrpc.state.records import Failure, FailureReason, Recipe

from tests.work_service.conftest import agent_process, on_a_loop, start_agent
from tests.work_service.flow_double import FlowDouble, flow_double

pytestmark = pytest.mark.slow

BEHAVE: dict[str, Value] = {"pid": 0, "seen": None, "items": [], "done": False}
COUNTER: dict[str, Value] = {"counter": 0, "names": [], "flag": False}


async def ended(process_id: int, seconds: float = 30.0) -> bool:
    """Waits until a process that is not ours to wait for is gone; a zombie is gone."""
    descriptor = os.pidfd_open(process_id)
    gone = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(descriptor, gone.set)
    try:
        await asyncio.wait_for(gone.wait(), seconds)
    except TimeoutError:
        return False
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)
    return True


def alive(process_id: int) -> bool:
    return Path(f"/proc/{process_id}").exists()


def children(process_id: int) -> list[int]:
    return [
        int(child) for child in Path(f"/proc/{process_id}/task/{process_id}/children").read_text().split()
    ]


def command_line(process_id: int) -> bytes:
    return Path(f"/proc/{process_id}/cmdline").read_bytes()


async def failure_of(flow: FlowDouble, *args: object, work: str = "root.behave") -> Failure:
    flow.start(work, *args, vars=dict(BEHAVE))  # type: ignore[arg-type]
    failure = (await flow.finished()).failure
    assert failure is not None
    return failure


async def pid_of_work(flow: FlowDouble) -> int:
    pid = await flow.until(lambda: flow.vars.get("pid") or None)
    assert isinstance(pid, int)
    return pid


@on_a_loop
async def test_runs_a_work_and_sends_what_it_changed(app_file: Path) -> None:
    async with flow_double() as flow, agent_process(flow, app_file):
        flow.start("root.counter", 3, vars=dict(COUNTER))
        end = await flow.finished()
        assert end.failure is None
        assert flow.of(Accepted) == [Accepted(run_id="run", attempt=1)]
        assert flow.changes()[:3] == [Set(("counter",), 1), Set(("counter",), 2), Set(("counter",), 3)]
        assert end.seq == flow.of(WorkDelta)[-1].seq + 1


@on_a_loop
async def test_one_runner_executes_all_runs_of_a_work(app_file: Path) -> None:
    async with flow_double() as flow, agent_process(flow, app_file):
        flow.start("root.counter", vars=dict(COUNTER))
        await flow.finished()
        flow.start("root.counter", run_id="second")
        await flow.finished("second")
        names = flow.vars["names"]
        assert isinstance(names, list)
        first, second = map(str, names)
        assert first.replace("run 1", "run 2") == second


@on_a_loop
async def test_a_run_begins_with_the_vars_of_the_flow(app_file: Path) -> None:
    async with flow_double() as flow, agent_process(flow, app_file):
        flow.start("root.counter", vars=dict(COUNTER))
        await flow.finished()
        flow.start("root.counter", run_id="second", vars=COUNTER | {"counter": 40})
        await flow.finished("second")
        assert flow.vars["counter"] == 41


@on_a_loop
async def test_builds_a_dynamic_work_from_its_recipe(app_file: Path) -> None:
    async with flow_double() as flow, agent_process(flow, app_file):
        recipe = Recipe(type="probe_app:Counter", args=(5,))
        flow.start("root.dynamic.0", recipe=recipe, vars=dict(COUNTER))
        assert (await flow.finished()).failure is None


@on_a_loop
async def test_an_exception_is_told_with_the_users_traceback(app_file: Path) -> None:
    async with flow_double() as flow, agent_process(flow, app_file):
        failure = await failure_of(flow, "raise", "on purpose")
        assert (failure.reason, failure.type) == (FailureReason.EXCEPTION, "ValueError")
        assert failure.message == "on purpose"
        assert "in _raise" in failure.traceback
        assert "work_service" not in failure.traceback


@pytest.mark.parametrize(
    ("what", "argument", "expected"),
    [
        ("os_exit", 7, (FailureReason.EXITED, 7, 0)),
        ("os_exit", 0, (FailureReason.EXITED, 0, 0)),
        ("sys_exit", 3, (FailureReason.EXITED, 3, 0)),
        ("sys_exit", "text", (FailureReason.EXITED, 1, 0)),
        ("die", int(signal.SIGKILL), (FailureReason.SIGNALLED, 0, 9)),
        ("die", int(signal.SIGSEGV), (FailureReason.SIGNALLED, 0, 11)),
    ],
)
@on_a_loop
async def test_the_end_of_the_process_is_told(
    app_file: Path, what: str, argument: object, expected: tuple[FailureReason, int, int]
) -> None:
    async with flow_double() as flow, agent_process(flow, app_file):
        failure = await failure_of(flow, what, argument)
        assert (failure.reason, failure.exit_code, failure.signal) == expected
        died = flow.vars["pid"]
        flow.start("root.behave", "nothing", run_id="next")
        assert (await flow.finished("next")).failure is None
        assert flow.vars["pid"] != died


@on_a_loop
async def test_a_returned_value_breaks_a_rule(app_file: Path) -> None:
    async with flow_double() as flow, agent_process(flow, app_file):
        failure = await failure_of(flow, "return")
        assert failure.reason is FailureReason.BROKEN_RULE
        assert "root.behave" in failure.message


@on_a_loop
async def test_a_work_that_cannot_be_built_is_told(app_file: Path) -> None:
    async with flow_double() as flow, agent_process(flow, app_file):
        flow.start("root.x", recipe=Recipe(type="probe_app:Unbuildable", args=(True,)), vars={})
        failure = (await flow.finished()).failure
        assert failure is not None
        assert (failure.reason, failure.type) == (FailureReason.NOT_BUILT, "LookupError")
        flow.start("root.x", run_id="next", recipe=Recipe(type="probe_app:Unbuildable"), vars={})
        assert (await flow.finished("next")).failure is None


@on_a_loop
async def test_output_and_logging_become_records_of_the_run(app_file: Path) -> None:
    async with flow_double() as flow, agent_process(flow, app_file):
        flow.start("root.behave", "talk", vars=dict(BEHAVE))
        await flow.finished()
        for text in ("printed", "no line end", "complained", "logged"):
            await flow.line(text)
        records = {record.message: record for record in flow.records()}
        assert records["printed"].source is LogSource.STDOUT
        assert records["no line end"].source is LogSource.STDOUT
        assert (records["complained"].source, records["complained"].level) == (LogSource.STDERR, 30)
        logged = records["logged 7"]
        assert (logged.source, logged.logger, logged.level) == (LogSource.LOGGING, "my.app", 30)
        assert {(record.run_id, record.component) for record in flow.records()} == {("run", "root.behave")}


@on_a_loop
async def test_a_flood_of_output_does_not_hold_up_deltas(app_file: Path) -> None:
    async with flow_double() as flow, agent_process(flow, app_file):
        flow.start("root.behave", "flood", 200_000, vars=dict(BEHAVE))
        assert (await flow.finished()).failure is None
        assert flow.vars["done"] is True


@on_a_loop
async def test_a_runner_imports_neither_grpc_nor_asyncio(app_file: Path) -> None:
    async with flow_double() as flow, agent_process(flow, app_file):
        flow.start("root.behave", "modules", vars=dict(BEHAVE))
        await flow.finished()
        assert flow.vars["seen"] == []


@on_a_loop
async def test_another_thread_of_user_code_may_not_set_state(app_file: Path) -> None:
    async with flow_double() as flow, agent_process(flow, app_file):
        flow.start("root.behave", "foreign", vars=dict(BEHAVE))
        assert (await flow.finished()).failure is None
        assert "own thread" in str(flow.vars["seen"])
        assert flow.vars["done"] is False


@on_a_loop
async def test_cancelling_raises_in_user_code_and_keeps_the_runner(app_file: Path) -> None:
    async with flow_double() as flow, agent_process(flow, app_file):
        flow.start("root.behave", "sleep", 600, vars=dict(BEHAVE))
        pid = await pid_of_work(flow)
        flow.say(CancelAttempt(run_id="run", attempt=1, grace=timedelta(seconds=10)))
        end = await flow.finished()
        assert end.failure is not None
        assert end.failure.reason is FailureReason.CANCELLED
        assert flow.vars["done"] is True
        flow.start("root.behave", "nothing", run_id="next", vars=dict(BEHAVE))
        await flow.finished("next")
        assert flow.vars["pid"] == pid


@pytest.mark.parametrize(
    "what", ["stubborn", "hold_gil", "hold_gil_in_c", "freeze", "retry_for_ever", "daemon"]
)
@on_a_loop
async def test_user_code_that_does_not_end_is_killed_after_the_grace(app_file: Path, what: str) -> None:
    async with flow_double() as flow, agent_process(flow, app_file):
        flow.start("root.behave", what, 30, vars=dict(BEHAVE))
        pid = await pid_of_work(flow)
        gone = asyncio.ensure_future(ended(pid, 30))
        await flow.line("spinning")  # before that, a cancellation ends the run in order
        flow.say(CancelAttempt(run_id="run", attempt=1, grace=timedelta(seconds=0.2)))
        end = await flow.finished()
        assert end.failure is not None
        assert end.failure.reason is FailureReason.CANCELLED
        assert what == "hold_gil" or await gone
        gone.cancel()


@pytest.mark.parametrize(
    ("what", "expected"), [("processes fork", "b"), ("processes spawn", "b"), ("in_a_loop", 42)]
)
@on_a_loop
async def test_user_code_starts_processes_and_event_loops_of_its_own(
    app_file: Path, what: str, expected: object
) -> None:
    async with flow_double() as flow, agent_process(flow, app_file):
        flow.start("root.behave", *what.split(), vars=dict(BEHAVE))
        assert (await flow.finished()).failure is None
        assert flow.vars["seen"] == expected


@on_a_loop
async def test_a_run_goes_on_when_the_process_that_its_runner_was_forked_of_is_killed(app_file: Path) -> None:
    async with flow_double() as flow, agent_process(flow, app_file) as process:
        flow.start("root.behave", "await_flag", vars=dict(BEHAVE))
        runner = await pid_of_work(flow)
        helpers = [child for child in children(process.pid) if b"zygote" in command_line(child)]
        for helper in set(helpers) - {runner}:
            os.kill(helper, signal.SIGKILL)
        flow.say(VarsChanged(work="root.behave", number=1, changes=(Set(("done",), True),)))
        assert (await flow.finished()).failure is None
        assert flow.vars["pid"] == runner
        flow.start("root.other", "nothing", run_id="next", vars=dict(BEHAVE))
        assert (await flow.finished("next")).failure is None


@on_a_loop
async def test_a_killed_agent_leaves_nothing_that_it_started(app_file: Path) -> None:
    async with flow_double() as flow, agent_process(flow, app_file) as process:
        flow.start("root.behave", "hold_gil", 30, vars=dict(BEHAVE))
        await pid_of_work(flow)
        started = [
            *children(process.pid),
            *(pid for child in children(process.pid) for pid in children(child)),
        ]
        assert len(started) == 4, "guard, zygote, nursery and runner"
        gone = [asyncio.ensure_future(ended(pid, 30)) for pid in started]
        await asyncio.sleep(0)
        process.kill()
        assert all(await asyncio.gather(*gone))


@on_a_loop
async def test_a_stopped_runner_is_gone_and_the_next_run_gets_a_new_one(app_file: Path) -> None:
    async with flow_double() as flow, agent_process(flow, app_file):
        flow.start("root.behave", "nothing", vars=dict(BEHAVE))
        await flow.finished()
        pid = await pid_of_work(flow)
        descriptor_open = ended(pid)
        flow.say(StopRunner(work="root.behave", grace=timedelta(seconds=1)))
        assert await descriptor_open
        flow.start("root.behave", "nothing", run_id="next", vars=dict(BEHAVE))
        assert (await flow.finished("next")).failure is None
        assert flow.vars["pid"] not in (0, pid)


@on_a_loop
async def test_a_fenced_attempt_is_killed_and_forgotten(app_file: Path) -> None:
    async with flow_double() as flow, agent_process(flow, app_file):
        flow.start("root.behave", "sleep", 600, vars=dict(BEHAVE))
        pid = await pid_of_work(flow)
        flow.say(Fence(run_id="run", attempt=1))
        assert await ended(pid)
        flow.start("root.behave", "nothing", run_id="next", vars=dict(BEHAVE))
        await flow.finished("next")
        assert flow.end_of("run") is None


@on_a_loop
async def test_a_work_sees_what_the_flow_sets_while_it_runs(app_file: Path) -> None:
    async with flow_double() as flow, agent_process(flow, app_file):
        flow.start("root.behave", "await_flag", vars=dict(BEHAVE))
        await flow.until(lambda: flow.vars.get("items") or None)
        flow.say(VarsChanged(work="root.behave", number=1, changes=(Set(("items",), ["theirs"]),)))
        flow.say(VarsChanged(work="root.behave", number=2, changes=(Set(("done",), True),)))
        assert (await flow.finished()).failure is None
        assert flow.vars["seen"] == ["theirs"]


@on_a_loop
async def test_an_append_that_began_before_the_flow_replaced_the_list_is_not_lost(app_file: Path) -> None:
    async with flow_double() as flow, agent_process(flow, app_file):
        flow.start("root.behave", "append_late", vars=dict(BEHAVE))
        await pid_of_work(flow)
        flow.say(VarsChanged(work="root.behave", number=1, changes=(Set(("items",), ["theirs"]),)))
        flow.say(VarsChanged(work="root.behave", number=2, changes=(Set(("done",), True),)))
        assert (await flow.finished()).failure is None
        append = flow.of(WorkDelta)[-1]
        assert append.changes == (Splice(("items",), 0, 0, ["late"]),)
        assert append.base == 0, "so a flow refuses it, and is sent the var whole"


@on_a_loop
async def test_a_connection_that_breaks_loses_nothing(app_file: Path) -> None:
    async with flow_double() as flow, agent_process(flow, app_file):
        flow.acknowledging = False
        flow.start("root.behave", "sleep", 1, vars=dict(BEHAVE))
        pid = await pid_of_work(flow)
        flow.hang_up()
        await flow.detached.wait()
        assert (await flow.finished()).failure is None
        assert flow.hellos[1].boot_id == flow.hellos[0].boot_id
        assert [held.run_id for held in flow.hellos[1].held] == ["run"]
        assert (flow.vars["pid"], flow.vars["done"]) == (pid, True)


@on_a_loop
async def test_a_run_ends_while_the_flow_is_away(app_file: Path) -> None:
    async with flow_double() as flow:
        port = int(flow.address.rpartition(":")[2])
        process = await start_agent(flow.address, app_file)
        await flow.attached.wait()
        flow.start("root.behave", "sleep", 0.5, vars=dict(BEHAVE))
        pid = await pid_of_work(flow)
        applied = flow.applied
    try:
        async with flow_double(port) as flow:
            flow.applied, flow.vars = applied, dict(BEHAVE)
            assert (await flow.finished()).failure is None
            assert flow.vars["done"] is True
            assert alive(pid)
    finally:
        process.kill()
        await process.communicate()


@on_a_loop
async def test_an_orphan_is_killed_after_its_grace(app_file: Path) -> None:
    async with flow_double() as flow:
        process = await start_agent(flow.address, app_file)
        await flow.attached.wait()
        flow.start("root.behave", "sleep", 600, orphan_grace=timedelta(seconds=0.3), vars=dict(BEHAVE))
        pid = await pid_of_work(flow)
    try:
        assert await ended(pid)
        assert process.returncode is None
    finally:
        process.kill()
        await process.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@on_a_loop
async def test_a_stopped_agent_kills_its_runners_and_says_bye(app_file: Path, number: signal.Signals) -> None:
    async with flow_double() as flow, agent_process(flow, app_file) as process:
        flow.start("root.behave", "stubborn", 600, vars=dict(BEHAVE))
        pid = await pid_of_work(flow)
        gone = asyncio.ensure_future(ended(pid))
        await asyncio.sleep(0)
        process.send_signal(number)
        assert await process.wait() == 0
        assert await gone
        assert flow.of(Bye)
        assert not flow.of(Finished)


@pytest.mark.parametrize("what", ["sleep", "hold_gil"])
@on_a_loop
async def test_a_killed_agent_leaves_no_runner(app_file: Path, what: str) -> None:
    async with flow_double() as flow, agent_process(flow, app_file) as process:
        flow.start("root.behave", what, 30, vars=dict(BEHAVE))
        pid = await pid_of_work(flow)
        gone = asyncio.ensure_future(ended(pid))
        await asyncio.sleep(0)
        process.kill()
        assert await gone


@on_a_loop
async def test_what_user_code_started_dies_with_its_runner(app_file: Path) -> None:
    async with flow_double() as flow, agent_process(flow, app_file):
        flow.start("root.behave", "child", vars=dict(BEHAVE))
        child = await flow.until(lambda: flow.vars.get("seen"))
        assert isinstance(child, int)
        gone = asyncio.ensure_future(ended(child))
        await asyncio.sleep(0)
        flow.say(Fence(run_id="run", attempt=1))
        assert await gone


@on_a_loop
async def test_what_user_code_started_dies_with_a_killed_agent(app_file: Path) -> None:
    async with flow_double() as flow, agent_process(flow, app_file) as process:
        flow.start("root.behave", "child", vars=dict(BEHAVE))
        child = await flow.until(lambda: flow.vars.get("seen"))
        assert isinstance(child, int)
        gone = asyncio.ensure_future(ended(child))
        await asyncio.sleep(0)
        process.kill()
        assert await gone


@on_a_loop
async def test_an_agent_that_ends_leaves_neither_guard_nor_zygote(app_file: Path) -> None:
    async with flow_double() as flow, agent_process(flow, app_file) as process:
        helpers = children(process.pid)
        assert len(helpers) == 2
        gone = [asyncio.ensure_future(ended(helper)) for helper in helpers]
        await asyncio.sleep(0)
        process.terminate()
        assert await process.wait() == 0
        assert await asyncio.gather(*gone) == [True, True]


@on_a_loop
async def test_a_drained_agent_finishes_and_leaves(app_file: Path) -> None:
    async with flow_double() as flow, agent_process(flow, app_file) as process:
        flow.start("root.behave", "sleep", 0.3, vars=dict(BEHAVE))
        await pid_of_work(flow)
        flow.say(Drain())
        await flow.until(lambda: flow.of(Draining) or None)
        flow.start("root.other", "nothing", run_id="late", vars=dict(BEHAVE))
        assert (await flow.finished()).failure is None
        assert await process.wait() == 0
        assert [rejected.run_id for rejected in flow.of(Rejected)] == ["late"]


@on_a_loop
async def test_a_refused_agent_says_so_and_ends(app_file: Path) -> None:
    app_file.with_name("token").write_text("wrong")
    async with flow_double() as flow:
        process = await start_agent(flow.address, app_file)
        _, errors = await process.communicate()
        assert process.returncode == 3
        assert flow.address in errors.decode()


@on_a_loop
async def test_an_agent_waits_for_a_flow_that_is_not_there_yet(app_file: Path) -> None:
    async with flow_double() as flow:
        address, port = flow.address, int(flow.address.rpartition(":")[2])
    process = await start_agent(address, app_file)
    try:
        assert process.stderr is not None
        assert b"cannot reach" in await process.stderr.readline()
        async with flow_double(port) as flow, asyncio.timeout(20):
            await flow.attached.wait()
    finally:
        process.kill()
        await process.communicate()


@on_a_loop
async def test_backpressure_reaches_user_code_and_nothing_is_lost(app_file: Path) -> None:
    async with flow_double() as flow, agent_process(flow, app_file):
        flow.start("root.counter", 300_000, vars=dict(COUNTER))
        assert (await flow.finished()).failure is None
        assert flow.vars["counter"] == 300_000


@on_a_loop
async def test_a_splice_travels_as_a_splice(app_file: Path) -> None:
    async with flow_double() as flow, agent_process(flow, app_file):
        flow.start("root.counter", 0, vars=dict(COUNTER))
        await flow.finished()
        assert [type(change) for change in flow.changes()] == [Splice]
