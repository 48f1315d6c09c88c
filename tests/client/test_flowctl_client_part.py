"""`flowctl` and client parts: it shows, asks and remembers, and runs nothing that was not allowed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from flowrpc.protocol.answers import CommandSource
from flowrpc_client.flowctl import main
from flowrpc_client.trust_file import trust_file, trusted

from tests.client.fake_service import FakeService
from tests.client.offering import HONEST, Offering, malicious, source_of

Flowctl = Callable[..., tuple[int, str, str]]

pytestmark = pytest.mark.usefixtures("entry")


@pytest.fixture
def flowctl(capsysbinary: pytest.CaptureFixture[bytes]) -> Flowctl:
    """Runs flowctl here; gives its exit code, output and errors."""

    def run(*args: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as left:
            main(args)
        output, errors = capsysbinary.readouterr()
        return int(left.value.code or 0), output.decode(), errors.decode()

    return run


@pytest.fixture
def honest(offering: Offering) -> CommandSource:
    return offering.offer(source_of(HONEST))


@pytest.fixture
def marker(tmp_path: Path) -> Path:
    return tmp_path / "executed"


@pytest.fixture
def evil(offering: Offering, marker: Path) -> CommandSource:
    return offering.offer(source_of(malicious(marker)))


REFUSAL = """\
Error: 'submit' has a client part, code of the app 'fake' that would run here: class Submit of app.py, sha256 SHA
Nothing of it was run.
  flowctl commands source submit      shows the source
  flowctl call submit --trust         runs it this once
  flowctl call submit --trust SHA256  runs it if its source is exactly that
  flowctl commands trust submit       lets it run from now on, until its source changes
  flowctl call submit --handler       calls the method at the service, without it
