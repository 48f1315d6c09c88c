"""Works in their own processes: what they print, how they crash, where they run."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
from flowrpc.protocol.messages import LogSource
from flowrpc.state.records import FailureReason, RunStatus

from tests.end_to_end.conftest import FLOWCTL, MakeApp, RunningApp, descendants, flowctl, var, wait_until_gone

CRASHING = """
class Crash(LightningWork):
    def __init__(self):
        super().__init__(parallel=True, raise_exception=RAISES)
        self.begun = False

    def run(self, how):
        self.begun = True
        if how == "raise":
            raise ValueError("broken on purpose")
        if how == "exit":
            os._exit(7)
        if how == "sys.exit":
            sys.exit(3)
        if how == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if how == "memory":
            raise MemoryError("no more")
        if how == "return":
            return 5


class Root(LightningFlow):
    def __init__(self):
        self.crash = Crash()
        self.how = ""
        self.went_on = False

    def run(self):
        if self.how:
            self.crash.run(self.how)
        if self.crash.has_failed:
            self.went_on = True

    def crash_it(self, how):
        self.how = how

    def configure_commands(self):
        return {"crash": self.crash_it}


app = LightningApp(Root())
"""


def crashed(app: RunningApp, how: str) -> Any:
    with app.client() as client, client.replica() as replica:
        client.call("crash", how=how)
        replica.wait_for(lambda replica: var(replica, "root", "went_on"), timeout=60)
        (run,) = client.runs()
        assert run.status is RunStatus.FAILED
        if how in ("raise", "sys.exit", "memory"):
            assert var(replica, "root.crash", "begun") is True, "what it changed before it raised is there"
        return run.failure


@pytest.mark.parametrize(
    ("how", "reason", "facts"),
    [
        ("raise", FailureReason.EXCEPTION, {"type": "ValueError", "message": "broken on purpose"}),
        ("exit", FailureReason.EXITED, {"exit_code": 7}),
        ("sys.exit", FailureReason.EXITED, {"exit_code": 3}),
        ("kill", FailureReason.SIGNALLED, {"signal": int(signal.SIGKILL)}),
        ("memory", FailureReason.EXCEPTION, {"type": "MemoryError"}),
    ],
)
def test_a_crash_is_a_failed_run_with_its_reason(
    make_app: MakeApp, how: str, reason: FailureReason, facts: dict[str, Any]
) -> None:
    app = make_app(CRASHING.replace("RAISES", "False")).start()

    failure = crashed(app, how)

    assert failure.reason is reason
    assert {name: getattr(failure, name) for name in facts} == facts
    if how == "raise":
        assert 'raise ValueError("broken on purpose")' in failure.traceback
        assert "work_service" not in failure.traceback
    assert app.end() == 0


def test_a_returned_value_is_a_broken_rule(make_app: MakeApp) -> None:
    app = make_app(CRASHING.replace("RAISES", "False")).start()

    failure = crashed(app, "return")

    assert failure.reason is FailureReason.BROKEN_RULE
    assert "root.crash" in failure.message


def test_a_crash_that_raises_fails_the_app_with_the_traceback(make_app: MakeApp) -> None:
    app = make_app(CRASHING.replace("RAISES", "True")).start()

    with app.client() as client:
        client.call("crash", how="raise")

    assert app.wait() == 1
    assert "ValueError: broken on purpose" in app.stderr()
    assert "failed: root.crash.run failed" in app.stderr()


TALKING = """
class Talk(LightningWork):
    def run(self):
        print("to stdout")
        print("to stderr", file=sys.stderr)
        logging.getLogger("mine").warning("to %s", "logging")
        os.write(1, b"straight to the descriptor\\n")
        os.system("echo from a child process")


class Root(LightningFlow):
    def __init__(self):
        self.talk = Talk()

    def run(self):
        self.talk.run()
        print("the flow speaks")
        logging.getLogger("flow").error("the flow logs")


