"""Commands that stream, in the core: every step a transition, made when there is room, told when it is durable."""

from __future__ import annotations

import functools
import gc
import logging
from collections.abc import AsyncIterator, Callable, Generator, Iterable, Iterator
from typing import Any

import pytest
from flowrpc import ClientCommand, LightningFlow, LightningWork, List
from flowrpc.errors import CallError, ComponentError
from flowrpc.flow_service import streams
from flowrpc.flow_service.effects import StreamEnded
from flowrpc.flow_service.events import (
    CommandsListed,
    StopRequested,
    StreamClosed,
    StreamOpened,
    StreamWanted,
)
from flowrpc.protocol.answers import CommandItem

from tests.flow_service.driver import Driver
from tests.flow_service.test_files import PAYLOAD


class Job(LightningWork):
    def __init__(self) -> None:
        super().__init__(parallel=True)

    def run(self, n: int = 0) -> None:
        pass


class Child(LightningFlow):
    def __init__(self) -> None:
        self.seen = 0

    def look(self) -> Iterator[int]:
        try:
            while True:
                self.seen += 1
                yield self.seen
        finally:
            self.seen = -1

    def configure_commands(self) -> Any:
        return {"look": self.look}


def shouting(method: Callable[..., Iterator[str]]) -> Callable[..., Any]:
    @functools.wraps(method)
    def call(*args: Any, **kwargs: Any) -> Any:
        return [word.upper() for word in method(*args, **kwargs)]

    return call


class Root(LightningFlow):
    def __init__(self) -> None:
        self.count = 0
        self.log: list[str] = []
        self.passes = 0
        self.children = List()
        self.job = Job()

    def run(self) -> None:
        self.passes = self.count

    def ticks(self, up_to: int, fail_at: int = -1) -> Iterator[int]:
        """Counts."""
        for n in range(up_to):
            self.count += 1
            self.log.append("before")
            if n == fail_at:
                raise ValueError("no further")
            yield n
        self.log.append("end")

    def tidy(self) -> Generator[str, None, None]:
        try:
            for letter in "abc":
                self.log.append(letter)
                yield letter
        finally:
            self.log.append("closed")

    def stubborn(self) -> Iterable[int]:
        self.count += 1
        try:
            yield 1
        except GeneratorExit:
            self.log.append("not yet")
            yield 2
        finally:
            self.log.append("long after")

    def live(self) -> Any:
        yield self.log
        self.log.append("later")
        yield self.log

    def odd(self) -> Any:
        try:
            yield 1
            self.log.append("odd")
            yield object()
        finally:
            self.log.append("tidied")

    def returning(self) -> Any:
        yield 1
        self.log.append("kept?")
        return 5

    def leaving(self) -> Any:
        yield 1
        self.log.append("left")
        self.stop("by stream")

    def working(self) -> Iterator[int]:
        for n in range(2):
            self.job.run(n)
            yield n
        self.job.run(9)
        raise ValueError("that one was not asked for")

    @shouting
    def shout(self) -> Iterator[str]:
        yield "a"

    def plain(self) -> int:
        self.count += 100
        return self.count

    def grow(self) -> None:
        self.children.append(Child())

    def shrink(self) -> None:
        self.children.pop(0)

    def configure_commands(self) -> Any:
        methods = (self.ticks, self.tidy, self.stubborn, self.live, self.odd, self.returning, self.leaving)
        more = (self.working, self.shout, self.plain, self.grow, self.shrink)
        return {method.__name__: method for method in (*methods, *more)}


class Streaming(Driver):
    """Opens streams, and makes their items one by one."""

    def open(self, command: str, /, stream: int = 1, wanted: int = 1, **arguments: Any) -> None:
        facts = {"stream": stream, "command": command, "arguments": arguments, "wanted": wanted}
        assert self.ask(StreamOpened, **facts) is None

    def step(self) -> None:
        self.core.step_stream(self.now)

    def drain(self) -> None:
        """Makes all items that are wanted."""
        while self.core.wants_items:
            self.step()
        self.settle()

    def items(self, stream: int = 1) -> list[Any]:
        """What was sent: values, the type of a failure, and how it ended."""
        return [_shown(sent) for sent in self.streamed.get(stream, [])]

    def all(self, command: str, /, **arguments: Any) -> list[Any]:
        self.open(command, wanted=100, **arguments)
        self.drain()
        return self.items()


