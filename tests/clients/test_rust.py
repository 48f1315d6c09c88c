"""The Rust client: its own tests, and real apps that it calls and follows. `client/rust/README.md` is executed here."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.clients.building import once
from tests.clients.killing import said_through_a_kill
from tests.clients.rust_toolchain import CACHE, CRATE, ROOT, environment, has, run, why_missing
from tests.end_to_end.conftest import FLOWCTL, RunningApp, flowctl

_MISSING = why_missing()
# Compiling from nothing takes minutes on a small machine, once.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1500),
    pytest.mark.skipif(bool(_MISSING), reason=_MISSING or "unused"),
]

APPS = Path(__file__).parent / "apps"
GENERATED = CRATE / "src" / "gen"


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """The programs that cargo built, and what the compiler and the linter had to say."""

    tests: Path
    quickstart: Path
    examples_in_docs: str
    warnings: str


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Builds the client's tests and its example, with a home directory that has to stay empty."""
    home = tmp_path_factory.mktemp("home")
    made = once(CACHE, lambda: _build(home))
    assert list(home.iterdir()) == []
    return Built(
        tests=Path(made["tests"]),
        quickstart=Path(made["quickstart"]),
        examples_in_docs=made["examples_in_docs"],
        warnings=made["warnings"],
    )


def _build(home: Path) -> dict[str, str]:
    # As the compiler's wrapper the linter needs no build of its own.
    variables = {"HOME": str(home)} | (
        {"RUSTC_WORKSPACE_WRAPPER": "clippy-driver"} if has("clippy-driver") else {}
    )
    options = ("--message-format", "json-render-diagnostics")
    tests = run("cargo", "test", "--no-run", "--lib", *options, variables=variables)
    example = run("cargo", "build", "--example", "quickstart", *options, variables=variables)
    documented = run("cargo", "test", "--doc", variables=variables)
    return {
        "tests": str(_executable(tests.stdout, "flowrpc_client")),
        "quickstart": str(_executable(example.stdout, "quickstart")),
        "examples_in_docs": documented.stdout,
        "warnings": tests.stderr + example.stderr,
    }


def _executable(messages: str, target: str) -> Path:
    """Finds what was built for a target in what cargo says line by line."""
    told = [json.loads(line) for line in messages.splitlines()]
    made = [each for each in told if each.get("executable") and each["target"]["name"] == target]
    return Path(made[-1]["executable"])


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningApp]:
    running = _serve("shop", tmp_path, monkeypatch)
    yield running
    running.close()


@pytest.fixture
def mill(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningApp]:
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
    return environment() | {"FLOWRPC_TEST_DATA_DIR": str(app.folder / ".flowrpc")}


def _one(test: str) -> list[str]:
    return [f"tests::app::{test}", "--exact", "--ignored", "--nocapture"]


