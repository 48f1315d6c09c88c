"""Whatever is done to an app's types: `contract check` refuses it, or the clients of yesterday go on. Nothing else."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from flowrpc.contract import building, compatibility, lock
from flowrpc.contract.building import Built, build
from flowrpc.contract.lock import Lock, LockedMessage
from flowrpc.contract.lock_file import lock_text, parse_lock
from flowrpc.errors import ContractError
from flowrpc.flow_service.catalogue import Catalogue
from flowrpc.flow_service.effects import StreamEnded, StreamItem
from flowrpc.flow_service.publisher import Publisher
from flowrpc.flow_service.refusals import Refusals
from flowrpc.flow_service.stream_readers import StreamReaders
from flowrpc.flow_service.typed_service import TypedService
from hypothesis import HealthCheck, Phase, event, given, note, settings
from hypothesis import strategies as st

from tests.contract.evolving_app import HEAD, REQUIRED, Attr, Command, RunningSpec, Spec, source
from tests.contract.offering import offering
from tests.contract.old_client import ABSENT, OldClient, same
from tests.contract.refactorings import ALL, HARMLESS, Drawing
from tests.flow_service.driver import Driver


class Refused(Exception):
    """Ends a call with a status."""


class Context:
    """A call's context that notes what was written, and the end."""

    def __init__(self) -> None:
        self.written: list[bytes] = []

    async def write(self, message: bytes) -> None:
        self.written.append(message)

    def time_remaining(self) -> None:
        return None

    async def abort(self, code: Any, text: str, *_: Any, **__: Any) -> None:
        raise Refused(f"{code}: {text}")


class Served:
    """One version of an app, served in this process: bytes in, bytes out."""

    def __init__(self, spec: Spec, built: Built, running: RunningSpec) -> None:
        self.running = running
        self._driver = Driver(running.make_root)
        self._driver.settle()
        publisher = Publisher(self._driver.replica, journal_id="j")
        self._typed = TypedService(self, publisher, Refusals())  # type: ignore[arg-type]
        self._typed.offer(built)
        self.streams = StreamReaders(self._submit, self.ask)

    async def ask(self, make: Callable[[int], Any]) -> Any:
        made: Any = make(0)
        self._submit(made)
        return self._driver.answer(made.call_id)

    def _submit(self, event: Any) -> None:
        self._driver.submit(event)
        while self._driver.core.wants_items:
            self._driver.core.step_stream(self._driver.now)
            self._driver.settle()
        streamed, self._driver.streamed = self._driver.streamed, {}
        for number, effects in streamed.items():
            for one in effects:
                self.streams.deliver(one if isinstance(one, StreamEnded) else StreamItem(number, one))

    def call(self, method: str, data: bytes, *, streams: bool = False) -> list[bytes]:
        """Calls a method the way that a client knows, and returns all that it sends.

        Raises:
            Refused: It ends with a status.
        """
        handler = self._typed.service(SimpleNamespace(method=method))
        if handler is None:
            raise Refused("UNIMPLEMENTED")
        if handler.response_streaming is not streams:
            raise Refused("it is called the other way")
        context = Context()
        answering = (handler.unary_stream if streams else handler.unary_unary)(data, context)
        try:
            answering.send(None)
        except StopIteration as stop:
            return context.written if streams else [bytes(stop.value)]
        raise AssertionError("nobody is waited for here")


def built_of(running: RunningSpec, before: Lock | None) -> Built:
    """Makes a contract; the lock goes through its file."""
    root = running.make_root()
    if before is not None:
        before = parse_lock(lock_text(before), "contract.lock.json")
    made = build(root, Catalogue(root).commands(), "shop.v1", before)
    made.pool()
    return made


