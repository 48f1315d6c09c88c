"""Scripts and the app's storage: objects that state cannot hold, and code that comes from a drive."""

from __future__ import annotations

from flowrpc.state.extension import Extension

from tests.end_to_end.conftest import MakeApp, var

APP = """
import io
import tarfile

from flowrpc import Drive
from flowrpc.components import PopenPythonScript, TracerPythonScript


class Put(LightningWork):
    def __init__(self, drive):
        super().__init__(parallel=True)
        self.drive = drive

    def run(self):
        with tarfile.open(self.drive.root_folder / "code.tar.gz", "w:gz") as tar:
            source = b"import sys; result = 41 + int(sys.argv[1])"
            info = tarfile.TarInfo("jobs/job.py")
            info.size = len(source)
            tar.addfile(info, io.BytesIO(source))
        self.drive.put("code.tar.gz")


class Root(LightningFlow):
    def __init__(self):
        drive = Drive("lit://code")
        code = {"drive": drive, "name": "code.tar.gz"}
        self.put = Put(drive)
        self.make = TracerPythonScript("make.py", outputs=["model", "size"], parallel=True)
        self.use = TracerPythonScript("use.py", outputs=["size"], parallel=True)
        self.job = TracerPythonScript("jobs/job.py", ["1"], outputs=["result"], code=code, parallel=True)
        self.own = PopenPythonScript("jobs/job.py", ["1"], code=code, parallel=True)
        self.seen = []

    def run(self):
        self.put.run()
        self.make.run()
        if self.make.has_succeeded:
            self.use.run(model=self.make.model)
        if self.put.has_succeeded:
            self.job.run(code_dir="fetched")
            self.own.run(code_dir="fetched beside it")
        self.seen = [self.make.size, self.use.size, self.job.result, self.own.exit_code]


app = LightningApp(Root())
"""


def test_objects_and_code_travel_through_the_storage(make_app: MakeApp) -> None:
    app = make_app(APP)
    (app.folder / "make.py").write_text("model = {1, 2, 3}\nsize = len(model)")
    (app.folder / "use.py").write_text("size = len(model)")
    app.start()
    with app.client() as client, client.replica() as replica:
        replica.wait_for(lambda replica: var(replica, "root", "seen") == [3, 3, 42, 0], timeout=60)
        model = replica.vars("root.make")["model"]
        assert isinstance(model, Extension)
        assert model.extension_type() == "payload"