"""


def test_a_client_part_is_refused_with_what_can_be_done(
    flowctl: Flowctl, evil: CommandSource, marker: Path, service: FakeService
) -> None:
    code, output, errors = flowctl("call", "submit", "--args", "text=x")

    assert (code, output, errors) == (2, "", REFUSAL.replace("SHA\n", f"{evil.sha256}\n"))
    assert not marker.exists()
    assert service.executed == []


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (("commands",), 0),
        (("commands", "--json"), 0),
        (("commands", "submit"), 0),
        (("commands", "submit", "--json"), 0),
        (("call", "submit", "--help"), 0),
        (("call", "submit", "--trust", "--help"), 0),
        (("commands", "source", "submit"), 0),
        (("commands", "source", "submit", "--raw"), 0),
        (("commands", "source", "submit", "--json"), 0),
        (("commands", "trust", "submit"), 0),
        (("commands", "trust", "submit", "--forget"), 0),
        (("commands", "trust", "submit", "--sha256", "0" * 64), 2),
        (("call", "submit", "--handler", "--args", "text=x"), 0),
        (("call", "submit", "--args", "text=x"), 2),
        (("call", "submit", "--json"), 2),
        (("call", "submit", "--trust", "0" * 64), 2),
        (("call", "submit", "--trust", "0" * 12, "--args", "text=x"), 2),
        (("call", "submit", "--trust", ""), 2),
        (("call", "submit", "--trust="), 2),
        (("call", "submit", "--trust", "any"), 2),
        (("call", "submit", "--trust", "yes"), 2),
        (("call", "submit", "--trust", "--handler"), 2),
        (("call", "--trust", "submit"), 2),
    ],
)
@pytest.mark.usefixtures("evil")
def test_nothing_but_trust_executes_a_source(
    flowctl: Flowctl, marker: Path, args: tuple[str, ...], code: int
) -> None:
    found, _, errors = flowctl(*args)

    assert (found, "Traceback" in errors) == (code, False), errors
    assert not marker.exists()


def test_trust_this_once_shows_the_digest_first(flowctl: Flowctl, evil: CommandSource, marker: Path) -> None:
    code, output, errors = flowctl("call", "submit", "--trust")

    assert (code, output) == (0, "ran\n")
    assert errors == f"running the client part of 'submit': class Submit, sha256 {evil.sha256}\n"
    assert marker.exists()
    assert not trust_file().exists()
    assert flowctl("call", "submit")[0] == 2


@pytest.mark.parametrize("length", [12, 40, 64])
def test_trust_in_a_digest_runs_that_source_only(
    flowctl: Flowctl, offering: Offering, honest: CommandSource, marker: Path, length: int
) -> None:
    digest = honest.sha256[:length]
    code, output, errors = flowctl("call", "submit", "--args", "text=x", "--trust", digest, "--json")
    assert (code, json.loads(output)["answer"], errors) == (0, {"text": "x"}, "")

    evil = offering.offer(source_of(malicious(marker)))
    code, output, errors = flowctl("call", "submit", "--args", "text=x", "--trust", digest)

    assert (code, output) == (2, "")
    assert errors.startswith(
        "Error: the source of the client part of 'submit' is another one: "
        f"its sha256 is {evil.sha256}, not {digest}\nNothing of it was run.\n"
    )
    assert not marker.exists()


@pytest.mark.parametrize("trust", [(), ("--trust",), ("--trust", "HONEST")])
def test_a_source_that_changes_between_list_and_call_is_refused(
    flowctl: Flowctl, offering: Offering, honest: CommandSource, marker: Path, trust: tuple[str, ...]
) -> None:
    """The list tells the digest of the honest source, also to `flowctl call`, which then gets another one."""
    assert flowctl("commands", "trust", "submit")[0] == 0
    offering.give(source_of(malicious(marker)))

    args = [honest.sha256 if arg == "HONEST" else arg for arg in trust]
    code, output, errors = flowctl("call", "submit", "--args", "text=x", *args)

    assert (code, output) == (2, "")
    assert "is not the one that is listed; try again" in errors
    assert not marker.exists()


def test_what_is_trusted_runs_until_it_changes(
    flowctl: Flowctl, offering: Offering, honest: CommandSource, marker: Path
) -> None:
    said = f"the client part of 'submit' of the app 'fake' is trusted: class Submit, sha256 {honest.sha256}\n"
    assert flowctl("commands", "trust", "submit") == (0, said, "")
    code, output, errors = flowctl("call", "submit", "--args", "text=x", "--args", "times=2")
    assert (code, json.loads(output)["answer"], errors) == (0, {"text": "xx"}, "")

    evil = offering.offer(source_of(malicious(marker)))
    code, output, errors = flowctl("call", "submit", "--args", "text=x")

    assert (code, output) == (2, "")
    assert "the client part of 'submit' has changed since you trusted it on 20" in errors
    assert (
        f"it is class Submit of app.py, sha256 {evil.sha256}; it was class Submit, sha256 {honest.sha256}"
        in errors
    )
    assert not marker.exists()

    offering.offer(honest)
    assert flowctl("call", "submit", "--args", "text=x")[0] == 0


@pytest.mark.usefixtures("honest")
def test_an_empty_digest_is_no_way_to_what_is_trusted(flowctl: Flowctl) -> None:
    """A variable of a script that is not set must not pass for a digest."""
    assert flowctl("commands", "trust", "submit")[0] == 0

    code, output, errors = flowctl("call", "submit", "--args", "text=x", "--trust=")

    assert (code, output) == (2, "")
    assert "'' is no SHA-256" in errors


@pytest.mark.usefixtures("honest")
def test_trust_is_taken_back(flowctl: Flowctl) -> None:
    assert flowctl("commands", "trust", "submit")[0] == 0

    said = "no client part of 'submit' of the app 'fake' is trusted any more\n"
    assert flowctl("commands", "trust", "submit", "--forget") == (0, said, "")
    assert flowctl("call", "submit", "--args", "text=x")[0] == 2


def test_trust_in_a_digest_that_was_looked_at(flowctl: Flowctl, honest: CommandSource) -> None:
    code, output, _ = flowctl("commands", "trust", "submit", "--sha256", honest.sha256, "--json")

    told = {"app": "fake", "command": "submit", "class_name": "Submit", "sha256": honest.sha256}
    assert (code, json.loads(output)) == (0, told)
    assert list(trusted()) == [("fake", "submit")]


@pytest.mark.usefixtures("honest")
def test_a_file_of_trust_that_others_can_write_is_not_believed(flowctl: Flowctl) -> None:
    assert flowctl("commands", "trust", "submit")[0] == 0
    trust_file().chmod(0o666)

    code, output, errors = flowctl("call", "submit", "--args", "text=x")

    assert (code, output) == (2, "")
    assert "others can write it; run `chmod 600" in errors


def test_the_source_is_shown_and_its_bytes_are_written(flowctl: Flowctl, honest: CommandSource) -> None:
    text = honest.source.decode()
    about = f"# app.py: class Submit, sha256 {honest.sha256}\n"

    assert flowctl("commands", "source", "submit") == (0, text, about)
    assert flowctl("commands", "source", "submit", "--raw") == (0, text, "")
    told = json.loads(flowctl("commands", "source", "submit", "--json")[1])
    assert told == {
        "command": "submit",
        "class_name": "Submit",
        "file_name": "app.py",
        "sha256": honest.sha256,
        "source": text,
    }


def test_a_source_cannot_hide_what_it_is(flowctl: Flowctl, offering: Offering) -> None:
    """Neither from readers by letters that reorder lines, nor by commands to the terminal."""
    offering.offer(source_of("a = 1 # \u202e\u2066 x\rimport os\x1b[2K\u200b\n"))

    assert (
        flowctl("commands", "source", "submit")[1]
        == "a = 1 # \\u202e\\u2066 x\\x0dimport os\\x1b[2K\\u200b\n"
    )


@pytest.mark.usefixtures("honest")
def test_help_is_that_of_the_client_part(flowctl: Flowctl, honest: CommandSource) -> None:
    code, output, _ = flowctl("call", "submit", "--help")

    assert code == 0
    assert output.startswith(
        "Usage: flowctl call submit [--args KEY=VALUE]...\n\n  Submits a text.\n\n"
        "Arguments:\n  text: str   required\n  times: int  default 1\n\n"
        "Example:\n  flowctl call submit --args text=…\n\n"
        "Client part:\n  Code of the app that runs here, and calls the method at the service."
    )
    assert f"class Submit, sha256 {honest.sha256}\n" in output
    assert "flowctl commands source submit" in output


@pytest.mark.usefixtures("honest")
def test_help_of_the_method_is_that_of_any_command(flowctl: Flowctl) -> None:
    assert flowctl("call", "submit", "--handler", "--help") == (
        0,
        "Usage: flowctl call submit [--args KEY=VALUE]...\n\n  Takes a text.\n\nArguments:\n  text: str  required\n\n"
        "Example:\n  flowctl call submit --args text=…\n",
        "",
    )


@pytest.mark.usefixtures("honest")
def test_a_client_part_is_marked_in_the_list(flowctl: Flowctl) -> None:
    lines = flowctl("commands")[1].splitlines()

    assert lines[-1] == "submit   text: str, times: int = 1  Submits a text. [client part]"
    assert json.loads(flowctl("commands", "--json")[1])[0]["client_part"] is None


RUN = "from flowrpc import ClientCommand\nclass Submit(ClientCommand):\n    def run(self): "


def test_what_a_client_part_raises_ends_with_1_and_its_traceback(
    flowctl: Flowctl, offering: Offering
) -> None:
    source = offering.offer(source_of(f"{RUN}\n        return 1 / 0"))

    code, output, errors = flowctl("call", "submit", "--trust", source.sha256)

    lines = errors.splitlines()
    assert (code, output) == (1, "")
    assert lines[0] == "Traceback (most recent call last):"
    assert lines[1].startswith('  File "<client part of submit: app.py')
    assert lines[2] == "    return 1 / 0"
    assert lines[-1] == "Error: the client part of 'submit' raised ZeroDivisionError: division by zero"


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        ("return object()", 1, "Error: the result of the client part of 'submit': object is not a type"),
        ("return self.invoke_handler(bad=5, x={1: 2})", 2, "arguments.x[1]: "),
        ("import surely_not_installed", 1, "No module named 'surely_not_installed'"),
        ("raise SystemExit(7)", 7, ""),
        ("raise KeyboardInterrupt", 130, ""),
        ("return self.invoke_handler(5, 6)", 1, "takes from 1 to 2 positional arguments"),
    ],
)
def test_a_client_part_that_fails_tells_why(
    flowctl: Flowctl, offering: Offering, body: str, code: int, said: str
) -> None:
    offering.offer(source_of(f"{RUN}{body}"))

    found, output, errors = flowctl("call", "submit", "--trust")

    assert (found, output) == (code, "")
    assert said in errors


def test_a_method_that_raises_is_told_as_always(flowctl: Flowctl, offering: Offering) -> None:
    offering.offer(source_of(f"{RUN}self.invoke_handler()", command="explode"))

    code, _, errors = flowctl("call", "explode", "--trust")

    assert code == 1
    assert errors.endswith("Error: command 'explode' raised builtins.ValueError: boom\n")


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("call", "echo", "--trust", "--args", "value=1"), "'echo' has no client part; leave out --trust"),
        (("call", "submit", "--trust", "--handler"), "--handler leaves out the client part"),
        (
            ("call", "--trust", "submit"),
            "--trust took 'submit' for a SHA256; put it behind the name of the command",
        ),
        (("call", "submit", "--trust", "x"), "'x' is no SHA-256; give its 64 digits, or at least 12 of them"),
        (
            ("call", "submit", "--trust", "--args", "txt=1"),
            "there is no argument 'txt'; did you mean 'text'?",
        ),
        (("commands", "source", "echo"), "'echo' has no client part"),
        (("commands", "source"), "Missing argument 'COMMAND'"),
        (("commands", "trust", "echo"), "'echo' has no client part"),
        (("commands", "trust", "ecko", "--forget"), "no command 'ecko'; did you mean 'echo'?"),
        (("commands", "ecko"), "no command 'ecko'; did you mean 'echo'?"),
        (("commands", "echo", "rename"), "Got unexpected extra argument (rename)"),
    ],
)
@pytest.mark.usefixtures("honest")
def test_mistakes_end_with_2_and_a_hint(flowctl: Flowctl, args: tuple[str, ...], said: str) -> None:
    code, output, errors = flowctl(*args)

    assert (code, output) == (2, "")
    assert said in errors


def test_what_an_app_tells_does_not_command_the_terminal(flowctl: Flowctl, offering: Offering) -> None:
    offering.offer(source_of("", class_name="A\x1b[2J"))

    for args in (
        ("call", "submit"),
        ("call", "submit", "--help"),
        ("commands",),
        ("commands", "source", "submit"),
    ):
        _, output, errors = flowctl(*args)
        assert "\x1b" not in output + errors
        assert "\\x1b[2J" in output + errors or args == ("commands",)
    assert "\x1b" not in "".join(flowctl("commands", "trust", "submit")[1:])
    assert "\x1b" not in "".join(flowctl("call", "submit", "--trust")[1:])
