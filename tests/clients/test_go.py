"""The Go client: its own tests, and real apps that it calls and follows. `client/go/README.md` is executed here."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from flowrpc.clients.folder import RECORD

from tests.clients.building import once
from tests.clients.go_toolchain import MODULE, ROOT, environment, run, why_missing
from tests.clients.killing import said_through_a_kill
from tests.end_to_end.conftest import FLOWCTL, RunningApp, flowctl

_MISSING = why_missing()
# Compiling from nothing takes minutes on a small machine, once.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(bool(_MISSING), reason=_MISSING or "unused"),
]

APP = Path(__file__).parent / "apps" / "shop.py"


@pytest.fixture(scope="module")
def binary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Builds the client's tests, with a home directory that has to stay empty."""
    home = tmp_path_factory.mktemp("home")
    path = ROOT / ".cache" / "go" / "client.test"

    def build() -> dict[str, str]:
        run("go", "test", "-c", "-o", path, ".", home=home)
        run("go", "vet", "./...", home=home)
        return {}

    once(path.parent, build)
    assert list(home.iterdir()) == []
    return path


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningApp]:
    monkeypatch.setenv("FLOWRPC_RUN_DIR", str(tmp_path / "run"))
    folder = tmp_path / "shop"
    folder.mkdir()
    shutil.copy(APP, folder / "app.py")
    running = RunningApp(folder).start()
    yield running
    running.close()


def _environment(app: RunningApp) -> dict[str, str]:
    return environment() | {"FLOWRPC_TEST_DATA_DIR": str(app.folder / ".flowrpc")}


def test_its_own_tests_and_all_vectors_pass(binary: Path) -> None:
    printed = run(binary, "-test.v")
    for name in ("Values", "Changes", "Watches"):
        assert f"--- PASS: TestVectorsOf{name}" in printed
    assert printed.count("--- PASS: TestVectorsOf") > 150  # each vector is a test of its own
    assert "--- SKIP: TestAppComesBack" in printed


def test_sources_are_formatted() -> None:
    sources = [path for path in MODULE.rglob("*.go") if path.parent.name != "flowrpcv1"]
    assert run("gofmt", "-l", *sources, *(ROOT / "tests" / "clients").rglob("*.go")) == ""


def test_generated_code_is_fresh(tmp_path: Path) -> None:
    run("make", "go-setup", cwd=ROOT)
    run("buf", "generate", "--template", "buf.gen.go.yaml", "--output", tmp_path, cwd=ROOT)
    made = {path.name: path.read_text() for path in (tmp_path / "client/go/flowrpcv1").glob("*.go")}
    kept = {path.name: path.read_text() for path in (MODULE / "flowrpcv1").glob("*.go")}
    assert made == kept, "client/go/flowrpcv1 is stale: run make generate-go"


@pytest.mark.parametrize(
    "name",
    [
        "TestAppEveryValueComesBack",
        "TestAppErrorsHaveReasons",
        "TestAppRefusesAWrongToken",
        "TestAppAnswersARepeatOnce",
        "TestAppIsUpdatedAndFollowed",
        "TestAppStreamsItems",
        "TestAppStreamEndsWithItsError",
        "TestAppStreamIsLeft",
    ],
)
def test_client_and_a_real_app(binary: Path, app: RunningApp, name: str) -> None:
    done = subprocess.run(
        [binary, "-test.v", "-test.run", f"^{name}$"],
        cwd=MODULE,
        env=_environment(app),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert f"--- PASS: {name}" in done.stdout, done.stdout + done.stderr


def test_client_goes_on_after_the_app_was_killed(binary: Path, app: RunningApp) -> None:
    said = said_through_a_kill(
        [binary, "-test.v", "-test.run", "^TestAppComesBack$"], app, cwd=MODULE, env=_environment(app)
    )
    assert "--- PASS: TestAppComesBack" in said, said


def test_quickstart_calls_and_follows(app: RunningApp) -> None:
    printed = run("go", "run", "./examples/quickstart", "keep", '{"value": ["\U0001f600"]}')
    assert 'kept = ["\U0001f600"]\n' in printed


@pytest.fixture
def till(app: RunningApp, tmp_path: Path) -> Path:
    """Makes the module of a program as the README tells, with stubs of the app's own contract."""
    built = flowctl("contract", "build", "app.py", cwd=app.folder)
    assert built.returncode == 0, built.stderr
    folder = tmp_path / "till"
    folder.mkdir()
    module = (MODULE / "go.mod").read_text().replace("module flowrpc.dev/go", "module example.com/till", 1)
    (folder / "go.mod").write_text(
        f"{module}\nrequire flowrpc.dev/go v0.0.0\n\nreplace flowrpc.dev/go => {MODULE}\n"
    )
    shutil.copy(MODULE / "go.sum", folder)
    shutil.copy(Path(__file__).parent / "typed_go" / "main.go", folder)
    shutil.copytree(app.folder / "contract", folder / "contract")
    template = re.search(r"```yaml\n(.*?)```", (MODULE / "README.md").read_text(), re.S)
    assert template is not None
    (folder / "buf.gen.yaml").write_text(template[1])
    run("buf", "generate", cwd=folder)
    return folder


def test_typed_client_is_generated_from_the_apps_contract(till: Path, app: RunningApp) -> None:
    printed = run("go", "run", ".", app.folder / ".flowrpc", cwd=till)
    assert printed.splitlines() == [
        "counted 1",
        "failed COMMAND_FAILED",
        "refused INVALID_ARGUMENTS",
        "row 9007199254740993 n\u00e9e \U0001f600 9007199254740993",
        "row 9007199254740994 n\u00e9e \U0001f600 9007199254740994",
        "row 9007199254740995 n\u00e9e \U0001f600 9007199254740995",
        "failed COMMAND_FAILED",
        "left",
        "watched 1",
    ]


def test_flowctl_generates_a_client_that_builds(binary: Path, tmp_path: Path) -> None:
    run("make", "go-setup", cwd=ROOT)
    folder = tmp_path / "shop"
    folder.mkdir()
    shutil.copy(APP, folder / "app.py")
    for command in ("contract build app.py", "client generate app.py --lang go --out gen"):
        run(FLOWCTL, *command.split(), cwd=folder)
    made = {path.name for path in (folder / "gen").iterdir()}
    assert made == {"app.pb.go", "app_grpc.pb.go", "go.mod", "go.sum", RECORD}
    run("go", "vet", "./...", cwd=folder / "gen")
    assert "// Calls the command `hire`." in (folder / "gen" / "app_grpc.pb.go").read_text()
