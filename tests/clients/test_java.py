"""The Java client: its own tests, and real apps that it calls and follows. `client/java/README.md` is executed here."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.clients.building import once
from tests.clients.java_toolchain import (
    MODULE,
    PROTOBUF,
    REPOSITORY,
    ROOT,
    build,
    console,
    environment,
    java,
    maven,
    run,
    why_missing,
)
from tests.clients.killing import said_through_a_kill
from tests.end_to_end.conftest import FLOWCTL, RunningApp, flowctl

_MISSING = why_missing()
# Fetching what Maven and the client need takes a minute on a slow line, once.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(bool(_MISSING), reason=_MISSING or "unused"),
]

APPS = Path(__file__).parent / "apps"
GENERATED = MODULE / "src" / "main" / "java" / "dev" / "flowrpc" / "v1"
BUF = FLOWCTL.with_name("buf")
POM = """\
<project xmlns="http://maven.apache.org/POM/4.0.0">
<modelVersion>4.0.0</modelVersion>
<groupId>com.example</groupId>
<artifactId>till</artifactId>
<version>1</version>
{}
</project>
"""
REAL_APP = "dev.flowrpc.client.RealAppTest"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Builds the client and runs its own tests, with a home directory that has to stay empty."""
    home = tmp_path_factory.mktemp("home")
    once(REPOSITORY.parent, lambda: build(home))
    assert list(home.iterdir()) == []


