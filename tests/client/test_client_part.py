"""Client parts in a program: what is trusted runs, and nothing else does, whatever the app tells."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flowrpc.errors import CallError, InvalidValueError
from flowrpc.protocol.answers import CommandSource
from flowrpc_client import ClientPartError, CommandFailed, FlowClient, NotTrustedError
from flowrpc_client.trust_file import Part, remember

from tests.client.fake_service import FakeService, RunningFake
from tests.client.offering import HONEST, Offering, malicious, source_of


@pytest.fixture
def honest(offering: Offering) -> CommandSource:
    return offering.offer(source_of(HONEST))


@pytest.fixture
def marker(tmp_path: Path) -> Path:
    return tmp_path / "executed"


@pytest.fixture
def evil(offering: Offering, marker: Path) -> CommandSource:
    return offering.offer(source_of(malicious(marker)))


def test_it_runs_here_and_calls_the_method_there(
    client: FlowClient, honest: CommandSource, fake: RunningFake
) -> None:
    submit = client.client_command("submit", trust=honest.sha256)

    found: Any = submit(text="ab", times=2)

    assert found["answer"] == {"text": "abab"}
    assert found["app"] == fake.address
    assert submit.source == honest


@pytest.mark.usefixtures("honest")
def test_it_can_be_used_twice_in_instances_of_its_own(client: FlowClient) -> None:
    submit = client.client_command("submit", trust=True)

    assert [submit(text="a")["made"], submit(text="b")["made"]] == [1, 2]
    assert client.client_command("submit", trust=True)(text="c")["made"] == 1


@pytest.mark.parametrize(
    "trust",
    [
        lambda sha256: True,
        lambda sha256: sha256,
        lambda sha256: sha256[:12],
        lambda sha256: sha256.upper(),
        lambda sha256: f"sha256:{sha256} ",
    ],
)
def test_a_digest_is_trusted_in_these_forms(
    client: FlowClient, honest: CommandSource, trust: Callable[[str], str | bool]
) -> None:
    assert client.client_command("submit", trust=trust(honest.sha256))(text="a")["answer"] == {"text": "a"}


def test_what_is_malicious_runs_when_it_is_trusted(
    client: FlowClient, evil: CommandSource, marker: Path
) -> None:
    """The checks below mean something only if the marker works."""
    client.client_command("submit", trust=evil.sha256)

    assert marker.exists()


@pytest.mark.parametrize("trust", [False, "0" * 64, "0" * 12])
@pytest.mark.usefixtures("evil")
def test_a_source_that_is_not_trusted_is_not_executed(
    client: FlowClient, marker: Path, trust: str | bool
) -> None:
    with pytest.raises(NotTrustedError) as caught:
        client.client_command("submit", trust=trust)

    assert not marker.exists()
    assert caught.value.command == "submit"
    assert "look at it with `flowctl commands source submit`" in str(caught.value)


@pytest.mark.parametrize("trust", ["", "yes", "True", "0" * 65, "sha256:", "any", "\0"])
@pytest.mark.usefixtures("evil")
def test_what_is_no_digest_is_refused(client: FlowClient, marker: Path, trust: str) -> None:
    with pytest.raises(InvalidValueError, match="is no SHA-256; give its 64 digits, or at least 12 of them"):
        client.client_command("submit", trust=trust)

    assert not marker.exists()


def test_only_the_first_digits_count(client: FlowClient, evil: CommandSource, marker: Path) -> None:
    with pytest.raises(NotTrustedError, match="is another one"):
        client.client_command("submit", trust=evil.sha256[1:40])

    assert not marker.exists()


def test_too_few_digits_are_refused_though_they_fit(
    client: FlowClient, evil: CommandSource, marker: Path
) -> None:
    with pytest.raises(InvalidValueError, match="at least 12"):
        client.client_command("submit", trust=evil.sha256[:11])

    assert not marker.exists()


@pytest.mark.usefixtures("evil")
def test_listing_fetching_and_calling_do_not_execute(client: FlowClient, marker: Path) -> None:
    client.commands()
    source = client.command_source("submit")
    client.call("submit", text="a")

    assert str(marker) in source.source.decode()
    assert not marker.exists()


@pytest.mark.parametrize("trust", ["honest", True])
def test_a_source_that_changed_since_it_was_listed_is_not_executed(
    client: FlowClient, offering: Offering, honest: CommandSource, marker: Path, trust: str | bool
) -> None:
    """The digest of a list is the app's word: what counts is the one of the bytes that would run."""
    offering.give(source_of(malicious(marker)))
    remember(("fake", "submit"), Part(class_name="Submit", sha256=honest.sha256))

    with pytest.raises(NotTrustedError, match="is not the one that is listed; try again"):
        client.client_command("submit", trust=honest.sha256 if trust == "honest" else trust)

    assert not marker.exists()


