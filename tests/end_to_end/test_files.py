"""Files, folders and objects that works in real processes hand over to each other."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from flowrpc.errors import CallError
from flowrpc.state import Set
from flowrpc.state.extension import extension_of
from flowrpc.state.records import RunStatus

from tests.end_to_end.conftest import FLOWCTL, MakeApp, RunningApp, flowctl, var, wait_until_gone
from tests.storage.conftest import ftp_credentials as ftp_credentials  # noqa: PLC0414 - fixtures
from tests.storage.conftest import ftp_url as ftp_url  # noqa: PLC0414 - fixtures

HANDING = """
from flowrpc import Drive, Path, Payload


class Train(LightningWork):
    def __init__(self):
        super().__init__()
        self.model = Path("out/model.pt")
        self.logs = "lit://logs"
        self.extra = None
        self.drive = Drive("lit://shared")

    def run(self):
        self.model.parent.mkdir()
        self.model.write_bytes(b"w" * 3_000_000)
        self.logs.mkdir()
        (self.logs / "a.txt").write_text("log")
        self.extra = Payload({1, 2})
        Path("note").write_text("drive")
        self.drive.put("note")


class Evaluate(LightningWork):
    def __init__(self):
        super().__init__()
        self.result = None
        self.model = None

    def run(self, model, logs, extra, drive):
        drive.get("note", timeout=10)
        self.model = model
        self.result = [
            model.stat().st_size, (logs / "a.txt").read_text(), sorted(extra.value), Path("note").read_text()
        ]


class Root(LightningFlow):
    def __init__(self):
        self.train = Train()
        self.evaluate = Evaluate()
        self.before = self.after = None
        self.done = False

    def run(self):
        if self.before is None:
            self.before = self.train.model.exists()
        self.train.run()
        self.after = self.train.model.exists()
        self.evaluate.run(self.train.model, self.train.logs, self.train.extra, self.train.drive)
        self.done = True

    def keep(self, value):
        self.after = value

    def configure_commands(self):
        return {"keep": self.keep}


