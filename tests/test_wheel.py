"""The wheel that users install: built and installed into an empty environment, without a network."""

import os
import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import version
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
UV = Path(sys.executable).with_name("uv")
# `make setup` fills this cache with everything that the pins name.
OFFLINE = os.environ | {
    "UV_OFFLINE": "1",
    "UV_CACHE_DIR": str(ROOT / ".cache" / "uv"),
    "UV_LINK_MODE": "copy",
}

pytestmark = pytest.mark.slow


def run(*command: str | Path, cwd: Path = ROOT) -> str:
    """Runs a command and returns what it printed; fails with both its streams."""
    done = subprocess.run(command, cwd=cwd, env=OFFLINE, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    run(
        UV,
        "build",
        "--quiet",
        "--wheel",
        "--no-build-isolation",
        "--python",
        sys.executable,
        "--out-dir",
        out,
    )
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Makes an environment that holds the wheel and its pinned dependencies and nothing else."""
    target = tmp_path_factory.mktemp("environment") / "venv"
    python = target / "bin" / "python"
    run(UV, "venv", "--quiet", "--python", sys.executable, target)
    run(UV, "pip", "sync", "--quiet", "--python", python, ROOT / "requirements" / "runtime.txt")
    run(UV, "pip", "install", "--quiet", "--python", python, wheel)
    return target


def test_wheel_ships_both_packages_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names} == {
        "flowrpc",
        "flowrpc_client",
        f"flowrpc-{version('flowrpc')}.dist-info",
    }
    assert {"flowrpc/py.typed", "flowrpc_client/py.typed"} <= set(names)


def test_wheel_ships_the_generated_code_with_its_types(wheel: Path) -> None:
    shipped = set(zipfile.ZipFile(wheel).namelist())
    for proto in (ROOT / "protos" / "flowrpc" / "v1").glob("*.proto"):
        stem = f"flowrpc/v1/{proto.stem}"
        assert {f"{stem}_pb2.py", f"{stem}_pb2.pyi", f"{stem}_pb2_grpc.py", f"{stem}_pb2_grpc.pyi"} <= shipped


def test_pins_satisfy_what_the_wheel_requires(environment: Path) -> None:
    run(UV, "pip", "check", "--python", environment / "bin" / "python")


def test_both_packages_import_where_only_the_wheel_is_installed(environment: Path, tmp_path: Path) -> None:
    modules = [f"flowrpc.v1.{name}_pb2_grpc" for name in ("flow_service", "work_service")]
    program = f"import flowrpc, flowrpc_client, {', '.join(modules)}; print(flowrpc.__file__)"
    printed = run(environment / "bin" / "python", "-W", "error", "-c", program, cwd=tmp_path)
    assert Path(printed.strip()).is_relative_to(environment)


def test_flowctl_tells_its_version(environment: Path, tmp_path: Path) -> None:
    printed = run(environment / "bin" / "flowctl", "--version", cwd=tmp_path)
    assert version("flowrpc") in printed


def test_flowctl_finds_the_commands_of_the_server_side(environment: Path, tmp_path: Path) -> None:
    for command in ("run", "work", "bundle"):
        assert run(environment / "bin" / "flowctl", command, "--help", cwd=tmp_path)


def test_the_demo_app_runs_where_only_the_wheel_is_installed(environment: Path, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "examples" / "code_census", tmp_path / "code_census")
    counted = tmp_path / "counted"
    counted.mkdir()
    (counted / "one.py").write_text("def f():\n    pass\n")
    variables = os.environ | {"FLOWRPC_RUN_DIR": str(tmp_path / "run"), "CODE_CENSUS_ROOT": str(counted)}
    flowctl = environment / "bin" / "flowctl"
    with subprocess.Popen(
        [flowctl, "run", "app.py"],
        cwd=tmp_path / "code_census",
        env=variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as app:
        assert app.stdout is not None
        try:
            assert app.stdout.readline().startswith("code_census is served at 127.0.0.1:")
            program = (
                "from flowrpc_client import FlowClient\n"
                "with FlowClient(data_dir='.flowrpc') as client, client.replica() as replica:\n"
                "    replica.wait_for(lambda replica: replica.vars('root')['finished_scan'] == 1, timeout=60)\n"
                "    print(client.call('top', by='functions'))\n"
            )
            python: list[str | Path] = [environment / "bin" / "python", "-c", program]
            done = subprocess.run(
                python,
                cwd=tmp_path / "code_census",
                env=variables,
                capture_output=True,
                text=True,
                check=False,
            )
            assert (done.stdout, done.stderr) == ("{'one': 1}\n", "")
        finally:
            app.terminate()
            assert app.wait(timeout=60) == 0