def test_a_list_that_lies_of_the_digest_does_not_help(
    client: FlowClient, offering: Offering, honest: CommandSource, marker: Path
) -> None:
    """The app lists the digest that the user trusts, and gives something else."""
    offering.offer(source_of(malicious(marker)))
    offering.list_as("submit", source_sha256=honest.sha256)

    with pytest.raises(NotTrustedError):
        client.client_command("submit", trust=honest.sha256)

    assert not marker.exists()


def test_another_class_than_the_listed_one_is_not_run(
    client: FlowClient, offering: Offering, evil: CommandSource, marker: Path
) -> None:
    offering.give(replace(evil, class_name="Other"))

    with pytest.raises(NotTrustedError, match="is not the one that is listed"):
        client.client_command("submit", trust=evil.sha256)

    assert not marker.exists()


def test_what_is_checked_is_what_runs(
    client: FlowClient, offering: Offering, honest: CommandSource, service: FakeService, marker: Path
) -> None:
    """The source is fetched once: there is no second one to be another."""
    given = service.sources_given
    submit = client.client_command("submit", trust=honest.sha256)
    offering.offer(source_of(malicious(marker)))

    submit(text="a")
    submit(text="b")

    assert given == ["submit"]
    assert not marker.exists()


def test_trust_in_another_command_does_not_count(
    client: FlowClient, offering: Offering, marker: Path, evil: CommandSource
) -> None:
    """An app must not answer with the source of a command that the user did not ask for."""
    other = offering.offer(source_of(malicious(marker), command="delete"))
    offering.give(other, asked="submit")
    remember(("fake", "delete"), Part(class_name="Submit", sha256=other.sha256))

    for trust in (False, True, evil.sha256):
        with pytest.raises(NotTrustedError):
            client.client_command("submit", trust=trust)

    assert not marker.exists()


def test_another_class_of_a_remembered_source_is_not_trusted(
    client: FlowClient, offering: Offering, evil: CommandSource, marker: Path
) -> None:
    remember(("fake", "submit"), Part(class_name="Submit", sha256=evil.sha256))
    offering.offer(source_of(malicious(marker), class_name="Other"))

    with pytest.raises(NotTrustedError, match="has changed since you trusted it on 20"):
        client.client_command("submit")

    assert not marker.exists()


def test_a_nested_flow_s_command_is_found_by_its_bare_name(client: FlowClient, offering: Offering) -> None:
    source = offering.offer(source_of(HONEST, command="child.submit"))
    offering.give(source, asked="submit")

    assert client.client_command("submit", trust=source.sha256)(text="a")["answer"] == {"text": "a"}


def test_what_was_remembered_runs_without_a_question(client: FlowClient, honest: CommandSource) -> None:
    remember(("fake", "submit"), Part(class_name="Submit", sha256=honest.sha256))

    assert client.client_command("submit")(text="a")["answer"] == {"text": "a"}


@pytest.mark.parametrize("key", [("other", "submit"), ("fake", "other")])
def test_what_was_remembered_of_others_does_not_count(
    client: FlowClient, honest: CommandSource, key: tuple[str, str]
) -> None:
    remember(key, Part(class_name="Submit", sha256=honest.sha256))

    with pytest.raises(NotTrustedError, match="code of the app 'fake' that would run here"):
        client.client_command("submit")


def test_a_command_without_a_client_part_has_none(client: FlowClient) -> None:
    with pytest.raises(CallError) as caught:
        client.client_command("echo", trust=True)

    assert caught.value.reason == "NO_CLIENT_PART"


@pytest.mark.usefixtures("honest")
def test_arguments_are_checked_here(client: FlowClient, service: FakeService) -> None:
    submit = client.client_command("submit", trust=True)

    with pytest.raises(CallError, match="submit: 'times' must be int, not 'x'"):
        submit(text="a", times="x")
    with pytest.raises(InvalidValueError, match=r"^arguments\.text: "):
        submit(text=object())  # type: ignore[arg-type]
    assert service.executed == []