app = LightningApp(Root())
"""

RESULT = [3_000_000, "log", [1, 2], "drive"]


def wait_until_done(app: RunningApp) -> Any:
    with app.client() as client, client.replica() as replica:
        replica.wait_for(lambda replica: var(replica, "root", "done"), timeout=60)
        assert [run.status for run in client.runs()] == [RunStatus.SUCCEEDED] * 2
        return {name: dict(replica.vars(name)) for name in ("root", "root.train", "root.evaluate")}


def test_a_work_hands_over_what_it_wrote(make_app: MakeApp) -> None:
    app = make_app(HANDING).start()
    vars_ = wait_until_done(app)
    assert vars_["root.evaluate"]["result"] == RESULT
    assert (vars_["root"]["before"], vars_["root"]["after"]) == (False, True)
    model = vars_["root.train"]["model"].extension_content()
    assert (model["path"], model["origin"], model["size"]) == ("out/model.pt", "root.train", 3_000_000)
    assert vars_["root.evaluate"]["model"].extension_content() == model
    shown = flowctl("state", cwd=app.folder).stdout
    assert '{"$flowrpc": "path", "value": {"path": "out/model.pt", "origin": "root.train"' in shown
    assert app.end() == 0


def test_files_are_there_in_the_next_life_and_go_with_fresh(make_app: MakeApp) -> None:
    app = make_app(HANDING).start()
    wait_until_done(app)
    assert app.end() == 0
    app.start()
    assert wait_until_done(app)["root"]["after"] is True
    assert app.end() == 0
    (old,) = [path for path in (app.folder / ".flowrpc" / "storage").iterdir() if path.name != "parts"]
    app.start("--fresh")
    assert wait_until_done(app)["root.evaluate"]["result"] == RESULT
    assert not old.exists()
    assert (app.folder / ".flowrpc" / "previous" / "storage" / old.name).exists()


@contextmanager
def agent_by_hand(app: RunningApp, work: str, folder: Path) -> Iterator[None]:
    """Executes a work in a folder of its own, as on another host."""
    folder.mkdir()
    shutil.copy(app.folder / "app.py", folder)
    token = app.folder / ".flowrpc" / "tokens" / "work"
    with (folder / "agent.txt").open("w") as log:
        process = subprocess.Popen(
            [
                *(FLOWCTL, "work", "serve", "app.py", "--work", work, "--agent-id", folder.name),
                *("--flow", app.address, "--token-file", token),
            ],
            cwd=folder,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            yield
        finally:
            process.terminate()
            process.wait(timeout=60)


def run_with_two_agents(app: RunningApp, tmp_path: Path) -> None:
    with (
        agent_by_hand(app, "root.train", tmp_path / "host-1"),
        agent_by_hand(app, "root.evaluate", tmp_path / "host-2"),
    ):
        assert wait_until_done(app)["root.evaluate"]["result"] == RESULT
        with app.client() as client:
            assert {run.work: run.agent_id for run in client.runs()} == {
                "root.train": "host-1",
                "root.evaluate": "host-2",
            }
    assert list((tmp_path / "host-1" / ".flowrpc" / "files" / "host-1").rglob("model.pt"))
    assert list((tmp_path / "host-2" / ".flowrpc" / "files" / "host-2").rglob("model.pt"))


REMOTE = ("--remote-work", "root.*", "--storage")


def test_two_agents_share_a_folder(make_app: MakeApp, tmp_path: Path) -> None:
    app = make_app(HANDING, *REMOTE, (tmp_path / "a shared folder").as_uri()).start()
    run_with_two_agents(app, tmp_path)
    assert not (app.folder / ".flowrpc" / "storage").exists()
    assert app.end() == 0


@pytest.mark.usefixtures("ftp_credentials")
def test_two_agents_share_a_storage_over_the_network(make_app: MakeApp, tmp_path: Path, ftp_url: str) -> None:
    app = make_app(HANDING, *REMOTE, f"{ftp_url}/app").start()
    run_with_two_agents(app, tmp_path)
    assert app.end() == 0


FAILING = HANDING.replace("        super().__init__()\n", "        super().__init__(raise_exception=False)\n")


def failure_of(app: RunningApp, work: str) -> Any:
    with app.client() as client, client.replica() as replica:
        name = work.removeprefix("root.")
        replica.wait_for(
            lambda replica: '"failed"' in json.dumps(replica.state()["works"][name]["calls"]), timeout=40
        )
        (run,) = [run for run in client.runs() if run.work == work]
        assert run.status is RunStatus.FAILED
        return run.failure


def test_an_agent_that_sees_another_folder_is_told_of_storage(make_app: MakeApp, tmp_path: Path) -> None:
    app = make_app(FAILING, "--remote-work", "root.*").start()
    storage = app.folder / ".flowrpc" / "storage"
    storage.rename(tmp_path / "elsewhere")  # as it is on a host that has no such folder
    with agent_by_hand(app, "root.train", tmp_path / "host-1"):
        failure = failure_of(app, "root.train")
    assert "is not the one that the flow uses" in failure.message
    assert "start the app with --storage" in failure.message
    assert not storage.exists()


def test_a_storage_that_takes_nothing_fails_the_run(make_app: MakeApp, tmp_path: Path) -> None:
    storage = tmp_path / "storage"
    app = make_app(FAILING, "--remote-work", "root.*", "--storage", str(storage)).start()
    shutil.rmtree(storage / "parts")
    (storage / "parts").write_text("no folder")
    with agent_by_hand(app, "root.train", tmp_path / "host-1"):
        failure = failure_of(app, "root.train")
    assert failure.type == "flowrpc.errors.StorageError"
    assert str(storage) in failure.message
    with app.client() as client:
        assert "digest" not in client.state("root.train")["vars"]["model"].extension_content()


@pytest.mark.parametrize(
    ("storage", "problem"),
    [
        ("nosuch://x", "cannot be opened by fsspec"),
        ("ftp://user:secret@127.0.0.1/x", "leave the password out of the URL"),
        ("/proc/nothing", "storage file:///proc/nothing: "),
        ("ftp://127.0.0.1:1/x", "--storage ftp://127.0.0.1:1/x cannot be opened"),
    ],
)
def test_a_storage_that_cannot_be_used_is_told_at_the_start(
    make_app: MakeApp, storage: str, problem: str
) -> None:
    app = make_app(HANDING)
    done = flowctl("run", "app.py", "--storage", storage, cwd=app.folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert problem in done.stderr
    assert "secret" not in done.stderr
    assert "Traceback" not in done.stderr


DYING = """
from datetime import timedelta
from flowrpc import Path, Retry


