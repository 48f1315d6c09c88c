"""Files that works in real processes share by path."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.end_to_end.conftest import MakeApp, RunningApp, var
from tests.storage.conftest import ftp_credentials as ftp_credentials  # noqa: PLC0414 - fixtures
from tests.storage.conftest import ftp_url as ftp_url  # noqa: PLC0414 - fixtures

SHARING = """
from flowrpc import Path
from flowrpc.lightning.storage.filesystem import FileSystem


class Write(LightningWork):
    def __init__(self):
        super().__init__()
        self._files = FileSystem()
        self.names = []

    def run(self):
        folder = Path("checkpoints")
        (folder / "deep").mkdir(parents=True)
        (folder / "1.txt").write_text("one")
        (folder / "deep" / "2.bin").write_bytes(b"2" * 2_000_000)
        self._files.put(folder, "/")
        self._files.put(folder / "1.txt", "/latest.txt")
        self.names = self._files.walk("/")


class Read(LightningWork):
    def __init__(self):
        super().__init__()
        self.found = None

    def run(self):
        files = FileSystem()
        files.get("/latest.txt", Path("copy.txt"))
        files.get("/checkpoints", Path("all"))
        self.found = [
            files.listdir("/"),
            Path("copy.txt").read_text(),
            Path("all", "deep", "2.bin").stat().st_size,
            [files.isfile("/latest.txt"), files.isdir("/checkpoints"), files.exists("/checkpoints/3.txt")],
        ]
        files.rm("/latest.txt")


class Root(LightningFlow):
    def __init__(self):
        self.write = Write()
        self.read = Read()
        self.refused = ""
        self.done = False

    def run(self):
        try:
            FileSystem().listdir("/")
        except RuntimeError as error:
            self.refused = str(error)
        self.write.run()
        self.read.run()
        self.done = True


app = LightningApp(Root())
"""

MOUNTING = """
from flowrpc import CloudCompute
from flowrpc.storage import Mount
""" + SHARING.replace("__init__()", "__init__(cloud_compute=CloudCompute(mounts=Mount('s3://b/c/')))", 1)


def check(app: RunningApp) -> None:
    with app.client() as client, client.replica() as replica:
        replica.wait_for(lambda replica: var(replica, "root", "done"), timeout=60)
        assert var(replica, "root.write", "names") == [
            "checkpoints/1.txt",
            "checkpoints/deep/2.bin",
            "latest.txt",
        ]
        assert var(replica, "root.read", "found") == [
            ["checkpoints", "latest.txt"],
            "one",
            2_000_000,
            [True, True, False],
        ]
        assert str(var(replica, "root", "refused")).startswith(
            "FileSystem.listdir() is called in a flow; works"
        )


def test_two_works_share_files(make_app: MakeApp) -> None:
    app = make_app(SHARING).start()
    check(app)
    assert app.end() == 0
    (left,) = (app.folder / ".flowrpc" / "storage").glob("*/files")
    assert sorted(path.name for path in left.rglob("*") if path.is_file()) == ["1.txt=json", "2.bin=json"]


@pytest.mark.usefixtures("ftp_credentials")
def test_two_works_share_files_over_the_network(make_app: MakeApp, ftp_url: str) -> None:
    app = make_app(SHARING, "--storage", f"{ftp_url}/shared").start()
    check(app)
    assert app.end() == 0


def test_a_mount_is_refused_when_the_app_starts(make_app: MakeApp) -> None:
    app = make_app(MOUNTING)
    process = app.launch()
    assert process.wait(timeout=60) == 2
    told = app.stderr()
    assert (
        "root.write: cloud_compute=CloudCompute(mounts=[Mount(source='s3://b/c/', mount_path='/data/c')])"
        in told
    )
    assert "fsspec" in told
    assert "Drive" in told
    assert "Traceback" not in told
    assert not list(Path(app.folder).glob(".flowrpc/storage/*/files"))
