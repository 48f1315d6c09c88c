"""Arguments without a parameter of their own: `**rest` takes them, and takes nothing else."""

from __future__ import annotations

import pytest

from tests.contract.evolving_app import Attr, Command, RunningSpec, Spec
from tests.contract.old_client import OldClient
from tests.contract.test_evolution import Refused, Served, built_of

FIRST = Command(1, "call", (Attr(2, "a", ("int",), 0),), ("int",), rest=True)
METHOD = "/shop.v1.RootService/Call"


def test_rest_takes_what_has_no_parameter() -> None:
    running, served, client = _served(FIRST)
    request = client.message("CallRequest")
    request.a = 1
    request.rest["b"] = 2
    served.call(METHOD, request.SerializeToString())
    assert running.received == [(1, {"a": 1, "rest": {"b": 2}})]


@pytest.mark.parametrize("name", ["a", "request_id"])
def test_rest_takes_nothing_that_has_a_parameter(name: str) -> None:
    running, served, client = _served(FIRST)
    request = client.message("CallRequest")
    request.rest[name] = 2
    with pytest.raises(Refused, match=rf"rest\['{name}'\] is a parameter of its own; send it as that field"):
        served.call(METHOD, request.SerializeToString())
    assert running.received == []


def test_a_parameter_of_what_rest_took_breaks_who_sent_it_there() -> None:
    before = built_of(RunningSpec(Spec((), (FIRST,), ())), None).lock
    second = Command(1, "call", (*FIRST.attrs, Attr(3, "b", ("int",), 0)), ("int",), rest=True)
    (only,) = built_of(RunningSpec(Spec((), (second,), ())), before).breaks
    assert str(only).startswith(
        "CallRequest.b is new: clients that send it among the arguments without a parameter"
    )


def _served(command: Command) -> tuple[RunningSpec, Served, OldClient]:
    spec = Spec((), (command,), ())
    running = RunningSpec(spec)
    running.results[command.key] = 0
    built = built_of(running, None)
    return running, Served(spec, built, running), OldClient(spec, built)
