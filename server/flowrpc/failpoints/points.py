"""The table of failpoints: what each is called, in which process it is, and where."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Process(Enum):
    """The kinds of processes that have failpoints; each sets only its own."""

    FLOW = "flow"
    AGENT = "agent"
    RUNNER = "runner"


class Moment(Enum):
    """When a function's failpoint is reached."""

    BEFORE = "before"
    """Before the function is called."""
    AFTER = "after"
    """After it returned; not if it raised."""


@dataclass(frozen=True, slots=True)
class Point:
    """A failpoint."""

    name: str
    process: Process
    moment: Moment
    target: str
    """`module:qualified.name` of a function that others call through its class or module, so that it can be wrapped."""


def _points(process: Process, module: str, rows: str) -> tuple[Point, ...]:
    """Reads rows of name, moment and the function's name in a module below `flowrpc`."""
    split = (row.split() for row in rows.strip().splitlines())
    return tuple(
        Point(name, process, Moment(moment), f"flowrpc.{module}:{function}")
        for name, moment, function in split
    )


POINTS: tuple[Point, ...] = (
    *_points(
        Process.FLOW,
        "store.sqlite",
        """
        store.open.before_recovery      before  SQLiteStore.open
        store.open.after_recovery       after   SQLiteStore.open
        store.close.before              before  SQLiteStore.close
        """,
    ),
    *_points(
        Process.FLOW,
        "store.database",
        """
        store.create.before             before  Database.create
        store.create.after              after   Database.create
        store.life.before               before  Database.begin_life
        store.life.after                after   Database.begin_life
        store.commit.before             before  Database.commit
        store.commit.before_fsync       before  Database._make_durable
        store.commit.after_fsync        after   Database._make_durable
        store.answer.before             before  Database.answer
        """,
    ),
    *_points(
        Process.FLOW,
        "store.snapshots",
        """
        store.snapshot.before_write     before  Snapshots.write
        store.snapshot.after_write      after   Snapshots.write
        store.snapshot.before_cleaning  before  Snapshots.keep
        store.snapshot.after_cleaning   after   Snapshots.keep
        """,
    ),
    *_points(
        Process.FLOW,
        "store.disk",
        """
        store.file.before_write         before  Disk.write
        store.file.after_write          after   Disk.write
        store.file.before_rename        before  Disk.rename
        store.file.before_sync_folder   before  Disk.sync_folder
        store.file.after_sync_folder    after   Disk.sync_folder
        """,
    ),
    *_points(
        Process.FLOW,
        "flow_service.tree",
        """
        flow.recovery.before_tree       before  Tree.begin_life
        flow.recovery.after_tree        after   Tree.begin_life
        """,
    ),
    *_points(
        Process.FLOW,
        "flow_service.core",
        """
        flow.event.before               before  Core.receive
        flow.event.after                after   Core.receive
        flow.pass.before                before  Core.run_pass
        flow.pass.after                 after   Core.run_pass
        flow.seal.before                before  Core.seal
        flow.seal.after                 after   Core.seal
        flow.committed.before           before  Core.committed
        flow.committed.after            after   Core.committed
        """,
    ),
    *_points(
        Process.FLOW,
        "flow_service.dispatcher",
        """
        flow.recovery.before_runs       before  Dispatcher.recover
        flow.recovery.after_runs        after   Dispatcher.recover
        flow.run.before_dispatch        before  Dispatcher.dispatch
        flow.run.before_accepted        before  Dispatcher.accept
        flow.run.before_finished        before  Dispatcher.finish
        flow.run.after_finished         after   Dispatcher.finish
        flow.run.before_lost            before  Dispatcher.lose
        flow.delta.before               before  Dispatcher.apply
        flow.delta.after                after   Dispatcher.apply
        """,
    ),
    *_points(
        Process.FLOW,
        "flow_service.agents",
        """
        flow.agent.before_attach        before  Agents.attach
        flow.agent.after_attach         after   Agents.attach
        flow.agent.before_detach        before  Agents.detach
        """,
    ),
    *_points(
        Process.FLOW,
        "flow_service.publisher",
        """
        flow.publish.before             before  Publisher.publish
        flow.publish.after              after   Publisher.publish
        flow.read.before                before  Publisher.state
        """,
    ),
    *_points(
        Process.FLOW,
        "flow_service.calls_waiting",
        """
        flow.reply.before               before  WaitingCalls.settle
        flow.reply.after                after   WaitingCalls.settle
        """,
    ),
    *_points(
        Process.FLOW,
        "flow_service.work_servicer",
        """
        flow.send.before                before  WorkServicer.send
        flow.send.after                 after   WorkServicer.send
        flow.stop.before_streams        before  WorkServicer.close_all
        """,
    ),
    *_points(
        Process.FLOW,
        "flow_service.server",
        """
        flow.serve.before               before  Server.start
        flow.serve.after                after   Server.start
        flow.stop.before_server         before  Server.stop
        """,
    ),
    *_points(
        Process.AGENT,
        "work_service.session",
        """
        agent.attach.before_hello       before  Session.on_connected
        agent.message.before            before  Session.on_message
        agent.message.after             after   Session.on_message
        agent.frame.before              before  Session.on_frame
        agent.frame.after               after   Session.on_frame
        agent.exit.before               before  Session.on_exit
        agent.exit.after                after   Session.on_exit
        agent.stop.before               before  Session.stop
        """,
    ),
    *_points(
        Process.AGENT,
        "work_service.runners",
        """
        agent.spawn.before              before  Runners.spawn
        agent.spawn.after               after   Runners.spawn
        agent.tell.before               before  Runners.tell
        """,
    ),
    *_points(
        Process.RUNNER,
        "work_service.execution",
        """
        runner.build.before             before  Execution._host
        runner.build.after              after   Execution._host
        runner.run.before               before  Execution._run
        runner.run.after                after   Execution._run
        runner.news.before              before  Execution._catch_up
        runner.leave.before             before  Execution.leave
        """,
    ),
    *_points(
        Process.RUNNER,
        "work_service.sender",
        """
        runner.delta.before             before  Sender._send_changes
        runner.delta.after              after   Sender._send_changes
        runner.finish.before            before  Sender._finish
        runner.finish.after             after   Sender._finish
        """,
    ),
    *_points(
        Process.RUNNER,
        "storage.depot",
        """
        runner.file.before_publish      before  Depot.publish
        runner.file.after_publish       after   Depot.publish
        runner.file.before_fetch        before  Depot.fetch
        """,
    ),
)
"""Every failpoint. A test brings a real app to each of them."""