class History:
    """An app and what became of it."""

    def __init__(self, drawing: Drawing, steps: int, refactorings: tuple[str, ...]) -> None:
        self.drawing = drawing
        self.refused: list[str] = []
        self.clients: list[tuple[OldClient, bool]] = []
        """Those of each version, and whether every step since was accepted."""
        spec = drawing.app()
        self._take(spec, None)
        for _ in range(steps):
            if self.problem:
                return
            spec = drawing.refactored(spec, refactorings)
            self._take(spec, self.built.lock)
        if self.problem:
            return
        given = {one.key: self._meant(self.spec, one) for one in self.spec.run}
        self.running.run = {key: value for key, value in given.items() if value is not REQUIRED}
        self.served = Served(self.spec, self.built, self.running)

    def _take(self, spec: Spec, before: Lock | None) -> None:
        note(f"--- \n{source(spec)}")
        running = RunningSpec(spec)
        self.problem = ""
        try:
            built = built_of(running, before)
        except ContractError as error:
            self.problem = str(error)
            self.refused.append(self.problem)
            return
        self.spec, self.running, self.built = spec, running, built
        if built.breaks:
            self.refused += map(str, built.breaks)
            self.clients = [(client, False) for client, _ in self.clients]
        self.clients.append((OldClient(spec, built), True))

    # Clients

    def check_clients(self) -> None:
        for client, accepted in self.clients:
            self._check_commands(client, accepted)
            self._check_state(client, accepted)
            self._check_run(client, accepted)

    def _check_commands(self, client: OldClient, accepted: bool) -> None:
        now = {command.key: command for command in self.spec.commands}
        for command in client.spec.commands:
            if command.key not in now:
                assert not accepted, f"{command.name!r} is gone"
                continue
            sent = {one.key: self._meant(client.spec, one) for one in command.attrs}
            sent = {key: value for key, value in sent.items() if value is not REQUIRED}
            result = self._drawn_result(now[command.key])
            self.running.received.clear()
            self.running.results[command.key] = result
            note(f"{command.name!r}: {sent} -> {result}")
            try:
                method = f"/shop.v1.RootService/{client.method(command)}"
                answer = self.served.call(method, client.request(command, sent), streams=command.streams)
            except Refused:
                if accepted:
                    raise
                continue
            self._check_received(now[command.key].attrs, sent, accepted=accepted)
            found = self._read(partial(client.result, command, answer), accepted)
            assert found is REQUIRED or same(found, result) or not accepted, f"read {found}"

    def _drawn_result(self, command: Command) -> Any:
        """Draws what a command returns, or some items that it yields."""
        if not command.streams:
            return self.drawing.value(self.spec.kinds, command.result)
        count = self.drawing.count(0, 3)
        return [self.drawing.value(self.spec.kinds, command.result) for _ in range(count)]

    def _check_received(self, attrs: tuple[Attr, ...], sent: dict[int, Any], *, accepted: bool) -> None:
        """What was sent is there, what was not has its default: nothing is ever taken for another thing."""
        ((_, received),) = self.running.received
        for one in attrs:
            found = self.running.meaning(received[one.name])
            meant = sent.get(one.key, one.default)
            assert same(meant, found, accepted=accepted), f"{one.name} is {found}, not {meant}"

    def _check_state(self, client: OldClient, accepted: bool) -> None:
        now = {one.key: one for one in self.spec.attrs}
        (answer,) = self.served.call("/shop.v1.RootService/GetState", b"")
        state = self._read(partial(client.state, answer), accepted)
        if state is REQUIRED:
            return
        for one in client.spec.attrs:
            if one.key not in now:
                assert not accepted, f"{one.name} is gone"
                continue
            assert same(state[one.key], now[one.key].default) or not accepted, (
                f"{one.name} is {state[one.key]}"
            )

    def _check_run(self, client: OldClient, accepted: bool) -> None:
        """What the work was called with is read as that, and what it was not called with is absent."""
        now = {one.key for one in self.spec.run}
        (answer,) = self.served.call("/shop.v1.RootService/GetState", b"")
        found = self._read(partial(client.run, answer), accepted)
        if found is REQUIRED:
            return
        note(f"run: {self.running.run}")
        for one in client.spec.run:
            if one.key not in now:
                assert not accepted, f"{one.name} is gone"
                continue
            value = found[one.key]
            if one.key not in self.running.run:
                assert value is ABSENT or value in (None, [], {}) or not accepted, f"{one.name} is {value}"
                continue
            assert same(value, self.running.run[one.key]) or not accepted, f"{one.name} is {value}"

    def _read(self, read: Callable[[], Any], accepted: bool) -> Any:
        try:
            return read()
        except Exception:
            if accepted:
                raise
            return REQUIRED

    def _meant(self, spec: Spec, one: Attr) -> Any:
        """Draws what a client sends; REQUIRED: nothing, where there is a default."""
        if one.default is not REQUIRED and self.drawing.draw(st.booleans()):
            return REQUIRED
        value = self.drawing.value(spec.kinds, one.type)
        # To leave it out is how clients send None where that is the default.
        return REQUIRED if value is None and one.default is None else value


def check(drawing: Drawing, refactorings: tuple[str, ...]) -> None:
    history = History(drawing, drawing.count(0, 2), refactorings)
    event("refused" if history.refused else "accepted")
    if not history.problem:
        history.check_clients()


QUICK = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    print_blob=False,
    derandomize=True,  # so that a run of the tests says something of what was changed, and only of that
    phases=(Phase.explicit, Phase.generate),  # shrinking takes minutes; the source of the app is told
)


