from datetime import timedelta

from flowrpc.state.records import Failure, FailureReason, RunStatus
from flowrpc_client import FlowClient

from tests.client.fake_service import BEGIN, FakeService, run_of


def test_state_has_the_nested_shape(client: FlowClient) -> None:
    work: dict[str, object] = {"calls": {}, "changes": {}}

    assert client.state() == {
        "vars": {"counter": 1, "names": ["a"], "big": 2**70},
        "calls": {},
        "flows": {
            "child": {
                "vars": {"ratio": 0.1},
                "calls": {},
                "flows": {},
                "works": {"deep": {"vars": {"loss": 1.0}} | work},
                "structures": {},
                "changes": {},
            }
        },
        "works": {"train": {"vars": {"epoch": 3}} | work},
        "structures": {
            "dags": {
                "works": {"0": {"vars": {"left": 5}} | work},
                "flows": {},
                "structures": {
                    "1": {
                        "works": {},
                        "structures": {},
                        "flows": {
                            "x": {
                                "vars": {"inside": True},
                                "calls": {},
                                "flows": {},
                                "works": {},
                                "structures": {},
                                "changes": {},
                            }
                        },
                    }
                },
            }
        },
        "changes": {},
    }


def test_state_of_one_component_begins_there(client: FlowClient) -> None:
    assert client.state("root.child")["works"]["deep"]["vars"] == {"loss": 1.0}
    assert client.state("root.train") == {"vars": {"epoch": 3}, "calls": {}, "changes": {}}
    assert client.state("root.child", exclude_children=True)["works"] == {}
    assert set(client.state("root.dags")) == {"works", "flows", "structures"}


def test_calls_of_a_work_come_from_its_runs(client: FlowClient, service: FakeService) -> None:
    minute = timedelta(minutes=1)
    failure = Failure(reason=FailureReason.EXCEPTION, message="boom", traceback="Traceback …")
    service.commit(
        "root",
        runs=[
            run_of(3),
            run_of(
                1,
                status=RunStatus.FAILED,
                started_at=BEGIN + 2 * minute,
                ended_at=BEGIN + 3 * minute,
                failure=failure,
            ),
        ],
    )

    calls = client.state()["works"]["train"]["calls"]

    start = BEGIN.timestamp()
    assert calls["latest_call_hash"] == f"{3:064x}"
    assert calls[f"{3:064x}"]["statuses"] == [
        {"stage": "pending", "timestamp": start + 180, "reason": "", "message": "", "count": 0}
    ]
    assert calls[f"{1:064x}"]["statuses"] == [
        {"stage": "pending", "timestamp": start + 60, "reason": "", "message": "", "count": 0},
        {"stage": "running", "timestamp": start + 120, "reason": "", "message": "", "count": 0},
        {
            "stage": "failed",
            "timestamp": start + 180,
            "reason": "exception",
            "message": "Traceback …",
            "count": 0,
        },
    ]


def test_of_equal_calls_the_newest_run_counts(client: FlowClient, service: FakeService) -> None:
    service.commit(
        "root",
        runs=[
            run_of(9, call_key="same", status=RunStatus.CANCELLED, ended_at=BEGIN),
            run_of(2, call_key="same"),
        ],
    )

    statuses = client.state()["works"]["train"]["calls"]["same"]["statuses"]

    assert [status["stage"] for status in statuses] == ["pending", "stopped"]


def test_a_run_that_succeeded_has_returned(client: FlowClient, service: FakeService) -> None:
    service.commit("root", runs=[run_of(1, status=RunStatus.SUCCEEDED, ended_at=BEGIN)])

    assert client.state()["works"]["train"]["calls"][f"{1:064x}"]["ret"] is None
