"""What the flow does for files: it welcomes agents with the storage, and takes no payload from outside."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path as LocalPath
from typing import Any

import pytest
from flowrpc import LightningFlow, Path, Payload
from flowrpc.errors import CallError
from flowrpc.flow_service.files import open_storage, referred_to
from flowrpc.protocol.messages import Welcome
from flowrpc.state import Extension, Set, Splice
from flowrpc.state.extension import extension_of
from flowrpc.storage.depot import GRACE_SECONDS, Depot
from flowrpc.storage.process import entered
from flowrpc.storage.reference import Reference, write_reference

from tests.flow_service.driver import Driver, FakeAgent

DIGEST = "ab" * 32
CONTENT: Any = {"digest": DIGEST, "size": 1, "kind": "file"}
PAYLOAD = extension_of("payload", CONTENT)


class Root(LightningFlow):
    def __init__(self) -> None:
        self.item: Any = None
        self.items: list[Any] = []
        self.called = 0

    def run(self) -> None:
        pass

    def keep(self, value: Any) -> Any:
        self.called += 1
        self.item = value
        return value

    def configure_commands(self) -> Any:
        return {"keep": self.keep}


NESTED = [
    (PAYLOAD, ""),
    ([1, PAYLOAD], r"\[1\]"),
    ({"a": [{"b": PAYLOAD}]}, r"\['a'\]\[0\]\['b'\]"),
    (Extension("never_heard_of", {"inside": [PAYLOAD]}), r"\['inside'\]\[0\]"),
    (Extension("payload", CONTENT), ""),
]


@pytest.mark.parametrize(("value", "place"), NESTED)
def test_no_client_hands_in_a_payload(value: Any, place: str) -> None:
    driver = Driver(Root)
    with pytest.raises(
        CallError, match=rf"arguments\.value{place}: is a payload, which only works make"
    ) as caught:
        driver.call("keep", value=value)
    assert caught.value.reason == "INVALID_VALUE"
    for change, where in (
        (Set(("item",), value), "item"),
        (Splice(("items",), 0, 0, [1, value]), r"items\[1\]"),
    ):
        with pytest.raises(CallError, match=rf"root\.{where}{place}: is a payload") as caught:
            driver.update("root", change)
        assert caught.value.reason == "INVALID_VALUE"
    assert driver.vars() == {"item": None, "items": [], "called": 0}


def test_clients_hand_in_references_to_files() -> None:
    driver = Driver(Root)
    path = extension_of("path", {"path": "m", "origin": "root.a", **CONTENT})
    assert driver.call("keep", value=path).result == path
    kept = driver.root.item
    assert type(kept) is Path
    assert kept.extension_content() == path.extension_content()


def test_a_flow_makes_no_payload_and_passes_on_those_of_works() -> None:
    driver = Driver(Root)
    with pytest.raises(AttributeError, match="only within the run method of a work"):
        driver.root.item = Payload(1)
    driver.root.item = PAYLOAD
    with pytest.raises(RuntimeError, match=r"payload\.value is read"):
        _ = driver.root.item.value


def test_agents_learn_the_storage_and_the_journal() -> None:
    driver = Driver(Root, storage_url="memory://x")
    agent = FakeAgent(driver).attach()
    (welcome,) = agent.heard(Welcome)
    assert (welcome.storage_url, welcome.journal_id) == ("memory://x", driver.store._journal_id)


def test_the_sweep_at_the_begin_of_a_life_keeps_what_state_refers_to(tmp_path: LocalPath) -> None:
    driver = Driver(Root)
    depot = Depot((tmp_path / "storage").as_uri(), driver.store._journal_id)
    contents = [depot.publish_bytes(data) for data in (b"kept", b"gone")]
    for entry in (tmp_path / "storage").rglob("objects/*/*"):
        os.utime(entry, (time.time() - 2 * GRACE_SECONDS,) * 2)
    reference = Reference(path="m", origin="root.a", content=contents[0])
    driver.call("keep", value=extension_of("path", write_reference(reference)))
    driver.store.crash()
    with entered():
        open_storage(depot.url, driver.store.open())
        for thread in threading.enumerate():
            if thread.name == "flowrpc-sweep":
                thread.join(timeout=60)
    assert [depot.holds(content) for content in contents] == [True, False]
    depot.check()


def test_everything_that_state_refers_to_is_found() -> None:
    driver = Driver(Root)
    digests = [f"{number:064x}" for number in range(4)]
    values = [extension_of("path", {"path": "m", **CONTENT, "digest": digest}) for digest in digests[:2]]
    driver.call("keep", value={"a": [values[0]], "b": Extension("other", [values[1]])})
    driver.update(
        "root",
        Set(
            ("items",),
            [extension_of("path", {"path": "m", **CONTENT, "digest": digests[2], "kind": "folder"})],
        ),
    )
    driver.store.crash()
    assert set(referred_to(driver.store.open())) == {
        (digests[0], False),
        (digests[1], False),
        (digests[2], True),
    }