@QUICK
@given(st.data())
def test_a_change_is_refused_or_old_clients_go_on(data: st.DataObject) -> None:
    check(Drawing(data.conjecture_data.draw), ALL)


FORESEEN = re.compile("'request_id' has the name|among the arguments without a parameter")
"""Drawn names that clash, and new parameters of what `**rest` took before."""


@QUICK
@given(st.data())
def test_what_is_harmless_is_not_refused(data: st.DataObject) -> None:
    history = History(Drawing(data.conjecture_data.draw), 2, HARMLESS)
    assert [one for one in history.refused if not FORESEEN.search(one)] == []


# The check is checked: with a bug planted into the lock, it goes red.

Number = Callable[[Any, LockedMessage], LockedMessage]


def by_position(number: Number, message: Any, before: LockedMessage) -> LockedMessage:
    made = number(message, before)
    fields = {name: replace(one, number=at) for at, (name, one) in enumerate(made.fields.items(), 1)}
    return LockedMessage(fields=fields)


def used_again(number: Number, message: Any, before: LockedMessage) -> LockedMessage:
    kept = {
        name: one for name, one in before.fields.items() if name in {field.name for field in message.fields}
    }
    return replace(number(message, LockedMessage(fields=kept)), reserved={})


def renamed_without_note(number: Number, message: Any, before: LockedMessage) -> LockedMessage:
    present = [one.name for one in message.fields]
    gone = [name for name in before.fields if name not in present]
    new = [name for name in present if name not in before.fields]
    renamed = dict(zip(gone, new, strict=False))
    taken = {renamed.get(name, name): one for name, one in before.fields.items()}
    return number(message, replace(before, fields=taken))


@pytest.mark.parametrize("refactoring", ["change_type", "change_result"])
def test_a_changed_type_that_is_accepted_is_found(refactoring: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (lock, compatibility):
        monkeypatch.setattr(module, "same_type", lambda one, other: True)
    find((refactoring,))


def test_a_stream_that_comes_or_goes_and_is_accepted_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(building, "breaks", lambda before, after: [])
    find(("change_whether_it_streams",))


@QUICK
@given(st.data())
def test_a_stream_that_comes_or_goes_is_refused(data: st.DataObject) -> None:
    history = History(Drawing(data.conjecture_data.draw), 1, ("change_whether_it_streams",))
    assert history.problem or "clients call it the other way" in str(history.refused)


@pytest.mark.parametrize(
    ("bug", "refactorings"),
    [
        (by_position, ("add_with_default", "reorder")),
        (used_again, ("replace_silently",)),
        (renamed_without_note, ("replace_silently",)),
    ],
)
def test_a_planted_bug_is_found(
    bug: Any, refactorings: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "_locked_message", partial(bug, lock._locked_message))
    find(refactorings)


def find(refactorings: tuple[str, ...]) -> None:
    """Looks for what a planted bug does."""
    search = settings(QUICK)(
        given(st.data())(lambda data: check(Drawing(data.conjecture_data.draw), refactorings))
    )
    with pytest.raises((AssertionError, TypeError, Refused)):
        search()


BUF = Path(sys.executable).parent / "buf"
BEFORE = "a: int, b: str = 'x', c: Color = Color.RED, d: UUID | None = None"


@pytest.mark.parametrize(
    ("parameters", "is_break", "is_break_for_buf"),
    [
        ("z: int = 1, d: UUID | None = None, c: Color = Color.RED, b: str = 'y', a: int = 0", False, False),
        ("total: Annotated[int, RenamedFrom('a')], b: str = 'x', c: Color = Color.RED", True, False),
        ("a: int, b: int = 1, c: Color = Color.RED, d: UUID | None = None", True, True),
    ],
)
def test_what_buf_refuses_is_refused(
    parameters: str, is_break: bool, is_break_for_buf: bool, tmp_path: Path
) -> None:
    """Buf lets go what leaves its number reserved, although clients that sent it are ignored."""
    before = _written(BEFORE, None, tmp_path / "before")
    after = _written(parameters, before.lock, tmp_path / "after")
    assert bool(after.breaks) is is_break
    told = subprocess.run(
        [BUF, "breaking", "--against", str(tmp_path / "before")],
        cwd=tmp_path / "after",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (told.returncode != 0) is is_break_for_buf, told.stdout + told.stderr


def _written(parameters: str, before: Lock | None, folder: Path) -> Built:
    space: dict[str, Any] = {}
    exec(HEAD + f"class Color(Enum):\n    RED = 1\ndef call({parameters}) -> None: ...", space)
    root = offering({"call": space["call"]})
    made = build(root, Catalogue(root).commands(), "shop.v1", before)
    made.write(folder)
    return made