app = LightningApp(Root())
"""


def test_output_of_works_and_flows_arrives_as_log_records(make_app: MakeApp) -> None:
    app = make_app(TALKING).start()
    wanted = {
        ("root.talk", LogSource.STDOUT, 20, "to stdout"),
        ("root.talk", LogSource.STDERR, 30, "to stderr"),
        ("root.talk", LogSource.LOGGING, 30, "to logging"),
        ("root.talk", LogSource.STDOUT, 20, "straight to the descriptor"),
        ("root.talk", LogSource.STDOUT, 20, "from a child process"),
        ("root", LogSource.STDOUT, 20, "the flow speaks"),
        ("", LogSource.LOGGING, 40, "the flow logs"),
    }
    seen = set()
    with app.client(timeout=15.0) as client, client.logs(follow=True) as logs:
        for record in logs:
            seen.add((record.component, record.source, record.level, record.message))
            if wanted <= seen:
                break
    talk = flowctl("logs", "root.talk", cwd=app.folder)
    assert "to stdout" in talk.stdout
    assert "the flow speaks" not in talk.stdout
    assert "[root.talk] to stdout" in app.stderr()


REMOTE = """
class Train(LightningWork):
    def __init__(self):
        super().__init__(parallel=True)
        self.step = 0
        self.pid = 0

    def run(self, steps):
        self.pid = os.getpid()
        for _ in range(steps):
            self.step += 1
            time.sleep(0.02)


class Root(LightningFlow):
    def __init__(self):
        self.train = Train()
        self.done = False

    def run(self):
        self.train.run(60)
        self.done = self.train.has_succeeded


app = LightningApp(Root())
"""


class AgentByHand:
    """An agent that somebody started by hand."""

    def __init__(self, app: RunningApp) -> None:
        token = app.folder / ".flowrpc" / "tokens" / "work"
        self.log = (app.folder / "agent.txt").open("w")
        self.process = subprocess.Popen(
            [
                *(FLOWCTL, "work", "serve", "app.py", "--work", "root.train"),
                *("--flow", app.address, "--token-file", token),
            ],
            cwd=app.folder,
            stdout=self.log,
            stderr=subprocess.STDOUT,
        )

    def end(self) -> int:
        self.process.terminate()
        return self.close()

    def close(self) -> int:
        code = self.process.wait(timeout=60)
        self.log.close()
        return code


def test_a_work_served_by_hand_goes_on_while_the_flow_is_killed_and_comes_back(make_app: MakeApp) -> None:
    app = make_app(REMOTE, "--remote-work", "root.train").start()
    agent = AgentByHand(app)
    try:
        with app.client() as client, client.replica() as replica:
            replica.wait_for(lambda replica: var(replica, "root.train", "step") > 5, timeout=60)
            pid = var(replica, "root.train", "pid")
        assert pid in descendants(agent.process.pid)
        app.kill()
        app.start()
        with app.client() as client, client.replica() as replica:
            replica.wait_for(lambda replica: var(replica, "root", "done"), timeout=60)
            (run,) = client.runs()
            assert (run.attempt, var(replica, "root.train", "step"), var(replica, "root.train", "pid")) == (
                1,
                60,
                pid,
            )
    finally:
        code = agent.end()
    assert code == 0, Path(app.folder / "agent.txt").read_text()
    wait_until_gone({pid})


def test_a_cancelled_run_ends_its_user_code(make_app: MakeApp) -> None:
    app = make_app(REMOTE.replace("self.train.run(60)", "self.train.run(60_000)")).start()
    with app.client() as client, client.replica() as replica:
        replica.wait_for(lambda replica: var(replica, "root.train", "step") > 2, timeout=60)
        (run,) = client.runs()

        assert flowctl("cancel", run.run_id, cwd=app.folder).returncode == 0

        replica.wait_for(lambda replica: replica.state()["works"]["train"]["calls"] != {}, timeout=60)
        with client.watch() as updates:
            for _ in updates:
                (run,) = client.runs()
                if run.status.terminal:
                    break
        assert run.status is RunStatus.CANCELLED
    assert app.end() == 0


def test_user_code_catches_its_cancellation_by_name_and_cleans_up(make_app: MakeApp) -> None:
    app = make_app(
        """
        from flowrpc import Cancelled

        class Train(LightningWork):
            def __init__(self):
                super().__init__(parallel=True)
                self.note = ""

            def run(self):
                self.note = "begun"
                try:
                    time.sleep(600)
                except Cancelled:
                    self.note = "cleaned up"
                    raise

        class Root(LightningFlow):
            def __init__(self):
                self.train = Train()

            def run(self):
                self.train.run()

        app = LightningApp(Root())
        """
    ).start()
    with app.client() as client, client.replica() as replica:
        replica.wait_for(lambda replica: var(replica, "root.train", "note") == "begun", timeout=60)
        (run,) = client.runs()
        client.cancel(run.run_id)
        replica.wait_for(lambda replica: var(replica, "root.train", "note") == "cleaned up", timeout=60)
    assert app.end() == 0


def test_an_app_of_one_work_runs_it_and_ends(make_app: MakeApp) -> None:
    app = make_app(
        """
        class Once(LightningWork):
            def run(self):
                print("done once")

        app = LightningApp(Once(), log_level="warning")
        """
    ).start()

    assert app.wait() == 0
    assert "[root.work] done once" in app.stderr()
    assert "stopped: root.work succeeded" in app.stderr()


def test_an_app_of_one_work_fails_with_it(make_app: MakeApp) -> None:
    app = make_app(
        """
        class Broken(LightningWork):
            def run(self):
                raise ValueError("broken on purpose")

        app = LightningApp(Broken())
        """
    ).start()

    assert app.wait() == 1


CLEANING = """
class Cleaning(LightningWork):
    def __init__(self):
        super().__init__(parallel=True)
        self.begun = False

    def run(self):
        try:
            self.begun = True
            time.sleep(60)
        finally:
            open("cleaned-up", "w").close()