RUN = "from flowrpc import ClientCommand\nclass Submit(ClientCommand):\n    def run(self): "


def test_what_the_method_raises_comes_through(client: FlowClient, offering: Offering) -> None:
    source = offering.offer(source_of(f"{RUN}return self.invoke_handler()", command="explode"))

    with pytest.raises(CommandFailed, match="ValueError: boom"):
        client.client_command("explode", trust=source.sha256)()


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (
            "import surely_not_installed",
            "the client part of 'submit' needs the module 'surely_not_installed', which is not here; install what",
        ),
        ("from surely.not_installed import x", "needs the module 'surely', which is not here"),
        ("class Submit:", "does not run here:\n"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("import sys\nsys.exit(3)", "SystemExit: 3"),
        ("from . import neighbour", "attempted relative import with no known parent package"),
        ("open(__file__)", "NameError: name '__file__' is not defined"),
        ("x = 1\x00", "null bytes"),
        ("x = '\udcff'", "UnicodeDecodeError"),
        ("", "makes no ClientCommand 'Submit' here"),
        ("Submit = 5", "makes no ClientCommand 'Submit' here"),
        ("class Submit: pass", "makes no ClientCommand 'Submit' here"),
        ("def Submit(): pass", "makes no ClientCommand 'Submit' here"),
        ("from flowrpc import ClientCommand as Submit", "makes no ClientCommand 'Submit' here"),
    ],
)
def test_a_source_that_does_not_run_here_says_why(
    client: FlowClient, offering: Offering, source: str, said: str
) -> None:
    offering.offer(source_of(source))
    before = set(sys.modules)

    with pytest.raises(ClientPartError) as caught:
        client.client_command("submit", trust=True)

    assert said in str(caught.value)
    assert not {name for name in set(sys.modules) - before if name.startswith("_flowrpc")}


def test_a_failing_source_is_shown_where_it_fails(client: FlowClient, offering: Offering) -> None:
    source = offering.offer(source_of("x = 1\ny = x / 0"))

    with pytest.raises(ClientPartError) as caught:
        client.client_command("submit", trust=True)

    lines = str(caught.value).splitlines()
    assert lines[1] == "Traceback (most recent call last):"
    assert lines[2].startswith(
        f'  File "<client part of submit: app.py, sha256 {source.sha256[:12]}>", line 2'
    )
    assert lines[3] == "    y = x / 0"


def test_what_the_app_calls_its_file_does_not_command_the_terminal(
    client: FlowClient, offering: Offering
) -> None:
    offering.offer(replace(source_of("1 / 0"), file_name="a\x1b[2J\u202e.py"))

    with pytest.raises(ClientPartError) as caught:
        client.client_command("submit", trust=True)

    assert r"'a\x1b[2J\u202e.py'" in str(caught.value)


def test_an_encoding_that_hides_code_is_not_followed(
    client: FlowClient, offering: Offering, marker: Path
) -> None:
    """What a reader sees as a comment stays one."""
    hidden = f"# coding: raw_unicode_escape\n# \\u000aopen({str(marker)!r}, 'w')\n{RUN}return 'ran'"
    offering.offer(source_of(hidden))

    assert client.client_command("submit", trust=True)() == "ran"
    assert not marker.exists()


def test_the_module_is_one_of_its_own(client: FlowClient, offering: Offering) -> None:
    """It neither replaces a module nor stays behind; our own __future__ does not reach it."""
    offering.offer(source_of(f"x: 1 = 1\n{RUN}return __name__, __annotations__"))
    first, second = (client.client_command("submit", trust=True) for _ in range(2))

    (name, annotations), (other, _) = first(), second()

    assert name != other
    assert annotations == {"x": 1}
    assert {name, other} <= set(sys.modules)
    del first, second
    gc.collect()
    assert not {name, other} & set(sys.modules)


def test_a_class_in_a_class_is_found(client: FlowClient, offering: Offering) -> None:
    text = f"{RUN}return 1\nclass Root:\n    class Inner(Submit): pass"
    offering.offer(source_of(text, class_name="Root.Inner"))

    assert client.client_command("submit", trust=True)() == 1