def _shown(sent: CommandItem | StreamEnded) -> Any:
    if isinstance(sent, StreamEnded):
        return sent.error.reason if sent.error is not None else "ended"
    return sent.failure.type if sent.failure is not None else sent.value


@pytest.fixture
def driver() -> Streaming:
    return Streaming(Root)


def test_items_come_one_after_the_other_and_the_end_tells_itself(driver: Streaming) -> None:
    assert driver.all("ticks", up_to=3) == [0, 1, 2, "ended"]
    assert driver.vars()["log"] == ["before", "before", "before", "end"]


def test_nothing_runs_before_the_first_step(driver: Streaming) -> None:
    driver.open("ticks", up_to=3)
    assert driver.root.count == 0
    assert not driver.items()


def test_an_item_is_sent_only_when_what_it_did_is_durable(driver: Streaming) -> None:
    driver.open("ticks", up_to=3)
    driver.step()
    assert driver.core.take_effects() == []
    assert driver.core.reply_waits
    assert driver.core.must_seal(driver.now)
    driver.commit()
    [item] = driver.streamed[1]
    assert isinstance(item, CommandItem)
    assert item.revision == driver.replica.revision == driver.revisions[-1].number
    assert driver.vars()["count"] == 1


def test_an_item_that_changed_nothing_waits_for_no_commit(driver: Streaming) -> None:
    driver.open("live")
    revision = driver.replica.revision
    driver.drain()
    [item] = driver.streamed[1]
    assert isinstance(item, CommandItem)
    assert (item.value, item.revision) == ([], revision)
    assert driver.replica.revision == revision


def test_no_step_is_made_without_room_for_its_item(driver: Streaming) -> None:
    driver.open("ticks", up_to=10, wanted=2)
    driver.drain()
    assert driver.items() == [0, 1]
    assert driver.root.count == 2
    driver.submit(StreamWanted(stream=1, count=3))
    driver.drain()
    assert driver.items() == [0, 1, 2, 3, 4]


def test_between_two_items_passes_and_commands_happen(driver: Streaming) -> None:
    driver.open("ticks", up_to=2, wanted=5)
    driver.step()
    assert driver.core.wants_pass
    driver.settle()
    assert driver.vars()["passes"] == 1
    assert driver.call("plain").result == 101
    driver.drain()
    assert driver.vars()["passes"] == 102
    assert driver.items() == [0, 1, "ended"]


def test_streams_take_turns(driver: Streaming) -> None:
    driver.open("ticks", 1, 3, up_to=3)
    driver.open("tidy", 2, 3)
    order = []
    while driver.core.wants_items:
        driver.step()
        driver.commit()
        order.append((len(driver.items(1)), len(driver.items(2))))
    assert order == [(1, 0), (1, 1), (2, 1), (2, 2), (3, 2), (3, 3)]


def test_an_error_undoes_what_came_after_the_last_item_only(driver: Streaming) -> None:
    assert driver.all("ticks", up_to=5, fail_at=2) == [0, 1, "ValueError", "ended"]
    assert driver.vars()["count"] == 2
    assert driver.vars()["log"] == ["before", "before"]
    failure = driver.streamed[1][2]
    assert isinstance(failure, CommandItem)
    assert failure.failure is not None
    assert failure.failure.message == "no further"
    assert "in ticks" in failure.failure.traceback


def test_runs_that_were_asked_for_after_the_last_item_are_undone_too(driver: Streaming) -> None:
    assert driver.all("working") == [0, 1, "ValueError", "ended"]
    assert [run.args for run in driver.runs()] == [(0,), (1,)]


def test_items_are_plain_and_not_live(driver: Streaming) -> None:
    assert driver.all("live") == [[], ["later"], "ended"]


def test_an_item_that_is_no_value_ends_the_stream_and_closes_the_generator(driver: Streaming) -> None:
    assert driver.all("odd") == [1, "flowrpc.errors.InvalidValueError", "ended"]
    assert driver.vars()["log"] == ["tidied"]