class Root(LightningFlow):
    def __init__(self):
        self.cleaning = Cleaning()

    def run(self):
        self.cleaning.run()


app = LightningApp(Root())
"""


def test_works_clean_up_when_the_app_is_stopped(make_app: MakeApp) -> None:
    app = make_app(CLEANING).start()
    with app.client() as client, client.replica() as replica:
        replica.wait_for(lambda replica: var(replica, "root.cleaning", "begun"), timeout=60)

    assert flowctl("stop", cwd=app.folder).returncode == 0

    assert app.wait() == 0
    assert (app.folder / "cleaned-up").exists()
    assert "WARNING" not in app.stderr()


CROWD = """
class Job(LightningWork):
    def __init__(self):
        super().__init__(parallel=True)
        self.done = 0

    def run(self):
        self.done = 1


class Root(LightningFlow):
    def __init__(self):
        self.jobs = Dict(**{f"job_{n}": Job() for n in range(12)})
        self.finished = 0

    def run(self):
        for job in self.jobs.values():
            job.run()
        self.finished = sum(job.done for job in self.jobs.values() if job.has_succeeded)


app = LightningApp(Root())
"""


def test_many_works_share_few_processes(make_app: MakeApp) -> None:
    app = make_app(CROWD, "--max-works", "3").start()
    most = 0
    with app.client() as client, client.watch() as updates:
        for _ in updates:
            most = max(most, len(descendants(app.pid)))
            if client.state(exclude_children=True)["vars"]["finished"] == 12:
                break
    most_wanted = 1 + 1 + 2 * 3 + 1
    assert most <= most_wanted, (
        "the agent, its guard, the runners and those that just end, one between two forks"
    )


PERSISTENT = """
from datetime import timedelta

from flowrpc import Retry


class Persistent(LightningWork):
    def __init__(self):
        super().__init__(retry=Retry(attempts=3, delay=timedelta(milliseconds=10)))
        self.seen = []

    def run(self):
        with open("attempts.txt", "a") as log:
            print(self.attempt, self.idempotency_key, self.cancelled, file=log)
        self.seen.append(self.attempt)
        if self.attempt < 3:
            raise ValueError("not yet")


class Root(LightningFlow):
    def __init__(self):
        self.persistent = Persistent()
        self.done = False

    def run(self):
        self.persistent.run()
        self.done = True


app = LightningApp(Root())
"""


def test_attempts_of_a_run_share_its_key_and_begin_with_the_same_state(make_app: MakeApp) -> None:
    app = make_app(PERSISTENT).start()
    with app.client() as client, client.replica() as replica:
        replica.wait_for(lambda replica: var(replica, "root", "done"), timeout=60)
        (run,) = client.runs()
        assert var(replica, "root.persistent", "seen") == [3]

    assert (app.folder / "attempts.txt").read_text().splitlines() == [
        f"{attempt} {run.run_id} False" for attempt in (1, 2, 3)
    ]