def parent(pid):
    with open(f"/proc/{pid}/stat") as file:
        return int(file.read().rpartition(")")[2].split()[1])


class Train(LightningWork):
    def __init__(self):
        super().__init__(retry=Retry(attempts=3, delay=timedelta(0)))
        self.first = Path("first")
        self.model = Path("model")
        self.seen = []
        self.begun_with = None

    def run(self, how):
        self.begun_with = self.first.published
        if self.attempt == 1:
            self.first.write_text("of a lost attempt")
            self.first = self.first
        self.model.write_bytes(b"w" * 3_000_000)
        if self.attempt == 1 and how == "upload":
            os.fsync = lambda descriptor: os.kill(os.getpid(), signal.SIGKILL)
        self.model.publish() if how == "upload" else Path("model").publish()
        if self.attempt == 1 and how == "flow":
            os.kill(parent(os.getppid()), signal.SIGKILL)
            time.sleep(60)


class Root(LightningFlow):
    def __init__(self):
        self.train = Train()
        self.how = ""
        self.done = False

    def run(self):
        if self.how:
            self.train.run(self.how)
            self.done = True

    def begin(self, how):
        self.how = how

    def configure_commands(self):
        return {"begin": self.begin}


app = LightningApp(Root())
"""


def kept(app: RunningApp) -> list[int]:
    """Returns the sizes of the contents in the storage."""
    return sorted(path.stat().st_size for path in (app.folder / ".flowrpc" / "storage").glob("*/objects/*/*"))


def check_after_loss(app: RunningApp) -> None:
    with app.client() as client, client.replica() as replica:
        replica.wait_for(lambda replica: var(replica, "root", "done"), timeout=60)
        (run,) = client.runs()
        assert (run.status, run.attempt) == (RunStatus.SUCCEEDED, 2)
        train: Any = replica.vars("root.train")
        assert train["begun_with"] is False, "what the lost attempt had published is taken back"
        assert train["model"].extension_content()["size"] == 3_000_000


def test_a_work_killed_in_the_middle_of_an_upload_leaves_nothing_that_counts(make_app: MakeApp) -> None:
    app = make_app(DYING).start()
    with app.client() as client:
        client.call("begin", how="upload")
    check_after_loss(app)
    assert kept(app) == [17, 3_000_000]
    (part,) = (app.folder / ".flowrpc" / "storage" / "parts").iterdir()
    assert part.stat().st_size == 3_000_000, "it was written whole, and never shown"
    assert app.end() == 0


def test_a_flow_killed_between_upload_and_commit_knows_nothing_and_the_content_is_used_again(
    make_app: MakeApp,
) -> None:
    app = make_app(DYING).start()
    with app.client() as client:
        client.call("begin", how="flow")
    assert app.wait(timeout=60) == -9
    assert kept(app) == [17, 3_000_000]
    wait_until_gone({app.pid})
    app.start()
    check_after_loss(app)
    assert kept(app) == [17, 3_000_000]
    assert app.end() == 0


def test_no_client_hands_in_a_payload(make_app: MakeApp) -> None:
    app = make_app(HANDING, "--remote-work", "root.*").start()
    payload = extension_of("payload", {"digest": "0" * 64, "size": 1, "kind": "file"})
    with app.client() as client:
        with pytest.raises(CallError, match="is a payload, which only works make") as caught:
            client.call("keep", value=[{"deep": payload}])
        assert caught.value.reason == "INVALID_VALUE"
        with pytest.raises(CallError, match="is a payload, which only works make"):
            client.update("root", [Set(("after",), payload)])
    assert app.end() == 0
