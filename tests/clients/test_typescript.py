"""The TypeScript client: its own tests, and real apps that it calls and follows, as its README tells."""

from __future__ import annotations

import json
import re
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.killing import said_through_a_kill
from tests.clients.typescript_toolchain import PACKAGE, ROOT, SOURCES, build, environment, run, why_missing
from tests.end_to_end.conftest import FLOWCTL, RunningApp, flowctl
from tests.end_to_end.test_tls import make_certificate

APP = Path(__file__).parent / "apps" / "shop.py"

_MISSING = why_missing()
# Downloading and compiling from nothing takes a while on a small machine, once.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(bool(_MISSING), reason=_MISSING or "unused"),
]


@pytest.fixture(scope="module", autouse=True)
def built(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Builds the client, with a home directory that has to stay empty."""
    home = tmp_path_factory.mktemp("home")
    build(home)
    assert list(home.iterdir()) == []


@pytest.fixture
def stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningApp]:
    monkeypatch.setenv("FLOWRPC_RUN_DIR", str(tmp_path / "run"))
    folder = tmp_path / "shop"
    folder.mkdir()
    shutil.copy(APP, folder / "app.py")
    running = RunningApp(folder)
    yield running
    running.close()


@pytest.fixture
def app(stopped: RunningApp) -> RunningApp:
    return stopped.start()


def play(app: RunningApp, *names: str, **variables: str) -> None:
    """Runs tests of `client/typescript/test/app.test.ts` against an app."""
    data_dir = str(app.folder / ".flowrpc")
    printed = run(*_command(*names), variables={"FLOWRPC_TEST_DATA_DIR": data_dir, **variables})
    assert f"# pass {len(names)}\n" in printed, printed


def _command(*names: str) -> list[str]:
    patterns = [f"--test-name-pattern=/^{name}$/" for name in names]
    return ["node", "--test-reporter=tap", *patterns, "dist/test/app.test.js"]


def test_its_own_tests_and_all_vectors_pass() -> None:
    files = sorted(str(path) for path in (PACKAGE / "dist" / "test").glob("*.test.js"))
    printed = run("node", "--test", "--test-reporter=tap", *files)
    for path in (ROOT / "tests" / "contract" / "vectors").glob("*.json"):
        groups: dict[str, list[object]] = json.loads(path.read_text())
        count = sum(map(len, groups.values()))
        assert count > 0
        passed = re.findall(rf"^ *ok \d+ - {path.stem}: ", printed, re.M)
        assert len(passed) == count, f"{len(passed)} of {count} vectors of {path.name} passed"
    assert "it comes back # SKIP" in printed


def test_generated_code_is_fresh(tmp_path: Path) -> None:
    run("buf", "generate", "--template", "buf.gen.ts.yaml", "--output", tmp_path, cwd=ROOT)
    assert _texts(tmp_path / "client/typescript/src/gen") == _texts(SOURCES / "src" / "gen"), (
        "client/typescript/src/gen is stale: run make generate-ts"
    )


def _texts(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*.ts")}


def test_lock_file_names_no_registry() -> None:
    assert "://" not in (SOURCES / "package-lock.json").read_text()


def test_client_and_a_real_app(app: RunningApp) -> None:
    play(
        app,
        "every value comes back",
        "errors have reasons",
        "a wrong token is refused",
        "a repeat is answered once",
        "it is updated and followed",
        "items are streamed",
        "a stream ends with what was raised",
        "a stream is left",
    )


def test_client_of_an_encrypted_app(stopped: RunningApp, tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path)
    stopped.start("--address", "0.0.0.0:0", "--tls-cert", str(certificate), "--tls-key", str(key))
    play(
        stopped,
        "an app that strangers can reach is called with its certificate",
        "a certificate that is not trusted is refused at once",
        FLOWRPC_TEST_ADDRESS=f"127.0.0.1:{stopped.address.rpartition(':')[2]}",
        FLOWRPC_TEST_CA=str(certificate),
    )


def test_client_goes_on_after_the_app_was_killed(app: RunningApp) -> None:
    env = environment() | {"FLOWRPC_TEST_DATA_DIR": str(app.folder / ".flowrpc")}
    said = said_through_a_kill(_command("it comes back"), app, cwd=PACKAGE, env=env)
    assert "# pass 1\n" in said, said


@pytest.mark.usefixtures("app")
def test_quickstart_calls_and_follows() -> None:
    printed = run("node", "dist/examples/quickstart.js", "keep", '{"value": ["\U0001f600", 3, 0.5]}')
    assert 'kept = ["\U0001f600",3,0.5]\n' in printed


@pytest.fixture
def till(app: RunningApp, tmp_path: Path) -> Path:
    """Makes a program as the README tells, of the packed client and with stubs of the app's own contract."""
    done = flowctl("contract", "build", "app.py", cwd=app.folder)
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "till"
    shutil.copytree(Path(__file__).parent / "typed_typescript", folder / "src")
    shutil.copytree(app.folder / "contract", folder / "contract")
    shutil.copy(SOURCES / "tsconfig.json", folder)
    (folder / "package.json").write_text('{"type": "module"}')
    template = re.search(r"```yaml\n(.*?)```", (SOURCES / "README.md").read_text(), re.S)
    assert template is not None
    (folder / "buf.gen.yaml").write_text(template[1])
    _install(folder / "node_modules")
    run("buf", "generate", cwd=folder)
    return folder


def _install(modules: Path) -> None:
    """Installs the packed client, beside links to what the build has downloaded."""
    packed = (
        modules.parent
        / run("npm", "pack", "--ignore-scripts", "--silent", "--pack-destination", modules.parent).strip()
    )
    with tarfile.open(packed) as archive:
        archive.extractall(modules / "@flowrpc", filter="data")
    (modules / "@flowrpc" / "package").rename(modules / "@flowrpc" / "client")
    for name in (".bin", "@bufbuild", "@connectrpc", "@types", "undici-types"):
        (modules / name).symlink_to(PACKAGE / "node_modules" / name)


def test_typed_client_is_generated_from_the_apps_contract(till: Path, app: RunningApp) -> None:
    run("tsc", "--project", ".", "--rootDir", "src", cwd=till)
    printed = run("node", "dist/main.js", app.folder / ".flowrpc", cwd=till)
    assert printed.splitlines() == [
        "counted 1",
        "refused COMMAND_FAILED",
        "refused INVALID_ARGUMENTS text",
        "kept 9007199254740993",
        "row 9007199254740993 n\u00e9e \U0001f600 9007199254740993",
        "row 9007199254740994 n\u00e9e \U0001f600 9007199254740994",
        "row 9007199254740995 n\u00e9e \U0001f600 9007199254740995",
        "refused COMMAND_FAILED",
        "left",
        "watched 1",
    ]


def test_flowctl_generates_a_client_that_builds(tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    folder.mkdir()
    shutil.copy(APP, folder / "app.py")
    for command in ("contract build app.py", "client generate app.py --lang typescript --out gen"):
        run(FLOWCTL, *command.split(), cwd=folder)
    (folder / "gen" / "node_modules").symlink_to(PACKAGE / "node_modules")
    assert json.loads((folder / "gen" / "package.json").read_text())["name"] == "shop-v1"
    run("tsc", "--skipLibCheck", cwd=folder / "gen")
    declared = (folder / "gen" / "dist" / "shop" / "v1" / "app_pb.d.ts").read_text()
    assert re.search(r'rows: \{\s+methodKind: "server_streaming"', declared)
