"""What has to be so when nothing goes wrong any more and everybody has had the time to get over it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flowrpc.errors import CallError
from flowrpc.protocol.answers import CommandOutcome, UpdateOutcome
from flowrpc.state.records import RunStatus

from tests.simulation.clients import Operation
from tests.simulation.script import Facts

if TYPE_CHECKING:
    from tests.simulation.truth import Truth
    from tests.simulation.world import World


def check_agreement(world: World) -> None:
    """Compares the vars of works that are executed with the flow's: both sides have heard everything."""
    truth = world.truth
    for agent in world.agents.values():
        for runner in agent.runners.values():
            facts, hosted = runner.facts, runner.hosted
            record = truth.replica.components.get(runner.work)
            if facts is None or hosted is None or not facts.parked or not facts.live or record is None:
                continue
            if _goes_on_though_ended(truth, facts):
                continue
            ours = {name: hosted.current(name) for name in ("steps", "count", "request", "notes", "setting")}
            theirs = {name: record.vars[name] for name in ours}
            if ours != theirs:
                what = f"{facts.key} of {runner.work}: {ours} there, {theirs} in the flow"
                truth.violate("two writers", what)


def check_processes(world: World) -> None:
    """Of each work of the tree one process may have nothing to do; of other works there is none."""
    truth = world.truth
    where: dict[str, str] = {}
    for agent in world.agents.values():
        for runner in agent.runners.values():
            if runner.facts is None or runner.facts.live:
                continue
            if runner.work not in truth.replica.components:
                truth.violate("idle", f"{runner.work} is gone, {agent.name} has its process")
            elif runner.work in where:
                truth.violate("idle", f"{agent.name} and {where[runner.work]} have {runner.work}")
            where[runner.work] = agent.name


def _goes_on_though_ended(truth: Truth, facts: Facts) -> bool:
    run = truth.ended.get(facts.run_id)
    if run is None:
        return False
    truth.violate("ended", f"{facts.key} is executed, and {run.status.value}")
    return True


def check_end(world: World) -> None:
    """Checks everything when all runs have ended."""
    truth = world.truth
    tokens: Any = truth.replica.components["root"].vars["tokens"]
    handled: Any = truth.replica.components["root"].vars["handled"]
    for operation in truth.operations:
        _check_operation(truth, operation, tokens)
    if len(handled) != len(set(handled)):
        truth.violate("two writers", f"handled twice: {handled}")
    for facts in truth.attempts.values():
        _check_attempt(truth, facts, handled)
    _check_updates(truth)
    _check_loop(truth)
    for watcher in world.watchers:
        position = watcher.replica.position
        if position is None or (position[0] < truth.replica.revision and watcher.component == "root"):
            truth.violate("watcher", f"{watcher.name} is at {position}, not {truth.replica.revision}")


def _check_operation(truth: Truth, operation: Operation, tokens: list[str]) -> None:
    count = tokens.count(operation.token)
    answer = operation.acknowledged
    if operation.request_id and answer is None:
        truth.violate("every client", f"{operation.kind} {operation.token} was never answered")
    if operation.kind == "append":
        done = isinstance(answer, CommandOutcome) and answer.failure is None
        if count > 1 or (done and count != 1):
            truth.violate("acknowledged", f"{operation.token} is there {count} times: {answer}")
        if done and tokens[answer.result - 1 : answer.result] != [operation.token]:
            truth.violate("acknowledged", f"{operation.token} is not at {answer.result}")
    elif count or tokens.count(f"{operation.token}-reused"):
        truth.violate("all or nothing", f"{operation.kind} {operation.token} left something")


def _check_attempt(truth: Truth, facts: Facts, handled: list[str]) -> None:
    """Of a run that succeeded everything arrived: its steps, and what it asked for."""
    run = truth.ended.get(facts.run_id)
    if run is None or run.attempt != facts.number or run.status is not RunStatus.SUCCEEDED:
        return
    record = truth.replica.components.get(facts.work)
    if record is None or (facts.run_id in truth.forgotten and facts.work.startswith("root.extra.")):
        return  # the work was removed, and another one may have its name
    steps: Any = record.vars["steps"]
    missing = [step for step in facts.steps if step not in steps]
    if missing:
        truth.violate("exactly once", f"{facts.work}: {missing} are missing")
    if facts.starved:
        truth.violate("two writers", f"{facts.key} waited in vain for the flow")
    lost = [request for request in facts.requests if request not in handled]
    if lost:
        truth.violate("two writers", f"{lost} were never handled")


def _check_updates(truth: Truth) -> None:
    """Of updates with the same revision one succeeds: the number is how many did."""
    number = truth.replica.components["root.board"].vars["number"]
    updates = [operation for operation in truth.operations if operation.kind == "update"]
    done = sum(isinstance(update.acknowledged, UpdateOutcome) for update in updates)
    unknown = sum(update.acknowledged is None for update in updates)
    assert isinstance(number, int), "it is a counter"
    if not done <= number <= done + unknown:
        truth.violate("expected revision", f"{number} is not {done} and at most {unknown} more")
    for update in updates:
        answer = update.acknowledged
        if isinstance(answer, CallError) and answer.reason not in ("REVISION_CONFLICT", "STOPPING"):
            truth.violate("expected revision", f"{update.token}: {answer}")


def _check_loop(truth: Truth) -> None:
    """Each call of a blocking work that is not cached passed for a run of its own, until one failed."""
    root = truth.replica.components["root"].vars
    runs = [run_id for run_id, work in truth.works.items() if work == "root.loop"]
    failed = sum(truth.ended[i].status is not RunStatus.SUCCEEDED for i in runs if i in truth.ended)
    done = root["loop_done"]
    assert isinstance(done, int), "it is a counter"
    # A call whose run failed just before the app was stopped asks for another one in the next life.
    most = done + (failed if any(fault.kind == "stop-app" for fault in truth.world.faults) else 0)
    if done != root["loop_wanted"] or len(runs) > most or (len(runs) < done and not failed):
        truth.violate("calls", f"{len(runs)} runs, {done} of {root['loop_wanted']} calls passed")
