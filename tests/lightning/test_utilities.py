"""The small things that apps written for Lightning import."""

from __future__ import annotations

import logging
import socket
from typing import Any

import pytest
from flowrpc.component import LightningFlow, LightningWork
from flowrpc.lightning.structures import List
from flowrpc.lightning.testing import EmptyWork
from flowrpc.lightning.utilities.app_helpers import Logger, is_overridden, pretty_state
from flowrpc.lightning.utilities.cloud import is_running_in_cloud
from flowrpc.lightning.utilities.enum import (
    AppStage,
    CacheCallsKeys,
    WorkFailureReasons,
    WorkStageStatus,
    make_status,
)
from flowrpc.lightning.utilities.exceptions import (
    CacheMissException,
    ExitAppException,
    LightningWorkException,
    MisconfigurationException,
)
from flowrpc.lightning.utilities.imports import requires
from flowrpc.lightning.utilities.network import find_free_network_port
from flowrpc.state.records import FailureReason, RunStatus
from flowrpc.testing import AppFailed, SimulatedApp


class Fails(LightningWork):
    def __init__(self) -> None:
        super().__init__(raise_exception=False)

    def run(self) -> None:
        raise ValueError("boom")


class Root(LightningFlow):
    def __init__(self) -> None:
        self.fails = Fails()
        self.some = List(EmptyWork())
        self.count = 1

    def run(self) -> None:
        self.fails.run()
        self.some[0].run()


def test_stages_and_reasons_are_what_statuses_say() -> None:
    app = SimulatedApp(Root)
    app.run_works()
    fails, done = app.root.fails, app.root.some[0]

    assert fails.status.stage == WorkStageStatus.FAILED
    assert fails.status.reason == WorkFailureReasons.USER_EXCEPTION
    assert done.status.stage == WorkStageStatus.SUCCEEDED
    assert CacheCallsKeys.LATEST_CALL_HASH in done.state["calls"]


def test_the_words_are_those_of_the_service() -> None:
    known = {reason.value for reason in FailureReason}
    assert {reason.value for reason in WorkFailureReasons} <= known
    assert {status.value for status in RunStatus} & {stage.value for stage in WorkStageStatus}
    assert AppStage.RUNNING.value == "running"


def test_a_status_is_made_as_calls_have_it() -> None:
    status = make_status(WorkStageStatus.FAILED, "it broke", reason=WorkFailureReasons.TIMEOUT)

    assert status.pop("timestamp") > 0
    assert status == {"stage": "failed", "message": "it broke", "reason": "timed_out"}
    assert "message" not in make_status("running")


def test_a_pretty_state_has_public_vars_alone() -> None:
    shown = pretty_state(Root().state)

    assert shown["vars"] == {"count": 1}
    assert shown["works"] == {"fails": {"vars": {}}}
    assert shown["structures"] == {"some": {"works": {"0": {"vars": {}}}}}


def test_what_a_class_overrides() -> None:
    assert is_overridden("run", Root(), LightningFlow)
    assert not is_overridden("configure_layout", Root(), LightningFlow)
    with pytest.raises(AttributeError, match="no attribute 'nope'"):
        is_overridden("nope", Root(), LightningFlow)


def test_a_function_that_requires_what_is_missing_says_so_when_it_is_called() -> None:
    @requires(["json", "no_such_package.inside"])
    def needs(number: int) -> int:
        return number

    @requires("json")
    def has(number: int) -> int:
        return number

    assert has(3) == 3
    with pytest.raises(
        ModuleNotFoundError, match=r"needs needs no_such_package\.inside; install it first"
    ) as e:
        needs(3)
    assert "json" not in str(e.value)


def test_a_free_port_can_be_listened_on() -> None:
    with socket.create_server(("127.0.0.1", find_free_network_port())) as server:
        assert server.getsockname()[1] > 0


def test_loggers_and_the_cloud() -> None:
    assert Logger("shop") is logging.getLogger("shop")
    assert is_running_in_cloud() is False


class Ends(LightningFlow):
    def __init__(self, how: str) -> None:
        super().__init__()
        self.how = how
        self.seen: list[str] = []

    def run(self) -> None:
        try:
            getattr(self, self.how)("enough")
        except Exception:  # noqa: BLE001  # what user code does
            self.seen.append("an Exception")
        except ExitAppException:
            self.seen.append("an end")
            raise


@pytest.mark.parametrize("how", ["stop", "fail"])
def test_ends_unwind_under_the_names_that_apps_know(how: str) -> None:
    app = SimulatedApp(Ends(how))
    try:
        app.settle()
    except AppFailed:
        assert how == "fail"
    assert app.vars("root")["seen"] == ["an end"]


def test_a_call_that_waits_unwinds_by_the_name_that_apps_know() -> None:
    class Waits(LightningFlow):
        def __init__(self) -> None:
            self.work = EmptyWork()
            self.waited = False

        def run(self) -> None:
            try:
                self.work.run()
            except CacheMissException:
                self.waited = True
                raise

    app = SimulatedApp(Waits())
    app.run_works()
    assert app.root.waited


def test_broken_rules_are_the_exceptions_that_apps_know() -> None:
    class Nested(LightningWork):
        def __init__(self, child: Any) -> None:
            super().__init__()
            self.child = child

        def run(self) -> None: ...

    with pytest.raises(LightningWorkException):
        Nested(EmptyWork())
    assert MisconfigurationException is LightningWorkException
