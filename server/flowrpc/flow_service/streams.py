"""Commands that stream: generators of flows, each step of which is a transition of its own.

    opened ──step──▶ item ──step──▶ item … ──▶ returned    what it did after the last item is committed
                                           ├─▶ raised      what it did after the last item is undone
                                           └─▶ closed      nobody reads it, its flow is gone, or the app ends:
                                                           what its `finally` does is a transition like a step

A step is made only when there is room for its item, and its item is sent when what it did is durable. Between two
steps anything else may happen: passes, commands, steps of other streams.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from types import GeneratorType
from typing import Any

from flowrpc.component.component import Component
from flowrpc.component.conversion import plain
from flowrpc.component.failures import failure_of
from flowrpc.errors import CallError
from flowrpc.flow_service.catalogue import Command
from flowrpc.flow_service.effects import Effect, StreamEnded, StreamItem
from flowrpc.flow_service.events import StreamOpened, StreamWanted
from flowrpc.flow_service.instant import Instant
from flowrpc.flow_service.requests import check_arguments
from flowrpc.flow_service.tree import Tree
from flowrpc.flow_service.user_code import UserCode
from flowrpc.protocol.answers import CommandItem
from flowrpc.state import copy_value

logger = logging.getLogger(__name__)

MAX_STREAMS = 256
"""How many streams may be open; the next one is refused and may be asked for later."""

_OVER = object()
"""What a step gives that is the last one."""


class _Stream:
    """A stream that is open.

    Args:
        command: What is called.
        flow: Whose command it is.
        arguments: Converted ones.
        wanted: For how many items there is room.
    """

    __slots__ = ("_arguments", "_generator", "command", "flow", "wanted")

    def __init__(self, command: Command, flow: Component, arguments: dict[str, Any], wanted: int) -> None:
        self.command = command
        self.flow = flow
        self.wanted = wanted
        self._arguments = arguments
        self._generator: GeneratorType[Any, Any, Any] | None = None

    def step(self) -> Any:
        """Goes on up to the next item; returns its plain value, or `_OVER`.

        Raises:
            BaseException: Whatever user code raises; TypeError if it is no generator, or returns what nobody gets.
        """
        if self._generator is None:
            self._generator = self._begin()
        try:
            item = next(self._generator)
        except StopIteration as end:
            if end.value is not None:
                name = self.command.name
                raise TypeError(
                    f"{name} returned {type(end.value).__name__}, which no client would get; yield it instead"
                ) from None
            return _OVER
        return copy_value(plain(item), f"an item of {self.command.name}")

    def close(self) -> None:
        """Has the generator end where it is: its `finally` blocks run."""
        if self._generator is not None:
            self._generator.close()

    @property
    def suspended(self) -> bool:
        """Whether there is code of it that may still run."""
        return self._generator is not None and self._generator.gi_frame is not None

    def _begin(self) -> GeneratorType[Any, Any, Any]:
        made = self.command.method(**self._arguments)
        if not isinstance(made, GeneratorType):
            raise TypeError(f"{self.command.name} gave {type(made).__name__} instead of a generator")
        return made


class Streams:
    """Holds the open streams.

    Args:
        tree: The components.
        user_code: Calls what users wrote.
        revision_read: Returns the revision that holds all that was just done or read.
        emit: Takes what is to happen when that is durable.
    """

    def __init__(
        self,
        tree: Tree,
        user_code: UserCode,
        revision_read: Callable[[], int],
        emit: Callable[[Effect], None],
    ) -> None:
        self._tree = tree
        self._user_code = user_code
        self._revision_read = revision_read
        self._emit = emit
        self._open: dict[int, _Stream] = {}
        self._unclosed: list[_Stream] = []  # the garbage collector would run their code at any time
        self._due: dict[int, None] = {}  # those with room for an item, the one that waits longest first

    @property
    def due(self) -> bool:
        """Whether there is room for an item of a stream."""
        return bool(self._due)

    def __contains__(self, number: int) -> bool:
        return number in self._open

    def open(self, event: StreamOpened) -> None:
        """Opens a stream; nothing of the command runs yet.

        Raises:
            CallError: It is refused.
        """
        check_arguments(event.arguments)
        command = self._tree.commands().find(event.command)
        if not command.streams:
            raise _does_not_stream(command)
        if len(self._open) >= MAX_STREAMS:
            message = f"{MAX_STREAMS:,} commands stream already; close some or try again"
            raise CallError("OVERLOADED", message, queue="streams", limit=str(MAX_STREAMS))
        flow = self._tree.find(command.flow)
        self._open[event.stream] = _Stream(command, flow, command.bind(event.arguments), event.wanted)
        if event.wanted:
            self._due[event.stream] = None

    def want(self, event: StreamWanted) -> None:
        """Notes that there is room for more items."""
        stream = self._open.get(event.stream)
        if stream is not None:
            stream.wanted += event.count
            self._due[event.stream] = None

    def step(self, now: Instant) -> None:
        """Makes a step of the stream that waits longest."""
        number = next(iter(self._due))
        del self._due[number]
        stream = self._open[number]
        if not self._tree.holds(stream.flow):
            self._end(number, _flow_gone(stream.command))
            self._close(stream, now)
            return
        called = self._user_code.call(stream.step, now)
        revision = self._revision_read()
        if called.raised is not None:
            failure = failure_of(called.raised)
            self._emit(StreamItem(number, CommandItem(failure=failure, revision=revision)))
            self._end(number)
            self._close(stream, now)  # it may have been the item, not the generator, that was refused
        elif called.end is not None or called.result is _OVER:
            self._end(number)
        else:
            self._emit(StreamItem(number, CommandItem(value=called.result, revision=revision)))
            stream.wanted -= 1
            if stream.wanted > 0:
                self._due[number] = None

    def close(self, number: int, now: Instant) -> None:
        """Closes a stream that nobody reads any more; one that is not open is none of our business."""
        self._due.pop(number, None)
        stream = self._open.pop(number, None)
        if stream is not None:
            self._close(stream, now)

    def close_all(self, error: CallError, now: Instant, *, usable: bool) -> None:
        """Closes every stream, with an error.

        Args:
            error: What their readers are told.
            now: When it happens.
            usable: Whether the tree is as it should be; if not, nothing that is done is recorded.
        """
        for number in list(self._open):
            stream = self._open[number]
            self._end(number, error)
            if usable:
                self._close(stream, now)
            else:
                self._note(stream, self._user_code.discard(stream.close, now))

    def _end(self, number: int, error: CallError | None = None) -> None:
        self._due.pop(number, None)
        del self._open[number]
        self._emit(StreamEnded(number, error))

    def _close(self, stream: _Stream, now: Instant) -> None:
        self._note(stream, self._user_code.call(stream.close, now).raised)

    def _note(self, stream: _Stream, raised: BaseException | None) -> None:
        """Notes how a generator took it that it was closed: one that yields again is kept, but never goes on."""
        if stream.suspended:
            self._unclosed.append(stream)
        if raised is not None:
            logger.warning(
                "the command %s raised while it was closed; what it did then was undone\n%s",
                stream.command.name,
                failure_of(raised).traceback.rstrip(),
                extra={"component": stream.command.flow},
            )


def _does_not_stream(command: Command) -> CallError:
    return CallError(
        "WRONG_METHOD",
        f"{command.name} returns one result: call it with CallCommand or FlowClient.call",
        command=command.name,
        method="CallCommand",
    )


def _flow_gone(command: Command) -> CallError:
    message = f"{command.flow} was removed while its command {command.name} was streaming"
    return CallError("UNKNOWN_COMPONENT", message, component=command.flow)
