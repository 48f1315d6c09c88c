"""An app written for Lightning is moved by its import lines, and runs."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from flowrpc_client import FlowClient

pytestmark = pytest.mark.slow

WRITTEN_FOR_LIGHTNING = """
import logging

import lightning as L
from lightning.app.api import Post
from lightning.app.structures import Dict
from lightning.app.utilities.app_helpers import Logger
from lightning.app.utilities.enum import WorkStageStatus
from lightning.app.utilities.frontend import AppInfo
from lightning_app.runners import MultiProcessRuntime
from lightning_app.utilities.cloud import is_running_in_cloud

logger = Logger(__name__)


class Preprocess(L.LightningWork):
    def __init__(self, lowercase=True):
        super().__init__(parallel=False, cache_calls=True)
        self.lowercase = lowercase
        self.words = None

    def run(self, text):
        text = text.lower() if self.lowercase else text
        self.words = sorted(set(text.split()))


class Train(L.LightningWork):
    def __init__(self, cloud_compute=None):
        super().__init__(parallel=True, run_once=True, cloud_compute=cloud_compute)
        self.epoch = 0
        self.longest = ""

    def run(self, words, epochs):
        for _ in range(epochs):
            self.epoch += 1
        self.longest = max(words, key=len)


class Pipeline(L.LightningFlow):
    def __init__(self):
        super().__init__()
        self.preprocess = Preprocess()
        self.trainers = Dict()
        self.text = ""
        self.best = None

    def run(self):
        if not self.text:
            return
        self.preprocess.run(self.text)
        for name, epochs in (("short", 2), ("long", 4)):
            if name not in self.trainers:
                self.trainers[name] = Train(cloud_compute=L.CloudCompute("cpu-small"))
            self.trainers[name].run(self.preprocess.words, epochs)
        if all(work.status.stage == WorkStageStatus.SUCCEEDED for work in self.trainers.values()):
            self.best = self.trainers["long"].longest

    def read(self, text: str):
        self.text = text
        logger.info("reading %s, in the cloud: %s", text, is_running_in_cloud())

    def configure_commands(self):
        return [{"read text": self.read}]

    def configure_api(self):
        return [Post("/v1/api/read", self.read)]


app = L.LightningApp(Pipeline(), info=AppInfo(title="Words"))

if __name__ == "__main__":
    MultiProcessRuntime(app).dispatch(open_ui=False)
"""


def moved(source: str) -> str:
    """The two substitutions of docs/migrating.md."""
    source = re.sub(r"lightning(\.|_)app", "flowrpc.lightning", source)
    return re.sub(r"import lightning as L", "import flowrpc.lightning as L", source)


def test_a_moved_app_runs_and_goes_on_after_a_kill(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(moved(WRITTEN_FOR_LIGHTNING))
    for text, best in (("The quick brown foxes", "brown"), ("A hippopotamus swims", "hippopotamus")):
        with subprocess.Popen(
            [sys.executable, "app.py"],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                assert process.stdout is not None
                assert "is served at" in process.stdout.readline()
                with FlowClient(data_dir=tmp_path / ".flowrpc") as client:
                    client.call("read_text", text=text)
                    with client.replica() as replica:
                        replica.wait_for(lambda seen, best=best: seen.vars()["best"] == best, timeout=60)  # type: ignore[misc]
                    assert client.state("root.trainers.long")["vars"]["epoch"] in (4, 8)
            finally:
                process.send_signal(signal.SIGKILL)
