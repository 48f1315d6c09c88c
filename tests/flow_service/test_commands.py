"""Commands and updates: found, checked, carried out whole or not at all, once for each request id."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from flowrpc import LightningFlow, List
from flowrpc.errors import CallError, ComponentError
from flowrpc.flow_service.events import CommandCalled, CommandsListed
from flowrpc.state import Remove, Set, Splice

from tests.flow_service.driver import Driver


class Child(LightningFlow):
    def __init__(self) -> None:
        self.pinged = 0

    def ping(self) -> int:
        """Counts pings."""
        self.pinged += 1
        return self.pinged

    def configure_commands(self) -> Any:
        return [{"ping": self.ping}, {"only here": self.ping}]


class Root(LightningFlow):
    def __init__(self) -> None:
        self.names: list[str] = []
        self.settings: dict[str, Any] = {"a": 1, "b": 2, "c": 3}
        self.left = Child()
        self.right = Child()
        self.children = List()

    def run(self) -> None:
        pass

    def add(self, name: str, times: int = 1, ratio: float = 0.5, tags: list[str] | None = None) -> list[str]:
        self.names.extend([name] * times)
        return self.names

    def anything(self, value: Any, **rest: Any) -> Any:
        return [value, rest]

    def break_off(self) -> None:
        self.names.append("half")
        del self.settings["a"]
        self.settings["b"] = {"deep": []}
        self.settings["b"]["deep"].append(1)
        self.children.append(Child())
        self.left.pinged = 99
        raise ValueError("no further")

    def grow(self) -> Any:
        self.children.append(Child())
        return self.children[-1].name

    def shrink(self) -> None:
        self.children.pop()

    def odd(self) -> Any:
        self.names.append("odd")
        return object()

    def leave(self) -> None:
        self.names.append("left")
        self.stop("by command")

    def configure_commands(self) -> Any:
        commands = (self.add, self.anything, self.break_off, self.grow, self.shrink, self.odd, self.leave)
        return {method.__name__: method for method in commands}


@pytest.fixture
def driver() -> Driver:
    driver = Driver(Root)
    driver.settle()
    return driver


def request_id(driver: Driver, *, age: timedelta = timedelta(0)) -> str:
    milliseconds = int((driver.now.wall - age).timestamp() * 1000)
    return str(uuid.UUID(int=milliseconds << 80 | 0x7 << 76 | 0b10 << 62 | 12345))


def test_arguments_go_by_name_with_defaults(driver: Driver) -> None:
    assert driver.call("add", name="x").result == ["x"]
    assert driver.call("add", name="y", times=2, ratio=1, tags=None).result == ["x", "y", "y"]
    assert driver.call("anything", value=[1], extra=True).result == [[1], {"extra": True}]


@pytest.mark.parametrize(
    ("arguments", "message", "parameter"),
    [
        ({}, "add: the argument 'name' is missing", "name"),
        ({"name": "x", "tmes": 2}, "there is no argument 'tmes'; did you mean 'times'?", "tmes"),
        ({"name": 5}, "add: 'name' must be str, not 5", "name"),
        ({"name": "x", "times": "2"}, "add: 'times' must be int, not '2'", "times"),
        ({"name": "x", "times": True}, "add: 'times' must be int, not True", "times"),
        ({"name": "x", "times": 1.5}, "add: 'times' must be int, not 1.5", "times"),
        ({"name": "x", "tags": ["a", 1]}, "'tags' must be list[str] | None, not ['a', 1]", "tags"),
    ],
)
def test_wrong_arguments_are_refused_by_name(
    driver: Driver, arguments: dict[str, Any], message: str, parameter: str
) -> None:
    with pytest.raises(CallError) as caught:
        driver.call("add", **arguments)

    assert message in str(caught.value)
    assert caught.value.reason == "INVALID_ARGUMENTS"
    assert caught.value.metadata == {"command": "add", "parameter": parameter}
    assert driver.vars()["names"] == []


def test_an_unknown_command_gets_a_suggestion(driver: Driver) -> None:
    with pytest.raises(CallError, match="no command 'ad'; did you mean 'add'") as caught:
        driver.call("ad")
    assert caught.value.metadata["suggestion"] == "add"


def test_nested_commands_are_qualified_and_bare_while_that_is_unique(driver: Driver) -> None:
    assert driver.call("left.ping").result == 1
    assert driver.vars("root.left") == {"pinged": 1}
    with pytest.raises(CallError, match=r"ambiguous: say 'left\.ping' or 'right\.ping'"):
        driver.call("ping")


def test_commands_are_listed_with_help_and_parameters(driver: Driver) -> None:
    infos = {info.name: info for info in driver.ask(CommandsListed)}

    assert infos["left.ping"].help == "Counts pings."
    assert infos["left.only_here"].flow == "root.left"
    assert [(p.name, p.annotation, p.required, p.default) for p in infos["add"].parameters] == [
        ("name", "str", True, None),
        ("times", "int", False, 1),
        ("ratio", "float", False, 0.5),
        ("tags", "list[str] | None", False, None),
    ]


def test_a_command_that_raises_has_all_its_changes_undone(driver: Driver) -> None:
    before = driver.root.state
    revision = driver.replica.revision

    outcome = driver.call("break_off")

    assert outcome.failure is not None
    assert (outcome.failure.type, outcome.failure.message) == ("ValueError", "no further")
    assert driver.root.state == before
    assert list(driver.root.settings) == ["a", "b", "c"]
    assert driver.replica.revision == revision
    driver.check()


def test_children_that_a_command_made_come_and_go(driver: Driver) -> None:
    assert driver.call("grow").result == "root.children.0"
    assert driver.call("grow").result == "root.children.1"
    assert driver.call("children.1.ping").result == 1
    driver.call("shrink")
    assert driver.call("grow").result == "root.children.2"

    driver.restart()

    assert [child.name for child in driver.root.children] == ["root.children.0", "root.children.2"]
    assert driver.call("grow").result == "root.children.3"


def test_a_result_that_is_no_value_is_a_failure(driver: Driver) -> None:
    failure = driver.call("odd").failure

    assert failure is not None
    assert "the result of odd" in failure.message
    assert driver.vars()["names"] == []


def test_a_command_may_end_the_app(driver: Driver) -> None:
    outcome = driver.call("leave")

    assert outcome.failure is None
    assert driver.exit is not None
    assert driver.exit.message == "by command"
    assert driver.vars()["names"] == ["left"]


class TestRequestIds:
    def test_a_repeat_gets_the_first_answer_and_changes_nothing(self, driver: Driver) -> None:
        identity = request_id(driver)

        first = driver.call("add", identity, b"d", name="x")
        again = driver.call("add", identity, b"d", name="x")

        assert (again.result, again.revision, again.replayed) == (first.result, first.revision, True)
        assert driver.vars()["names"] == ["x"]

    def test_a_repeat_after_a_crash_gets_the_first_answer(self, driver: Driver) -> None:
        identity = request_id(driver)
        driver.call("add", identity, b"d", name="x")
        driver.restart()

        assert driver.call("add", identity, b"d", name="x").replayed
        assert driver.vars()["names"] == ["x"]

    def test_two_of_one_turn_are_one(self, driver: Driver) -> None:
        identity = request_id(driver)
        for call_id in (901, 902):
            driver.feed(
                CommandCalled(
                    call_id=call_id, command="add", arguments={"name": "x"}, request_id=identity, digest=b"d"
                )
            )
        driver.settle()

        assert driver.vars()["names"] == ["x"]
        assert [driver.answer(901).replayed, driver.answer(902).replayed] == [False, True]

    def test_another_request_under_the_same_id_is_refused(self, driver: Driver) -> None:
        identity = request_id(driver)
        driver.call("add", identity, b"one", name="x")

        with pytest.raises(CallError) as caught:
            driver.call("add", identity, b"two", name="y")

        assert caught.value.reason == "REQUEST_ID_REUSED"

    @pytest.mark.parametrize(
        ("identity", "problem"),
        [
            ("nonsense", "is no UUIDv7"),
            (str(uuid.UUID(int=1, version=4)), "is no UUIDv7"),
            (timedelta(days=2), "ago"),
            (timedelta(days=-1), "ahead of our clock"),
        ],
    )
    def test_ids_that_cannot_be_kept_are_refused(
        self, driver: Driver, identity: str | timedelta, problem: str
    ) -> None:
        text = identity if isinstance(identity, str) else request_id(driver, age=identity)

        with pytest.raises(CallError, match=problem) as caught:
            driver.call("add", text, b"d", name="x")

        assert caught.value.reason == "INVALID_REQUEST_ID"
        assert driver.vars()["names"] == []


class TestUpdates:
    def test_changes_are_applied_and_wake_the_flow(self, driver: Driver) -> None:
        passes = driver.passes

        driver.update("root", Set(("settings", "a"), 5), Splice(("names",), 0, 0, ["n"]))

        assert driver.vars()["settings"] == {"a": 5, "b": 2, "c": 3}
        assert driver.vars()["names"] == ["n"]
        assert driver.passes > passes

    @pytest.mark.parametrize(
        ("change", "problem"),
        [
            (Set(("nmes",), []), "no var 'nmes'"),
            (Set(("_children",), []), "no var '_children'"),
            (Remove(("names",)), "cannot be removed"),
            (Splice(("names",), 3, 1, []), "names"),
            (Set(("left",), 1), "no var 'left'"),
            (Set(("settings", "a", "b"), 1), "settings"),
        ],
    )
    def test_what_does_not_fit_is_refused_whole(self, driver: Driver, change: Any, problem: str) -> None:
        before = driver.root.state

        with pytest.raises(CallError, match=problem) as caught:
            driver.update("root", Set(("settings", "b"), 7), change)

        assert caught.value.reason == "INVALID_CHANGE"
        assert driver.root.state == before
        driver.check()

    def test_expected_revision_is_compared_with_the_components_last_change(self, driver: Driver) -> None:
        seen = driver.update("root.left", Set(("pinged",), 1)).revision
        driver.update("root.right", Set(("pinged",), 1))

        driver.update("root.left", Set(("pinged",), 2), expected=seen)
        with pytest.raises(CallError) as caught:
            driver.update("root.left", Set(("pinged",), 3), expected=seen)

        assert caught.value.reason == "REVISION_CONFLICT"
        assert driver.vars("root.left") == {"pinged": 2}

    def test_an_unknown_component_gets_a_suggestion(self, driver: Driver) -> None:
        with pytest.raises(CallError, match=r"did you mean 'root\.left'"):
            driver.update("root.lft", Set(("pinged",), 1))

    def test_a_repeat_is_answered_once(self, driver: Driver) -> None:
        identity = request_id(driver)
        first = driver.update("root", Splice(("names",), 0, 0, ["n"]), request_id=identity)
        again = driver.update("root", Splice(("names",), 0, 0, ["n"]), request_id=identity)

        assert (again.revision, again.replayed) == (first.revision, True)
        assert driver.vars()["names"] == ["n"]


class Clashing(Root):
    def configure_commands(self) -> Any:
        return [{"x": self.grow}, {"x": self.shrink}]


class NotCommands(Root):
    def configure_commands(self) -> Any:
        return self.grow


class NotCallable(Root):
    def configure_commands(self) -> Any:
        return {"x": 5}


class ByPosition(Root):
    def by_position(self, first: int, /) -> None:
        pass

    def configure_commands(self) -> Any:
        return {"x": self.by_position}


@pytest.mark.parametrize(
    ("root", "problem"),
    [
        (Clashing, "the command 'x' is configured twice, by root and by root"),
        (NotCommands, r"root.configure_commands\(\) returned method"),
        (NotCallable, "the command 'x' is no method but int"),
        (ByPosition, "takes first: 'int' by position"),
    ],
)
def test_commands_that_cannot_be_served_are_refused_at_start(root: type[Root], problem: str) -> None:
    with pytest.raises(ComponentError, match=problem):
        Driver(root)


class Growing(LightningFlow):
    """Adds a flow whose commands cannot be served."""

    def __init__(self) -> None:
        self.children = List()
        self.grown = False
        self.by_itself = False

    def run(self) -> None:
        if self.by_itself:
            self.children.append(ClashingChild())

    def grow(self) -> None:
        self.grown = True
        self.children.append(ClashingChild())

    def start_growing(self) -> None:
        self.by_itself = True

    def configure_commands(self) -> Any:
        return {"grow": self.grow, "start": self.start_growing}


class ClashingChild(LightningFlow):
    def hello(self) -> None:
        pass

    def configure_commands(self) -> Any:
        return [{"x": self.hello}, {"x": self.hello}]


def test_a_command_that_adds_what_cannot_be_served_is_undone() -> None:
    driver = Driver(Growing)
    driver.settle()

    failure = driver.call("grow").failure

    assert failure is not None
    assert "configured twice" in failure.message
    assert driver.vars() == {"grown": False, "by_itself": False}
    assert list(driver.root.children) == []
    driver.restart()


def test_a_pass_that_adds_what_cannot_be_served_fails_the_app_and_leaves_it_startable() -> None:
    driver = Driver(Growing)
    driver.settle()
    driver.core.receive(CommandCalled(call_id=1, command="start", arguments={}), driver.now)
    driver.core.run_pass(driver.now)

    assert driver.core.ended is not None
    assert "configured twice" in driver.core.ended.message
    commit = driver.core.seal(driver.now)
    assert commit is not None
    driver.store.commit(commit)
    driver.restart()
    assert list(driver.root.children) == []
