"""Commands with a part at the client, through a real flowctl and a real app: what is not trusted never runs."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from flowrpc.errors import CallError
from flowrpc_client import ClientPartError, CommandFailed, FlowClient, NotTrustedError

from tests.end_to_end.conftest import MakeApp, RunningApp, flowctl

SHOP = """\
    from dataclasses import dataclass

    from flowrpc import ClientCommand


    @dataclass
    class Order:
        text: str
        copies: int = 1


    class Submit(ClientCommand):
        '''Submits a file.'''

        def run(self, path: str, copies: int = 1, dry_run: bool = False) -> None:
            with open(path) as file:
                order = Order(file.read(), copies)
            if dry_run:
                print("would submit", order)
            else:
                print(self.invoke_handler(config=order), "in", self.command_name)


    class Counter(LightningFlow):
        def __init__(self):
            self.texts = []

        def submit(self, order: Order) -> int:
            '''Takes an order.'''
            if not order.text:
                raise ValueError("nothing to submit")
            self.texts.extend([order.text] * order.copies)
            return len(self.texts)

        def configure_commands(self):
            return {"submit": Submit(self.submit)}


    class Root(LightningFlow):
        def __init__(self):
            self.counter = Counter()

        def run(self):
            pass


    app = LightningApp(Root())
"""

EVIL = """\
    from flowrpc import ClientCommand

    if __name__ != "app":  # everywhere but in the app
        with open({marker!r}, "w"):
            pass


    class Submit(ClientCommand):
        def run(self, path: str = "") -> None:
            print("ran")


    class Root(LightningFlow):
        def run(self):
            pass

        def submit(self, text: str = "") -> str:
            return "called"

        def configure_commands(self):
            return {{"submit": Submit(self.submit)}}


    app = LightningApp(Root())
