"""Works that hand files over to each other, each in a process of its own as far as files go."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path as LocalPath
from typing import Any

import pytest
from flowrpc.component import LightningWork
from flowrpc.component.hosting import HostedWork
from flowrpc.errors import InvalidValueError, StorageError
from flowrpc.state import ChangeLog, Set, Value
from flowrpc.storage import Path, Payload
from flowrpc.storage.exchange import Exchange
from flowrpc.storage.process import entered
from flowrpc.storage.stamp import stamp_of
from flowrpc.wire.values import decode_value, encode_value

from tests.storage.conftest import MakeExchange


class Job(LightningWork):
    """Does what it is told."""

    def __init__(self) -> None:
        super().__init__(cache_calls=False)
        self.model: Any = Path("model.pt")
        self.all: Any = []
        self.seen: Any = None

    def run(self, *args: Any) -> None:
        self._do(self, *args)  # type: ignore[attr-defined]


@contextmanager
def hosted(exchange: Exchange, vars: dict[str, Value] | None = None) -> Iterator[tuple[Any, ChangeLog, Any]]:
    """Hosts a job; calling the last of the three runs a function in it."""
    with entered(exchange=exchange):
        job = Job()
        log = ChangeLog()
        host = HostedWork(
            job, name=exchange.work, vars={var: sent(value) for var, value in (vars or {}).items()}, log=log
        )

        def run(do: Any, *args: Value) -> list[Any]:
            job.__dict__["_do"] = do
            host.execute([sent(arg) for arg in args], {})
            return [change for _, change, _ in log.take()]

        yield job, log, run


def sent(value: Any) -> Any:
    """Sends a value over the wire, into whatever process this is then."""
    return decode_value(encode_value(value), "there")


def write(text: str) -> Any:
    def do(job: Any) -> None:
        job.model.write_text(text)

    return do


def test_what_a_run_wrote_is_published_when_it_has_succeeded(make_exchange: MakeExchange) -> None:
    with hosted(make_exchange("root.a")) as (job, _, run):
        (change,) = run(write("weights"))
        assert change == Set(("model",), job.model)
        assert job.model.content.size == 7
        assert (job.model.origin, str(job.model.reference.path)) == ("root.a", "model.pt")
        assert run(lambda job: None) == []
        assert run(write("weights")) == [], "the same content is no change"
        assert len(run(write("others!"))) == 1


def test_a_run_that_fails_publishes_nothing(make_exchange: MakeExchange) -> None:
    def fail(job: Any) -> None:
        job.model.write_text("half")
        raise LookupError("mine")

    with hosted(make_exchange("root.a")) as (job, log, run):
        with pytest.raises(LookupError):
            run(fail)
        assert (job.model.published, log.entries) == (False, [])


def test_an_assignment_publishes_at_once_and_before_it_is_told(make_exchange: MakeExchange) -> None:
    exchange = make_exchange("root.a")

    def do(job: Any) -> None:
        job.model.write_text("1")
        job.model = job.model
        assert exchange.depot.holds(job.model.content)
        first = job.model
        job.model.write_text("2")
        job.model = Path("model.pt")
        assert job.model.content != first.content

    with hosted(exchange) as (_, _, run):
        assert [change.path for change in run(do)] == [("model",), ("model",)]


def test_publish_replaces_the_vars_that_hold_the_path(make_exchange: MakeExchange) -> None:
    def do(job: Any) -> None:
        job.all = [{"m": job.model}, 1]
        job.model.write_text("1")
        published = job.model.publish()
        assert published.published
        assert job.model.content == published.content
        assert job.all[0]["m"].content == published.content

    with hosted(make_exchange("root.a")) as (_, _, run):
        assert [change.path for change in run(do)][-1] == ("all", 0, "m")


def test_paths_in_containers_are_published_at_the_end(make_exchange: MakeExchange) -> None:
    def do(job: Any) -> None:
        for number in range(3):
            path = Path(f"{number}.pt")
            path.write_text(str(number))
            job.all.append(path)

    with hosted(make_exchange("root.a")) as (job, _, run):
        run(do)
        assert [path.content.size for path in job.all] == [1, 1, 1]
        assert {path.origin for path in job.all} == {"root.a"}


def handed(make_exchange: MakeExchange, text: str = "weights") -> Any:
    """Lets `root.a` publish a file; returns the reference."""
    with hosted(make_exchange("root.a")) as (job, _, run):
        run(write(text))
        return job.model


def test_an_argument_is_a_file_when_user_code_begins(make_exchange: MakeExchange) -> None:
    reference = handed(make_exchange)
    seen = []

    def read(job: Any, model: Any, more: Any) -> None:
        seen.extend([model.read_text(), more[0]["k"].read_text(), model.name])
        assert model == more[0]["k"]
        job.model = model

    with hosted(make_exchange("root.b")) as (job, _, run):
        run(read, reference, [{"k": reference}])
        assert job.model.reference == reference.reference, "what it passes on is what it got"
    assert seen == ["weights", "weights", "model.pt"]


def test_a_work_gets_what_it_published_itself_without_losing_what_it_writes(
    make_exchange: MakeExchange,
) -> None:
    reference = handed(make_exchange, "old")

    def read(job: Any, model: Any) -> None:
        job.model.write_text("newer")
        assert model.read_text() == "old"

    with hosted(make_exchange("root.a")) as (job, _, run):
        run(read, reference)
        assert job.model.content.size == 5


def test_get_fetches_a_var(make_exchange: MakeExchange) -> None:
    reference = handed(make_exchange)

    def read(job: Any) -> None:
        assert not job.model.exists()
        assert job.model.get().read_text() == "weights"
        assert job.model.exists()
        job.model.get()
        job.model.write_text("changed")
        with pytest.raises(FileExistsError, match=r"not what root\.a published; get\(overwrite=True\)"):
            job.model.get()
        assert job.model.read_text() == "changed"
        assert job.model.get(overwrite=True).read_text() == "weights"

    with hosted(make_exchange("root.b"), {"model": reference}) as (_, _, run):
        assert run(read) == []


def test_a_changed_copy_is_no_argument(make_exchange: MakeExchange) -> None:
    reference = handed(make_exchange)

    def spoil(job: Any, model: Any) -> None:
        assert model.read_text() == "weights"
        model.write_text("WEIGHTS")

    with hosted(make_exchange("root.b")) as (_, _, run):
        for _ in range(3):
            run(spoil, reference)


def test_an_unpublished_path_names_work_and_file(make_exchange: MakeExchange) -> None:
    job = Job()
    job._rename("root.a")
    reference = job.model
    with hosted(make_exchange("root.b"), {"model": reference}) as (job, _, run):
        with pytest.raises(
            StorageError, match=r"root\.b needs 'model\.pt' of root\.a, which has not published"
        ):
            run(lambda job, path: None, reference)
        with pytest.raises(
            StorageError, match=r"root\.b needs 'model\.pt' of root\.a, which has not published"
        ):
            run(lambda job: job.model.get())
        with pytest.raises(StorageError, match=r"root\.b cannot publish .*, which it got from root\.a"):
            run(lambda job: job.model.publish())


def test_a_path_of_nobody_is_a_name_for_the_work_that_gets_it(make_exchange: MakeExchange) -> None:
    name = Path("out/result.txt")

    def do(job: Any, out: Any) -> None:
        out.parent.mkdir(exist_ok=True)
        out.write_text("result")
        job.seen = out

    with hosted(make_exchange("root.a")) as (job, _, run):
        run(do, name)
        assert (job.seen.origin, job.seen.content.size) == ("root.a", 6)


def test_a_folder_replaces_a_folder(make_exchange: MakeExchange) -> None:
    def do(job: Any) -> None:
        folder = Path("data")
        folder.mkdir()
        (folder / "x").write_text("1")
        job.model = folder
        (folder / "y").write_text("2")
        job.model.get(overwrite=True)
        assert [path.name for path in folder.iterdir()] == ["x"]

    with hosted(make_exchange("root.a")) as (job, _, run):
        run(do)
        assert job.model.content.size == 1


def test_what_is_not_below_the_folder_is_no_state(make_exchange: MakeExchange, tmp_path: LocalPath) -> None:
    (tmp_path / "secret").write_text("s")

    def outside(job: Any, path: str) -> None:
        job.model = Path(path)

    def linked(job: Any) -> None:
        job.model.symlink_to(tmp_path / "secret")
        job.model = job.model

    with hosted(make_exchange("root.a")) as (_, _, run):
        for path in (str(tmp_path / "secret"), "../fetched", "a/../../x", ""):
            with pytest.raises(InvalidValueError, match=r"root\.a\.model"):
                run(outside, path)
        with pytest.raises(StorageError, match="leads out of the folder of the work"):
            run(linked)


def test_publishing_what_is_not_there_is_told(make_exchange: MakeExchange) -> None:
    problem = r"root\.a cannot publish 'model\.pt': there is no"
    with hosted(make_exchange("root.a")) as (_, _, run), pytest.raises(StorageError, match=problem):
        run(lambda job: job.model.publish())


def test_a_damaged_content_leaves_nothing_behind(make_exchange: MakeExchange, folder_depot: Any) -> None:
    reference = handed(make_exchange)
    (kept,) = (
        LocalPath(folder_depot.url.removeprefix("file://")) / entry.key for _, entry in folder_depot.objects()
    )
    kept.write_bytes(b"WEIGHTS")
    exchange = make_exchange("root.b")
    with hosted(exchange) as (_, _, run), pytest.raises(StorageError, match="is damaged"):
        run(lambda job, path: None, reference)
    assert [path for path in exchange.workspace.files.parent.rglob("*") if path.is_file()] == []


def test_a_flow_without_storage_is_told_of(make_exchange: MakeExchange) -> None:
    with hosted(make_exchange("root.a", None)) as (_, _, run):
        run(lambda job: None)
        with pytest.raises(StorageError, match="the flow has told of no storage"):
            run(write("x"))


def test_fetched_files_go_after_a_day_without_use(make_exchange: MakeExchange) -> None:
    one, two = handed(make_exchange, "one"), handed(make_exchange, "two")
    exchange = make_exchange("root.b")
    with hosted(exchange) as (_, _, run):
        run(lambda job, *paths: None, one, two)
        fetched = exchange.workspace.files.parent / "fetched"
        for path in fetched.iterdir():
            os.utime(path, (time.time() - 90_000,) * 2)
        run(lambda job, *paths: None, two)
        assert [path.name for path in fetched.iterdir()] == [two.content.digest]


def test_a_stamp_tells_what_changed(tmp_path: LocalPath) -> None:
    place = tmp_path / "folder"
    (place / "sub").mkdir(parents=True)
    (place / "sub" / "file").write_text("1")
    young = stamp_of(place)
    assert not young.reliable
    (place / "sub" / "file").write_text("22")
    assert stamp_of(place).facts != young.facts


def test_a_payload_crosses(make_exchange: MakeExchange) -> None:
    value = {"set": {1, 2}, "bytes": b"\0", "nested": [object]}

    def make(job: Any) -> None:
        job.model = Payload(value)
        job.all.append(Payload(5))
        assert job.model.value is value

    with hosted(make_exchange("root.a")) as (job, _, run):
        run(make)
        reference, other = job.model, job.all[0]

    def read(job: Any, payload: Any, five: Any) -> None:
        assert payload.value == value
        assert payload.value is payload.value
        job.seen = five.value
        job.all = [payload, five]

    with hosted(make_exchange("root.b")) as (job, _, run):
        run(read, reference, other)
        assert job.seen == 5
        assert job.all == [reference, other]


def test_a_payload_is_set_in_run_only(make_exchange: MakeExchange) -> None:
    problem = r"root\.a\.model\['payload'\]: .*only within the run method"
    with hosted(make_exchange("root.a")) as (job, _, _), pytest.raises(AttributeError, match=problem):
        job.model = Payload(1)
    job = Job()
    with pytest.raises(InvalidValueError, match="only within the run method"):
        job.model = Payload(1)


def test_what_cannot_be_pickled_is_told(make_exchange: MakeExchange) -> None:
    def make(job: Any) -> None:
        job.model = Payload(lambda: None)

    problem = r"a function cannot be pickled: .*write it to a Path"
    with hosted(make_exchange("root.a")) as (_, _, run), pytest.raises(InvalidValueError, match=problem):
        run(make)


def test_a_payload_is_unpickled_only_if_it_has_its_digest(
    make_exchange: MakeExchange, folder_depot: Any
) -> None:
    def make(job: Any) -> None:
        job.model = Payload("x")

    with hosted(make_exchange("root.a")) as (job, _, run):
        run(make)
        reference = job.model
    (kept,) = (
        LocalPath(folder_depot.url.removeprefix("file://")) / entry.key for _, entry in folder_depot.objects()
    )
    kept.write_bytes(b"cos\nsystem\n(S'touch pwned'\ntR.")
    with hosted(make_exchange("root.b")) as (_, _, run), pytest.raises(StorageError, match="is damaged"):
        run(lambda job, payload: payload.value, reference)


def test_flows_unpickle_nothing(folder_depot: Any) -> None:
    reference = sent(Payload.from_content({"digest": "0" * 64, "size": 1, "kind": "file"}))
    with (
        entered(depot=folder_depot),
        pytest.raises(RuntimeError, match="is read in a flow; hand the payload"),
    ):
        _ = reference.value
    with pytest.raises(RuntimeError, match="is read outside of a work"):
        _ = reference.value
