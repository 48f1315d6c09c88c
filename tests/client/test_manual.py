"""The manual of one command: `flowctl call COMMAND --help` and `flowctl commands COMMAND`."""

from __future__ import annotations

import json

import pytest
from flowrpc.protocol.answers import CommandInfo, ParameterInfo
from flowrpc_client.flowctl import main

from tests.client.fake_service import COMMANDS, FakeService

ORDER = CommandInfo(
    name="shop.order",
    flow="root.shop",
    help="Orders things.\n\nThey come    later.",
    parameters=(
        ParameterInfo(name="item", annotation="Item", required=True),
        ParameterInfo(name="to", annotation="", required=True),
        ParameterInfo(name="size", annotation="Size", required=False, default="l"),
    ),
)

MANUAL = """\
Usage: flowctl call order [--args KEY=VALUE]...

  Orders things.

  They come    later.

Arguments:
  item: Item  required
  to          required
  size: Size  default "l"

Example:
  flowctl call order --args item=… --args to=…
"""


@pytest.fixture(autouse=True)
def commands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(COMMANDS, "shop.order", ORDER)


def flowctl(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, str, str]:
    """Runs flowctl here; gives its exit code, output and errors."""
    with pytest.raises(SystemExit) as left:
        main(args)
    return int(left.value.code or 0), *capsys.readouterr()


@pytest.mark.parametrize(
    "args",
    [
        ("call", "order", "--help"),
        ("call", "--help", "order"),
        ("call", "order", "--args", "item=x", "-h"),
        ("commands", "order"),
    ],
)
@pytest.mark.usefixtures("entry")
def test_the_manual_tells_all_of_a_command(
    capsys: pytest.CaptureFixture[str], service: FakeService, args: tuple[str, ...]
) -> None:
    assert flowctl(capsys, *args) == (0, MANUAL, "")
    assert service.executed == []


@pytest.mark.usefixtures("entry")
def test_a_command_without_help_or_arguments_has_a_short_manual(capsys: pytest.CaptureFixture[str]) -> None:
    manual = "Usage: flowctl call explode\n\nExample:\n  flowctl call explode\n"

    assert flowctl(capsys, "call", "explode", "--help") == (0, manual, "")


@pytest.mark.usefixtures("entry")
def test_programs_get_the_manual_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    code, output, _ = flowctl(capsys, "call", "shop.order", "--help", "--json")

    told = json.loads(output)
    assert (code, told["name"], told["flow"]) == (0, "shop.order", "root.shop")
    assert told["parameters"][2] == {"name": "size", "annotation": "Size", "required": False, "default": "l"}


@pytest.mark.usefixtures("entry")
def test_text_of_the_app_does_not_command_the_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    evil = CommandInfo(
        name="evil",
        flow="root",
        help="a\x1b[2Jb",
        parameters=(ParameterInfo(name="x", annotation="\x1b[31m", required=False, default="\x1b"),),
    )
    monkeypatch.setitem(COMMANDS, "evil", evil)

    _, output, _ = flowctl(capsys, "call", "evil", "--help")

    assert "\x1b" not in output
    assert "a\\x1b[2Jb" in output


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("ordr", "Error: no command 'ordr'; did you mean 'order'?"),
        ("shop.ordr", "Error: no command 'shop.ordr'; did you mean 'shop.order'?"),
        ("zzz", "Error: no command 'zzz'; `flowctl commands` lists them"),
        ("twice", "Error: command 'twice' is ambiguous: say 'left.twice' or 'right.twice'"),
    ],
)
@pytest.mark.usefixtures("entry")
def test_an_unknown_command_ends_with_2_and_a_hint(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, name: str, said: str
) -> None:
    for flow in ("left", "right"):
        info = CommandInfo(name=f"{flow}.twice", flow=f"root.{flow}", help="", parameters=())
        monkeypatch.setitem(COMMANDS, info.name, info)

    assert flowctl(capsys, "call", name, "--help") == (2, "", f"{said}\n")


def test_the_manual_needs_a_running_app(capsys: pytest.CaptureFixture[str]) -> None:
    code, output, errors = flowctl(capsys, "call", "order", "--help")

    assert (code, output) == (3, "")
    assert "no app runs" in errors


def test_help_of_call_itself_needs_no_app(capsys: pytest.CaptureFixture[str]) -> None:
    code, output, errors = flowctl(capsys, "call", "--help")

    assert (code, errors) == (0, "")
    assert output.startswith("Usage: flowctl call [OPTIONS] COMMAND\n\n  Calls a command of the app")
    assert output.endswith("  -h, --help             Show this message and exit.\n")
