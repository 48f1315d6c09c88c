"""The import paths that apps written for Lightning have."""

from __future__ import annotations

import importlib
import subprocess
import sys

import flowrpc.lightning as L  # noqa: N812  # as apps write it
import pytest
from flowrpc.component import LightningApp, LightningFlow

TABLE = {
    "": "LightningApp LightningFlow LightningWork CloudCompute BuildConfig",
    ".frontend": "StaticWebFrontend StreamlitFrontend Frontend",
    ".frontend.web": "StaticWebFrontend",
    ".storage": "Path Drive Payload Mount FileSystem",
    ".frontend.stream_lit": "StreamlitFrontend",
    ".storage.path": "Path",
    ".storage.drive": "Drive",
    ".storage.payload": "Payload",
    ".storage.mount": "Mount",
    ".storage.filesystem": "FileSystem",
    ".structures": "Dict List",
    ".runners": "MultiProcessRuntime dispatch load_app_from_file",
    ".testing": "LightningTestApp application_testing run_work_isolated EmptyFlow EmptyWork",
    ".testing.testing": "LightningTestApp application_testing run_work_isolated",
    ".testing.helpers": "EmptyFlow EmptyWork",
    ".utilities.enum": "WorkStageStatus AppStage CacheCallsKeys make_status WorkStopReasons WorkFailureReasons",
    ".components": "TracerPythonScript PopenPythonScript PythonServer",
    ".components.python": "TracerPythonScript PopenPythonScript",
    ".components.python.tracer": "TracerPythonScript Tracer",
    ".components.python.popen": "PopenPythonScript",
    ".components.serve": "PythonServer Image Text Number Category",
    ".api": "Post Get Put Delete",
    ".api.http_methods": "Post Get Put Delete",
    ".utilities.commands": "ClientCommand",
    ".utilities.frontend": "AppInfo",
    ".utilities.state": "AppState",
    ".utilities.cloud": "is_running_in_cloud",
    ".utilities.network": "find_free_network_port",
    ".utilities.app_helpers": "Logger pretty_state is_overridden",
    ".utilities.imports": "requires",
    ".utilities.exceptions": "ExitAppException CacheMissException LightningWorkException LightningFlowException "
    "MisconfigurationException",
    ".utilities.packaging.cloud_compute": "CloudCompute",
    ".utilities.packaging.build_config": "BuildConfig",
    ".core": "LightningApp LightningFlow LightningWork",
    ".core.app": "LightningApp",
    ".core.flow": "LightningFlow",
    ".core.work": "LightningWork",
    ".core.constants": "APP_SERVER_HOST APP_SERVER_PORT",
    ".utilities.tracer": "Tracer",
    ".utilities.load_app": "load_app_from_file",
}

ABSENT = [
    (".frontend", "PanelFrontend", "run its server in a work"),
    (".frontend", "JustPyFrontend", "run its server in a work"),
    (".components", "ServeGradio", "server_port=self.port"),
    (".components", "ServeStreamlit", "streamlit run"),
    (".components", "Database", "vars of a flow"),
    (".components", "AutoScaler", "PythonServer works into a List"),
    (".components", "DatabaseClient", "sqlite3"),
    (".components", "LightningTrainerScript", "TracerPythonScript"),
    (".components", "LightningTrainerMultiNode", "TracerPythonScript"),
    (".components", "FabricMultiNode", "its rank"),
    (".components", "LiteMultiNode", "its rank"),
    (".components", "PyTorchSpawnMultiNode", "its rank"),
    (".components", "MultiNode", "its rank"),
    (".runners", "CloudRuntime", "flowctl work serve"),
    (".runners", "SingleProcessRuntime", "SimulatedApp"),
]


@pytest.mark.parametrize(
    ("path", "name"), [(path, name) for path, names in TABLE.items() for name in names.split()]
)
def test_every_path_has_its_names(path: str, name: str) -> None:
    module = importlib.import_module(f"flowrpc.lightning{path}")

    assert getattr(module, name) is not None
    assert name in module.__all__


@pytest.mark.parametrize(("path", "name", "way_out"), ABSENT)
def test_a_name_that_is_not_here_tells_the_way_out(path: str, name: str, way_out: str) -> None:
    module = f"flowrpc.lightning{path}"
    with pytest.raises(ImportError) as refused:
        exec(f"from {module} import {name}")

    assert f"{module} has no {name}: " in str(refused.value)
    assert way_out in str(refused.value)


def test_an_unknown_name_is_an_ordinary_error() -> None:
    with pytest.raises(AttributeError, match=r"'flowrpc\.lightning\.frontend' has no attribute 'Frontned'"):
        _ = importlib.import_module("flowrpc.lightning.frontend").Frontned
    with pytest.raises(AttributeError, match=r"no attribute 'LightningFlwo'; docs/migrating\.md"):
        _ = L.LightningFlwo


def test_the_room_is_reached_from_its_top_too() -> None:
    assert L.app.structures.List is L.List
    assert (L.LightningFlow, L.app.LightningApp) == (LightningFlow, LightningApp)
    assert {"LightningFlow", "structures"} <= set(dir(L))


def test_importing_it_stays_quick_and_pulls_no_grpc() -> None:
    paths = ", ".join(f"flowrpc.lightning{path}" for path in TABLE)
    heavy = "{'grpc', 'fastapi', 'pydantic', 'flowrpc_client'}"
    code = f"import sys, {paths}; print(*sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "\n"