"""


@pytest.fixture(autouse=True)
def own_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


@pytest.fixture
def shop(make_app: MakeApp) -> RunningApp:
    app = make_app(SHOP).start()
    (app.folder / "order.txt").write_text("tea\n")
    return app


def call(app: RunningApp, *args: str) -> tuple[int, str, str]:
    """Calls the command from the folder of the app, where its files are."""
    done = flowctl("call", "submit", *args, cwd=app.folder)
    return done.returncode, done.stdout, done.stderr


def texts(app: RunningApp) -> Any:
    with app.client() as client:
        return client.state("root.counter")["vars"]["texts"]


def digest(app: RunningApp) -> str:
    return hashlib.sha256((app.folder / "app.py").read_bytes()).hexdigest()


def test_a_command_of_a_nested_flow_is_refused_until_it_was_looked_at(shop: RunningApp) -> None:
    code, output, errors = call(shop, "--args", "path=order.txt")
    assert (code, output) == (2, "")
    assert f"class Submit of app.py, sha256 {digest(shop)}" in errors

    source = flowctl("commands", "source", "submit", "--raw").stdout
    assert hashlib.sha256(source.encode()).hexdigest() == digest(shop)


def test_what_is_trusted_runs_with_typed_arguments(shop: RunningApp) -> None:
    assert flowctl("commands", "trust", "submit", "--sha256", digest(shop)).returncode == 0

    assert call(shop, "--args", "path=order.txt") == (0, "1 in counter.submit\n", "")
    assert call(shop, "--args", "path=order.txt", "--args", "copies=2") == (0, "3 in counter.submit\n", "")
    assert call(shop, "--args", "path=order.txt", "--args", "dry_run=true")[1].startswith(
        "would submit Order("
    )
    assert texts(shop) == ["tea\n"] * 3


def test_what_goes_wrong_at_either_side_is_told(shop: RunningApp) -> None:
    (shop.folder / "empty.txt").touch()

    code, _, errors = call(shop, "--trust", "--args", "path=empty.txt")
    assert code == 1
    assert errors.endswith("Error: command 'counter.submit' raised ValueError: nothing to submit\n")

    code, _, errors = call(shop, "--trust", "--args", "path=nowhere.txt")
    assert code == 1
    assert errors.endswith("raised FileNotFoundError: [Errno 2] No such file or directory: 'nowhere.txt'\n")

    code, _, errors = call(shop, "--trust", "--args", "path=order.txt", "--args", "copies=many")
    assert code == 2
    assert errors.endswith("Error: counter.submit: 'copies' must be int, not 'many'\n")
    assert texts(shop) == []


def test_the_method_is_called_directly_by_those_who_want(shop: RunningApp) -> None:
    assert call(shop, "--handler", "--args", 'order={"text": "x"}') == (0, "1\n", "")
    with shop.client() as client:
        assert client.call("submit", order={"text": "y"}) == 2
        assert client.call("counter.submit", order={"text": "z"}) == 3


def test_a_program_runs_it_with_a_digest(shop: RunningApp) -> None:
    with shop.client() as client:
        submit = client.client_command("submit", trust=digest(shop))
        submit(path=str(shop.folder / "order.txt"))
        submit(path=str(shop.folder / "order.txt"), copies=2)
        with pytest.raises(CommandFailed, match="nothing to submit"):
            submit(path="/dev/null")
        with pytest.raises(NotTrustedError, match="is another one"):
            client.client_command("submit", trust="0" * 64)
    assert texts(shop) == ["tea\n"] * 3


def test_a_file_that_is_edited_while_the_app_runs_changes_nothing(shop: RunningApp) -> None:
    """What clients get is the source that runs."""
    before = digest(shop)
    with (shop.folder / "app.py").open("a") as file:
        file.write("\n# edited\n")

    assert digest(shop) != before
    assert call(shop, "--trust", before, "--args", "path=order.txt")[0] == 0


def test_an_app_that_comes_back_with_another_source_is_not_trusted(
    make_app: MakeApp, shop: RunningApp, marker: Path
) -> None:
    assert flowctl("commands", "trust", "submit").returncode == 0
    old = digest(shop)
    shop.end()
    evil = SHOP.replace(
        "    @dataclass", f"    if __name__ != 'app': open({str(marker)!r}, 'w')\n    @dataclass"
    )
    app = make_app(evil).start()

    for args, said in (
        ([], "has changed since you trusted it on"),
        (["--trust", old[:12]], "is another one"),
    ):
        code, output, errors = call(app, "--args", "path=order.txt", *args)
        assert (code, output) == (2, "")
        assert f"the client part of 'counter.submit' {said}" in errors
        assert digest(app) in errors
    assert not marker.exists()

    assert call(app, "--args", "path=order.txt", "--trust", digest(app))[0] == 0
    assert marker.exists()


@pytest.fixture
def marker(tmp_path: Path) -> Path:
    """A file that a malicious source makes."""
    return tmp_path / "executed"


@pytest.fixture
def malicious(make_app: MakeApp, marker: Path) -> RunningApp:
    return make_app(EVIL.format(marker=str(marker))).start()


# A few processes for each test: one must not take long where the machine is busy.
@pytest.mark.parametrize(
    "calls",
    [
        {"commands": 0, "commands submit --json": 0, "call submit --help": 0},
        {"commands source submit": 0, "commands trust submit": 0, "commands trust submit --forget": 0},
        {"call submit": 2, f"call submit --trust {'0' * 64}": 2, "call submit --handler": 0},
    ],
    ids=["told", "looked at", "called"],
)
def test_a_malicious_app_runs_nothing_here(
    malicious: RunningApp, marker: Path, calls: dict[str, int]
) -> None:
    codes = {call: flowctl(*call.split(), cwd=malicious.folder).returncode for call in calls}

    assert codes == calls
    assert not marker.exists()


def test_a_malicious_app_runs_nothing_in_a_program(malicious: RunningApp, marker: Path) -> None:
    with malicious.client() as client, pytest.raises(NotTrustedError):
        client.client_command("submit")

    assert not marker.exists()


def test_what_is_trusted_is_run_whatever_it_is(malicious: RunningApp, marker: Path) -> None:
    """The tests above mean something only if the marker works."""
    assert flowctl("call", "submit", "--trust", cwd=malicious.folder).stdout == "ran\n"
    assert marker.exists()


@pytest.mark.parametrize(
    ("role", "allowed"), [("read", False), ("call", True), ("work", False), ("admin", True)]
)
def test_a_source_is_given_to_those_who_may_call(shop: RunningApp, role: str, allowed: bool) -> None:
    token_file = shop.folder / ".flowrpc" / "tokens" / role
    with FlowClient(shop.address, token_file) as client:
        if allowed:
            assert client.command_source("submit").sha256 == digest(shop)
        else:
            with pytest.raises(CallError) as caught:
                client.command_source("submit")
            assert caught.value.reason == "PERMISSION_DENIED"


def test_a_client_that_lacks_a_module_is_told_which(make_app: MakeApp) -> None:
    app = make_app("    import neighbour\n" + SHOP)
    (app.folder / "neighbour.py").touch()
    app.start()

    with (
        app.client() as client,
        pytest.raises(ClientPartError, match="needs the module 'neighbour', which is not"),
    ):
        client.client_command("submit", trust=True)


def test_several_apps_have_trust_of_their_own(make_app: MakeApp) -> None:
    first, second = (make_app(SHOP, name=name).start() for name in ("one", "two"))

    assert flowctl("--app", "one", "commands", "trust", "submit").returncode == 0
    path = str(first.folder / "app.py")
    for name, code in (("one", 0), ("two", 2)):
        assert flowctl("--app", name, "call", "submit", "--args", f"path={path}").returncode == code
    assert digest(first) == digest(second)
    assert [len(texts(app)) for app in (first, second)] == [1, 0]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            ("def run(self, path: str,", "def run(self, path: str, then: type,"),
            "Submit has a `run` that annotates 'then'",
        ),
        (
            ("Submit(self.submit)", "Submit(print)"),
            "Submit got print, which is no method of a flow; give it one",
        ),
        (("Submit(self.submit)", "Submit"), "is a class; give it the method: Submit(self.my_method)"),
        (("def run(self, path", "def go(self, path"), "Submit has no `run`; write one"),
    ],
)
def test_a_client_command_that_cannot_be_is_refused_at_start(
    make_app: MakeApp, change: tuple[str, str], said: str
) -> None:
    app = make_app(SHOP.replace(*change))

    done = flowctl("run", "app.py", cwd=app.folder)

    assert (done.returncode != 0, done.stdout) == (True, "")
    assert "the command 'counter.submit' of root.counter " in done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_listing_tells_all_of_a_client_part(shop: RunningApp) -> None:
    told = json.loads(flowctl("commands", "--json").stdout)

    part = told[0]["client_part"]
    assert (told[0]["name"], part["class_name"], part["help"]) == (
        "counter.submit",
        "Submit",
        "Submits a file.",
    )
    assert [parameter["name"] for parameter in part["parameters"]] == ["path", "copies", "dry_run"]
    assert part["source_sha256"] == digest(shop)