def test_a_returned_value_is_refused_for_nobody_would_get_it(driver: Streaming) -> None:
    assert driver.all("returning") == [1, "TypeError", "ended"]
    assert driver.vars()["log"] == []
    failure = driver.streamed[1][1]
    assert isinstance(failure, CommandItem)
    assert failure.failure is not None
    assert failure.failure.message == "returning returned int, which no client would get; yield it instead"


def test_a_wrapper_that_makes_no_generator_is_a_failure(driver: Streaming) -> None:
    assert driver.all("shout") == ["TypeError", "ended"]


def test_a_reader_that_leaves_closes_the_generator(driver: Streaming) -> None:
    driver.open("tidy")
    driver.drain()
    driver.submit(StreamClosed(stream=1))
    assert driver.vars()["log"] == ["a", "closed"]
    assert driver.items() == ["a"]
    driver.submit(StreamWanted(stream=1, count=1))
    assert not driver.core.wants_items


def test_a_stream_that_did_not_begin_is_closed_without_a_trace(driver: Streaming) -> None:
    driver.open("tidy")
    driver.submit(StreamClosed(stream=1))
    assert driver.vars()["log"] == []
    assert not driver.core.wants_items


def test_a_generator_that_refuses_to_close_is_let_go_and_told_of(
    driver: Streaming, caplog: pytest.LogCaptureFixture
) -> None:
    driver.open("stubborn")
    driver.drain()
    with caplog.at_level(logging.WARNING):
        driver.submit(StreamClosed(stream=1))
    assert "the command stubborn raised while it was closed" in caplog.text
    gc.collect()
    driver.call("plain")
    assert driver.vars()["log"] == []
    assert driver.vars()["count"] == 101


@pytest.mark.parametrize("passes_first", [True, False])
def test_a_flow_that_is_removed_ends_its_streams(driver: Streaming, *, passes_first: bool) -> None:
    driver.call("grow")
    driver.open("children.0.look", wanted=2)
    driver.drain()
    assert driver.items() == [1, 2]
    driver.submit(StreamWanted(stream=1, count=1))
    driver.call("shrink")
    if passes_first:
        driver.settle()
    driver.drain()
    assert driver.items() == [1, 2, "UNKNOWN_COMPONENT"]


def test_a_flow_beside_one_that_is_removed_goes_on_streaming(driver: Streaming) -> None:
    for _ in range(2):
        driver.call("grow")
    driver.open("children.1.look", wanted=1)
    driver.drain()
    driver.call("shrink")
    driver.submit(StreamWanted(stream=1, count=1))
    driver.drain()
    assert driver.items() == [1, 2]
    assert driver.vars("root.children.1")["seen"] == 2


def test_a_stream_may_end_the_app(driver: Streaming) -> None:
    assert driver.all("leaving") == [1, "ended"]
    assert driver.exit is not None
    assert driver.exit.message == "by stream"
    assert driver.vars()["log"] == ["left"]


def test_the_end_of_the_app_closes_streams_before_its_last_revision(driver: Streaming) -> None:
    driver.open("tidy", wanted=9)
    driver.step()
    driver.submit(StopRequested())
    assert driver.items() == ["a", "STOPPING"]
    assert driver.vars()["log"] == ["a", "closed"]
    assert driver.exit is not None
    assert not driver.core.wants_items
    with pytest.raises(CallError, match="the app has ended"):
        driver.open("tidy", 2)


def test_nothing_is_recorded_of_streams_of_an_app_that_failed() -> None:
    class Failing(Root):
        def run(self) -> None:
            if self.count:
                self.log.append("half a pass")
                raise RuntimeError("broken")

    driver = Streaming(Failing)
    driver.check = lambda: None  # type: ignore[method-assign]  # its tree is not to be used any more
    driver.open("tidy", wanted=1)
    driver.drain()
    driver.call("plain")
    assert driver.exit is not None
    assert driver.vars()["log"] == ["a"]
    assert driver.items() == ["a", "STOPPING"]


