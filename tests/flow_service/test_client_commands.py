"""Commands with a client part over a core: told and given to clients, called like any other, refused at start."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flowrpc import ClientCommand, LightningFlow, LightningWork
from flowrpc.errors import CallError, ComponentError
from flowrpc.flow_service.events import CommandsListed, SourceRequested

from tests.flow_service.driver import Driver

HERE = Path(__file__).read_bytes()


class Submit(ClientCommand):
    """Submits.

    At once.
    """

    def run(self, path: Path, dry_run: bool = False) -> None:
        raise AssertionError("runs at the client only")


class Undocumented(ClientCommand):
    def run(self) -> None:
        """Runs."""


class Shop(LightningFlow):
    class Inner(ClientCommand):
        def run(self) -> None:
            pass

    def __init__(self) -> None:
        self.texts: list[str] = []

    def run(self) -> None:
        """Waits."""

    def submit(self, text: str, fail: bool = False) -> int:
        """Takes a text."""
        self.texts.append(text)
        if fail:
            raise ValueError("no")
        return len(self.texts)

    def configure_commands(self) -> Any:
        return {
            "submit": Submit(self.submit),
            "plain": self.submit,
            "inner": self.Inner(self.submit),
            "undocumented": Undocumented(self.submit),
        }


class Mall(LightningFlow):
    def __init__(self) -> None:
        self.left = Shop()
        self.right = Shop()

    def run(self) -> None:
        """Waits."""


@pytest.fixture
def driver() -> Driver:
    driver = Driver(Shop)
    driver.settle()
    return driver


def infos(driver: Driver) -> dict[str, Any]:
    return {info.name: info for info in driver.ask(CommandsListed)}


def test_a_client_part_is_listed_with_its_parameters_and_digest(driver: Driver) -> None:
    info = infos(driver)["submit"]

    part = info.client_part
    assert (info.help, [parameter.name for parameter in info.parameters]) == (
        "Takes a text.",
        ["text", "fail"],
    )
    assert (part.class_name, part.help) == ("Submit", "Submits.\n\nAt once.")
    assert [(p.name, p.annotation, p.required, p.default) for p in part.parameters] == [
        ("path", "Path", True, None),
        ("dry_run", "bool", False, False),
    ]
    assert part.source_sha256 == hashlib.sha256(HERE).hexdigest()
    assert infos(driver)["plain"].client_part is None
    assert infos(driver)["undocumented"].client_part.help == "Runs."


def test_its_source_is_that_of_the_module(driver: Driver) -> None:
    source = driver.ask(SourceRequested, command="submit")

    assert (source.command, source.class_name, source.file_name) == ("submit", "Submit", Path(__file__).name)
    assert source.source == HERE
    assert source.sha256 == infos(driver)["submit"].client_part.source_sha256
    assert driver.ask(SourceRequested, command="inner").class_name == "Shop.Inner"


def test_asking_for_a_source_changes_nothing(driver: Driver) -> None:
    revision = driver.replica.revision

    driver.ask(SourceRequested, command="submit")

    assert not driver.core.wants_pass
    assert driver.replica.revision == revision


@pytest.mark.parametrize(
    ("command", "reason", "said"),
    [
        ("plain", "NO_CLIENT_PART", "the command 'plain' has no client part; call it directly"),
        ("submi", "UNKNOWN_COMMAND", "no command 'submi'; did you mean 'submit'?"),
    ],
)
def test_what_has_no_source_is_refused(driver: Driver, command: str, reason: str, said: str) -> None:
    with pytest.raises(CallError) as caught:
        driver.ask(SourceRequested, command=command)

    assert (caught.value.reason, str(caught.value)) == (reason, said)


def test_a_call_calls_the_method_and_never_the_client_part(driver: Driver) -> None:
    assert driver.call("submit", text="a").result == 1
    assert driver.call("submit", text="b", fail=True).failure.message == "no"
    assert driver.vars()["texts"] == ["a"]
    with pytest.raises(CallError, match="there is no argument 'path'; it takes text, fail"):
        driver.call("submit", path="a")


def test_client_parts_of_nested_flows_have_qualified_names() -> None:
    driver = Driver(Mall)
    driver.settle()

    assert driver.ask(SourceRequested, command="left.submit").command == "left.submit"
    assert driver.call("right.submit", text="a").result == 1
    assert driver.vars("root.left")["texts"] == []
    with pytest.raises(CallError, match=r"ambiguous: say 'left\.submit' or 'right\.submit'"):
        driver.ask(SourceRequested, command="submit")


class NoRun(ClientCommand):
    pass


class Untypeable(ClientCommand):
    def run(self, notify: Callable[[], None]) -> None:
        pass


class ByPosition(ClientCommand):
    def run(self, *paths: str) -> None:
        pass


class Async(ClientCommand):
    async def run(self) -> None:
        pass


class Yielding(ClientCommand):
    def run(self) -> Iterator[int]:
        yield 1


class Static(ClientCommand):
    @staticmethod
    def run() -> None:
        pass


class Forgetful(ClientCommand):
    def __init__(self, method: Any) -> None:
        pass

    def run(self) -> None:
        pass


class Demanding(ClientCommand):
    def __init__(self, method: Any, limit: int) -> None:
        super().__init__(method)

    def run(self) -> None:
        pass


class Trainer(LightningWork):
    def run(self) -> None:
        pass

    def train(self) -> None:
        pass


def nested() -> type[ClientCommand]:
    class Local(ClientCommand):
        def run(self) -> None:
            pass

    return Local


def executed() -> Any:
    names: dict[str, Any] = {"ClientCommand": ClientCommand, "__name__": "__repl__"}
    exec("class Executed(ClientCommand):\n    def run(self): pass", names)
    return names["Executed"]


def free() -> None:
    """Is no method."""


REFUSED: dict[str, tuple[Callable[[Any], Any], str]] = {
    "no run": (
        lambda flow: NoRun(flow.submit),
        "NoRun has no `run`; write one: it is what happens at the client",
    ),
    "untypeable": (
        lambda flow: Untypeable(flow.submit),
        "Untypeable has a `run` that annotates 'notify' with Callable[[], None], which no argument can be made into; "
        "functions do not travel: take the name of one as str",
    ),
    "by position": (
        lambda flow: ByPosition(flow.submit),
        "ByPosition has a `run` that takes *paths: 'str' by position",
    ),
    "async": (lambda flow: Async(flow.submit), "Async has a `run` that is no ordinary method"),
    "generator": (lambda flow: Yielding(flow.submit), "Yielding has a `run` that is no ordinary method"),
    "static": (lambda flow: Static(flow.submit), "Static has a `run` that is no ordinary method"),
    "forgetful": (
        lambda flow: Forgetful(flow.submit),
        "Forgetful has an __init__ that forgets the method; call super",
    ),
    "demanding": (
        lambda flow: Demanding(flow.submit, 3),
        "Demanding cannot be made with the method alone (missing a required argument: 'limit')",
    ),
    "function": (lambda flow: Submit(free), "Submit got free, which is no method of a flow; give it one"),
    "work": (lambda flow: Submit(Trainer().train), "Submit got Trainer.train, which is no method of a flow"),
    "nothing": (lambda flow: Submit(None), "Submit got NoneType, which is no method of a flow"),  # type: ignore[arg-type]
    "another": (lambda flow: Submit(Submit(flow.submit)), "Submit got Submit, which is no method of a flow"),
    "nested": (
        lambda flow: nested()(flow.submit),
        "nested.<locals>.Local is nested in a function; define it at the top",
    ),
    "executed": (
        lambda flow: executed()(flow.submit),
        "Executed has no source, as classes of a REPL or of exec",
    ),
}


class Configured(Shop):
    make: Any = None

    def configure_commands(self) -> Any:
        return {"submit": type(self).make(self)}


@pytest.mark.parametrize("case", REFUSED)
def test_a_client_part_that_could_not_be_run_is_refused_at_start(
    case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, said = REFUSED[case]
    monkeypatch.setattr(Configured, "make", staticmethod(make))

    with pytest.raises(ComponentError) as caught:
        Driver(Configured)

    begin = "the command 'submit' of root has a client part that cannot be served: "
    assert str(caught.value).startswith(begin + said)


def test_a_class_in_the_place_of_a_command_is_refused_at_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Configured, "make", staticmethod(lambda flow: Submit))

    with pytest.raises(
        ComponentError, match=r"'submit' of root is a class; give it the method: Submit\(self\.my_"
    ):
        Driver(Configured)


def test_one_name_for_two_client_parts_is_refused_at_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Shop, "configure_commands", lambda self: [{"a": Submit(self.submit)}] * 2)

    with pytest.raises(ComponentError, match="the command 'a' is configured twice, by root and by root"):
        Driver(Shop)