def test_its_own_tests_and_all_vectors_pass(
    built: Built, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("FLOWRPC_RUN_DIR", str(tmp_path))
    printed = run(built.tests, "--nocapture", "--test-threads", "1").stdout
    for file in ("values.json", "changes.json", "watches.json"):
        kept = json.loads((ROOT / "tests" / "contract" / "vectors" / file).read_text())
        assert f"{file}: {len(kept['cases'])} cases, {len(kept.get('refused', []))} refused" in printed
    assert "tests::app::app_comes_back ... ignored" in printed
    assert re.search(r"test result: ok\. \d\d passed; 0 failed; 9 ignored", printed)


def test_examples_of_the_documentation_compile(built: Built) -> None:
    assert re.search(r"README\.md .*compile \.\.\. ok", built.examples_in_docs)
    assert "0 failed" in built.examples_in_docs


def test_compiler_and_linter_have_nothing_to_say(built: Built) -> None:
    if not has("clippy-driver"):
        pytest.skip("no clippy: `rustup component add clippy` installs it")
    assert "warning" not in built.warnings


def test_sources_are_formatted() -> None:
    if not has("rustfmt"):
        pytest.skip("no rustfmt: `rustup component add rustfmt` installs it")
    written = [path for path in CRATE.glob("src/**/*.rs") if path.parent != GENERATED]
    run("rustfmt", "--check", "--edition", "2024", *written, *CRATE.glob("examples/*.rs"))


@pytest.mark.usefixtures("built")  # which has downloaded what cargo asks for here
def test_a_package_is_whole() -> None:
    packed = run("cargo", "package", "--list", "--allow-dirty", "--offline").stdout.split()
    kept = {str(path.relative_to(CRATE)) for path in CRATE.glob("src/**/*.rs")}
    assert kept | {"README.md"} <= set(packed)


def test_generated_code_is_fresh(tmp_path: Path) -> None:
    run("make", "rust-setup", cwd=ROOT)
    run("buf", "generate", "--template", "buf.gen.rust.yaml", "--output", tmp_path, cwd=ROOT)
    made = _texts(tmp_path / GENERATED.relative_to(ROOT))
    assert made == _texts(GENERATED), "client/rust/src/gen is stale: run make generate-rust"
    assert "Stops the app in order" in made["flowrpc.v1.tonic.rs"]  # methods have their comments


def _texts(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()}


@pytest.mark.parametrize(
    "name",
    [
        "app_every_value_comes_back",
        "app_errors_have_reasons",
        "app_refuses_a_wrong_token",
        "app_answers_a_repeat_once",
        "app_is_updated_and_followed",
        "app_streams_items",
        "app_stream_ends_with_what_it_raised",
        "app_stream_is_left",
    ],
)
def test_client_and_a_real_app(built: Built, app: RunningApp, name: str) -> None:
    done = subprocess.run(
        [built.tests, *_one(name)],
        cwd=CRATE,
        env=_environment(app),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "1 passed" in done.stdout, done.stdout + done.stderr


def test_client_goes_on_after_the_app_was_killed(built: Built, app: RunningApp) -> None:
    said = said_through_a_kill([built.tests, *_one("app_comes_back")], app, cwd=CRATE, env=_environment(app))
    assert "1 passed" in said, said


def test_quickstart_calls_and_follows(built: Built, app: RunningApp) -> None:
    printed = run(built.quickstart, "keep", '{"value": ["\U0001f600"]}').stdout
    assert 'kept = ["\U0001f600"]\n' in printed


def _program(source: Path, folder: Path) -> Path:
    """Copies a program that is to be built with the client, in the versions that are built already."""
    shutil.copytree(source, folder)
    pins = dict(re.findall(r"^([a-z-]+) = (.*)$", (CRATE / "Cargo.toml").read_text(), re.M))
    manifest = (folder / "Cargo.toml").read_text().replace("PATH/TO/CHECKOUT/client/rust", str(CRATE))
    manifest = re.sub(
        r"^([a-z-]+) = \{\}$", lambda name: f"{name[1]} = {pins[name[1]]}", manifest, flags=re.M
    )
    (folder / "Cargo.toml").write_text(manifest)
    shutil.copy(CRATE / "Cargo.lock", folder)
    return folder


@pytest.fixture
def till(built: Built, app: RunningApp, tmp_path: Path) -> Path:
    """Makes the package of a program as the README tells, with stubs of the app's own contract."""
    contract = flowctl("contract", "build", "app.py", cwd=app.folder)
    assert contract.returncode == 0, contract.stderr
    folder = _program(Path(__file__).parent / "typed_rust", tmp_path / "till")
    shutil.copytree(app.folder / "contract", folder / "contract")
    script = re.search(r"```rust,ignore\n(fn main.*?)```", (CRATE / "README.md").read_text(), re.S)
    assert script is not None
    (folder / "build.rs").write_text(script[1])
    return folder


def test_typed_client_is_generated_from_the_apps_contract(till: Path, app: RunningApp) -> None:
    printed = run("cargo", "run", "--offline", "--", app.folder / ".flowrpc", cwd=till).stdout
    assert printed.splitlines() == [
        "counted 1",
        "failed COMMAND_FAILED",
        "refused INVALID_ARGUMENTS text",
        *(f"read n\u00e9e \U0001f600 {2**53 + number}" for number in (1, 2, 3)),
        "ended COMMAND_FAILED",
        "left 1",
        "watched 1",
    ]


@pytest.mark.usefixtures("built")
def test_flowctl_generates_a_client_that_builds_and_calls(mill: RunningApp, tmp_path: Path) -> None:
    program = _program(Path(__file__).parent / "generated_rust", tmp_path / "miller")
    run(FLOWCTL, "contract", "build", "app.py", cwd=mill.folder)
    run(FLOWCTL, "client", "generate", "app.py", "--lang", "rust", "--out", program / "gen", cwd=mill.folder)
    token = (mill.folder / ".flowrpc" / "tokens" / "call").read_text().strip()
    printed = run("cargo", "run", "--offline", "--", mill.address, token, cwd=program).stdout
    assert printed.splitlines() == [
        f"brought {2**53 + 1}",
        f'ground {2**53 + 1} of StringValue("rye") to {2**53 + 1}',
        "refused INVALID_ARGUMENTS",
        *(f"sack n\u00e9e \U0001f600 {2**53 + number}" for number in (1, 2, 3)),
        "ended COMMAND_FAILED",
    ]
