"""What a dashboard is told of revisions."""

from __future__ import annotations

from datetime import UTC, datetime

from flowrpc.flow_service.publisher import Publisher
from flowrpc.gateway.dashboard_feed import PART_VARS, SHOWN_VARS, Changed, events_of
from flowrpc.protocol.requests import WatchState
from flowrpc.state.changes import Set
from flowrpc.state.records import ComponentKind, ComponentRecord, Delta, Revision, Run
from flowrpc.state.replica import Replica


def component(name: str, **vars_: object) -> ComponentRecord:
    return ComponentRecord(name=name, kind=ComponentKind.FLOW, type="app:Root", vars=dict(vars_))  # type: ignore[arg-type]


def revision(number: int, *deltas: Delta, runs: tuple[Run, ...] = ()) -> Revision:
    return Revision(number=number, time=datetime(2026, 1, 1, tzinfo=UTC), deltas=deltas, runs=runs)


def publisher(*components: ComponentRecord) -> Publisher:
    return Publisher(Replica(revision=1, components=components), journal_id="j")


def test_a_dashboard_begins_with_everything_in_parts() -> None:
    served = publisher(component("root"), *(component(f"root.{n}") for n in range(PART_VARS)))
    with served.follow(WatchState()) as watch:
        changed = Changed()
        assert changed.take(watch)
        first, second = events_of(changed, served)
    assert first["whole"]
    assert [len(part["components"]) for part in (first, second)] == [PART_VARS, 1]
    assert "whole" not in second


def test_of_a_component_with_very_many_vars_the_first_ones_are_told() -> None:
    many = {f"var_{number}": number for number in range(SHOWN_VARS + 7)}
    served = publisher(component("root", **many), component("root.a", **many), component("root.b", **many))
    with served.follow(WatchState()) as watch:
        changed = Changed()
        changed.take(watch)
        parts = list(events_of(changed, served))
    assert [len(part["components"]) for part in parts] == [2, 1]
    for one in [one for part in parts for one in part["components"]]:
        assert (len(one["vars"]), one["more"]) == (SHOWN_VARS, 7)


def test_many_revisions_of_a_var_are_told_once_as_it_is_now() -> None:
    served = publisher(component("root", count=0), component("root.other"))
    with served.follow(WatchState()) as watch:
        Changed().take(watch)
        for number in range(2, 50):
            served.publish(revision(number, Delta(component="root", changes=(Set(("count",), number),))), b"")
        changed = Changed()
        assert changed.take(watch)
        (event,) = events_of(changed, served)
        assert not Changed().take(watch)
    assert event["revision"] == 49
    assert [(one["name"], one["vars"]) for one in event["components"]] == [("root", {"count": "49"})]


def test_what_is_gone_and_what_runs_is_told() -> None:
    served = publisher(component("root"), component("root.old"))
    with served.follow(WatchState()) as watch:
        Changed().take(watch)
        served.publish(
            revision(
                2,
                Delta(component="root.old", detached=True),
                runs=(Run(run_id="r", work="root", call_key="k"),),
            ),
            b"",
        )
        changed = Changed()
        changed.take(watch)
        (event,) = events_of(changed, served)
    assert event["gone"] == ["root.old"]
    assert [run["status"] for run in event["runs"]] == ["pending"]
    assert event["layout"] == {"flow": "root", "target": "", "tabs": []}, "what is gone may have been a tab"