@pytest.fixture(scope="module")
def app(built: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    """Serves one app for all tests that do not kill it."""
    with pytest.MonkeyPatch.context() as patch:
        running = _serve("shop", tmp_path_factory.mktemp("app"), patch)
        yield running
        running.close()


@pytest.fixture
def mortal(built: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningApp]:
    """Serves an app that may be killed."""
    running = _serve("shop", tmp_path, monkeypatch)
    yield running
    running.close()


@pytest.fixture
def mill(built: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningApp]:
    """Serves the app that has a work."""
    running = _serve("mill", tmp_path, monkeypatch)
    yield running
    running.close()


def _serve(name: str, folder: Path, patch: pytest.MonkeyPatch) -> RunningApp:
    patch.setenv("FLOWRPC_RUN_DIR", str(folder / "run"))
    home = folder / name
    home.mkdir()
    shutil.copy(APPS / f"{name}.py", home / "app.py")
    return RunningApp(home).start()


def _environment(app: RunningApp) -> dict[str, str]:
    return environment() | {
        "FLOWRPC_TEST_DATA_DIR": str(app.folder / ".flowrpc"),
        "FLOWRPC_RUN_DIR": str(app.folder.parent / "run"),
    }


def _outcomes(name: str) -> dict[str, int]:
    """Counts the tests of a class by method and outcome, in the report of the build."""
    report = ElementTree.parse(MODULE / "target" / "surefire-reports" / f"TEST-dev.flowrpc.client.{name}.xml")
    counted: dict[str, int] = {}
    for case in report.iter("testcase"):
        outcome = next(
            (child.tag for child in case if child.tag in ("failure", "error", "skipped")), "passed"
        )
        key = f"{case.attrib['name'].split('(')[0]} {outcome}"
        counted[key] = counted.get(key, 0) + 1
    return counted


def test_its_own_tests_and_all_vectors_pass(built: None) -> None:
    told = _outcomes("VectorsTest")
    for file in ("values", "changes", "watches"):
        read = json.loads((ROOT / "tests" / "contract" / "vectors" / f"{file}.json").read_text())
        vectors = len(read["cases"]) + len(read.get("refused", []))
        assert vectors > 0
        assert told[f"{file} passed"] == vectors  # each vector is a test of its own
    assert all(key.endswith(" passed") for key in told), told
    for name in ("ValuesTest", "FlowClientTest"):
        assert all(key.endswith(" passed") for key in _outcomes(name))
    assert all(key.endswith(" skipped") for key in _outcomes("RealAppTest"))


@pytest.mark.usefixtures("built")  # which has fetched the plugins
def test_generated_code_is_fresh(tmp_path: Path) -> None:
    run("make", "java-setup", cwd=ROOT)
    run(BUF, "generate", "--template", "buf.gen.java.yaml", "--output", tmp_path, cwd=ROOT)
    made = tmp_path / GENERATED.relative_to(ROOT)
    assert _texts(made) == _texts(GENERATED), (
        f"{GENERATED.relative_to(ROOT)} is stale: run make generate-java"
    )


def _texts(folder: Path) -> dict[str, str]:
    texts = {path.name: path.read_text() for path in folder.iterdir()}
    assert "FlowServiceGrpc.java" in texts
    return texts


def _passed(name: str, printed: str) -> bool:
    """Tells whether a test passed; one that took longer than others has its time between."""
    return re.search(rf"\b{name}\(\) (\d+ ms )?\[OK\]", printed) is not None


def test_client_and_a_real_app(app: RunningApp) -> None:
    """Runs these tests in one process of Java, which takes longer to start than they do."""
    done = subprocess.run(
        console("--select-class", REAL_APP),
        cwd=MODULE,
        env=_environment(app),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    for name in (
        "everyValueComesBack",
        "errorsHaveReasons",
        "aWrongTokenIsRefused",
        "aRepeatIsAnsweredOnce",
        "theAppIsUpdatedAndFollowed",
        "stubsThrowWhatCanBeRead",
        "aCommandStreams",
        "whatAStreamRaisesComesAfterItsItems",
        "whoLeavesAStreamClosesItsCommand",
    ):
        assert _passed(name, done.stdout), done.stdout + done.stderr


def test_client_goes_on_after_the_app_was_killed(mortal: RunningApp) -> None:
    command = console("--select-method", f"{REAL_APP}#theAppComesBack")
    env = _environment(mortal) | {"FLOWRPC_TEST_KILLS": "1"}
    said = said_through_a_kill(command, mortal, cwd=MODULE, env=env, stderr=subprocess.STDOUT)
    assert _passed("theAppComesBack", said), said


def test_quickstart_calls_and_follows(app: RunningApp) -> None:
    command = java(
        MODULE / "examples" / "Quickstart.java", "keep", '{"value": ["\U0001f600", 9007199254740993]}'
    )
    done = subprocess.run(
        command, env=_environment(app), capture_output=True, text=True, timeout=120, check=False
    )
    assert 'kept = ["\U0001f600",9007199254740993]\n' in done.stdout, done.stdout + done.stderr


@pytest.fixture
def till(app: RunningApp, tmp_path: Path) -> Path:
    """Makes the project of a program as the README tells, with stubs of the app's own contract; returns its classes."""
    made = flowctl("contract", "build", "app.py", cwd=app.folder)
    assert made.returncode == 0, made.stderr
    folder = tmp_path / "till"
    shutil.copytree(app.folder / "contract", folder / "contract")
    sources = folder / "src" / "main" / "java"
    sources.mkdir(parents=True)
    shutil.copy(Path(__file__).parent / "typed_java" / "Till.java", sources)
    told = re.search(r"```xml\n(.*?)```", (MODULE / "README.md").read_text(), re.S)
    assert told is not None
    (folder / "pom.xml").write_text(POM.format(told[1]))
    # Of `mvn compile` what the README is about: the rest would be fetched in the versions that this Maven chooses.
    maven("--offline", f"{PROTOBUF}:generate@default", "compiler:compile", cwd=folder)
    return folder / "target" / "classes"


def test_typed_client_is_generated_from_the_apps_contract(till: Path, app: RunningApp) -> None:
    printed = run(*java("Till", app.folder / ".flowrpc", classpath=(till,))).splitlines()
    assert printed[4].startswith("left ")
    counted = printed[0].removeprefix("counted ")
    assert printed == [
        f"counted {counted}",
        "failed COMMAND_FAILED",
        "refused INVALID_ARGUMENTS [text]",
        "read "
        + "".join(f"n\u00e9e \U0001f600 {2**53 + number}, " for number in (1, 2, 3))
        + "COMMAND_FAILED",
        printed[4],
        f"watched {counted}",
    ]


def test_flowctl_generates_a_client_that_builds_and_calls(mill: RunningApp) -> None:
    for command in ("contract build app.py", "client generate app.py --lang java --out gen"):
        run(FLOWCTL, *command.split(), cwd=mill.folder)
    maven("--offline", "package", cwd=mill.folder / "gen")
    made = mill.folder / "gen" / "target" / "mill-v1-0.1.0.jar"
    source = Path(__file__).parent / "generated_java" / "Miller.java"
    token = (mill.folder / ".flowrpc" / "tokens" / "call").read_text().strip()
    printed = run(*java(source, mill.address, token, classpath=(made,), client=False))
    assert printed.splitlines() == [
        f"brought {2**53 + 1}",
        f"ground {2**53 + 1} of rye to {2**53 + 1}",
        "refused INVALID_ARGUMENTS",
        *(f"sack n\u00e9e \U0001f600 {2**53 + number}" for number in (1, 2, 3)),
        "ended COMMAND_FAILED",
    ]


def _versions(text: str) -> dict[str, str]:
    """Finds the versions that a project names, by artifact or property."""
    artifacts = re.findall(r"<artifactId>(.+?)</artifactId>\s*<version>([^$]+?)</version>", text)
    return dict(artifacts) | dict(re.findall(r"<([a-z]+\.version)>(.+?)</", text))


def test_versions_that_users_get_are_those_of_the_build() -> None:
    """One who copies them from the README, or has a client generated, gets stubs that fit the client."""
    built, readme = (_versions((MODULE / name).read_text()) for name in ("pom.xml", "README.md"))
    generated = _versions((ROOT / "server" / "flowrpc" / "clients" / "java.py").read_text())
    plugin = "protobuf-maven-plugin"
    assert {"grpc.version", "protobuf.version", "flowrpc-client", plugin} <= set(readme)
    assert {"grpc.version", "protobuf.version", plugin} <= set(generated)
    assert readme.items() <= (built | {plugin: generated[plugin]}).items()
    assert {name: generated[name] for name in set(generated) & set(built)}.items() <= built.items()