def test_after_a_crash_all_items_that_were_sent_are_in_the_state(driver: Streaming) -> None:
    driver.open("ticks", up_to=9, wanted=9)
    for _ in range(3):
        driver.step()
    driver.commit()
    driver.step()
    assert driver.items() == [0, 1, 2]
    driver.restart()
    assert driver.vars()["count"] == 3
    assert not driver.core.wants_items


def test_what_no_longer_has_a_reader_is_not_begun(driver: Streaming) -> None:
    facts: dict[str, Any] = {"stream": 1, "command": "tidy", "arguments": {}, "deadline": driver.clock}
    driver.submit(StreamOpened(call_id=77, **facts))
    assert 77 not in driver.replies
    assert not driver.core.wants_items


def test_streams_beyond_the_bound_are_refused(driver: Streaming, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "MAX_STREAMS", 2)
    driver.open("tidy", 1)
    driver.open("tidy", 2)
    with pytest.raises(CallError, match="2 commands stream already") as refused:
        driver.open("tidy", 3)
    assert refused.value.reason == "OVERLOADED"
    driver.submit(StreamClosed(stream=1))
    driver.open("tidy", 3)


@pytest.mark.parametrize(
    ("command", "arguments", "reason"),
    [
        ("tickz", {}, "UNKNOWN_COMMAND"),
        ("ticks", {}, "INVALID_ARGUMENTS"),
        ("ticks", {"up_to": "x"}, "INVALID_ARGUMENTS"),
        ("ticks", {"up_to": PAYLOAD}, "INVALID_VALUE"),
        ("plain", {}, "WRONG_METHOD"),
    ],
)
def test_what_cannot_be_streamed_is_refused_before_it_begins(
    driver: Streaming, command: str, arguments: dict[str, Any], reason: str
) -> None:
    with pytest.raises(CallError) as refused:
        driver.open(command, **arguments)
    assert refused.value.reason == reason
    assert not driver.core.wants_items


def test_a_command_that_streams_cannot_be_called_for_one_result(driver: Streaming) -> None:
    with pytest.raises(CallError, match="ticks streams items: call it with StreamCommand") as refused:
        driver.call("ticks", up_to=1)
    assert refused.value.reason == "WRONG_METHOD"
    assert refused.value.metadata == {"command": "ticks", "method": "StreamCommand"}


def test_the_list_tells_what_streams_and_what_its_items_are(driver: Streaming) -> None:
    told = {info.name: info for info in driver.ask(CommandsListed)}
    assert {name: info.item_annotation for name, info in told.items() if info.streams} == {
        "leaving": "",
        "live": "",
        "odd": "",
        "returning": "",
        "shout": "str",
        "stubborn": "int",
        "ticks": "int",
        "tidy": "str",
        "working": "int",
    }
    assert not told["plain"].streams


async def _async_items(self: Any) -> AsyncIterator[int]:
    yield 1


async def _async_result(self: Any) -> int:
    return 1


def _not_iterator(self: Any) -> int:  # type: ignore[misc]  # that is what is refused
    yield 1


def _returns(self: Any) -> Generator[int, None, str]:
    yield 1
    return "x"


@pytest.mark.parametrize(
    ("method", "problem"),
    [
        (_async_items, "is async: flows are synchronous, write `def`, and return a value or yield several"),
        (_async_result, "is async: flows are synchronous"),
        (_not_iterator, "yields, but is annotated `-> int`; write `-> Iterator"),
        (_returns, "returns str when it has yielded all, which no client would get; yield that, too"),
    ],
)
def test_what_cannot_stream_is_refused_when_the_app_starts(method: Any, problem: str) -> None:
    class Odd(LightningFlow):
        go = method

        def run(self) -> None:
            pass

        def configure_commands(self) -> Any:
            return {"go": self.go}

    with pytest.raises(ComponentError) as refused:
        Streaming(Odd)
    assert f"the command 'go' of root {problem}" in str(refused.value)


class Part(ClientCommand):
    def run(self) -> None:
        pass


def test_a_client_part_does_not_stream() -> None:
    class Odd(Root):
        def configure_commands(self) -> Any:
            return {"ticks": Part(self.ticks)}

    with pytest.raises(ComponentError, match="streams, and a client part calls a method for one result"):
        Streaming(Odd)
