"""The end of an app: stopped, or failed for something that its flow did not meet."""

from __future__ import annotations

import logging
from dataclasses import replace

from flowrpc.component.component import type_name
from flowrpc.errors import CallError, WorkRunError
from flowrpc.flow_service.calls import FlowCalls
from flowrpc.flow_service.dispatcher import Dispatcher
from flowrpc.flow_service.effects import Exit
from flowrpc.flow_service.ledger import Ledger
from flowrpc.flow_service.outgoing import Outgoing
from flowrpc.flow_service.tree import Tree
from flowrpc.state.records import AppStage, AppStatus, Failure

logger = logging.getLogger(__name__)


class AppEnd:
    """Ends the app, once.

    Args:
        tree: The components.
        ledger: The runs.
        calls: The calls of works, which know what failed.
        dispatcher: Ends what is under way.
        outgoing: Takes effects.
    """

    def __init__(
        self, tree: Tree, ledger: Ledger, calls: FlowCalls, dispatcher: Dispatcher, outgoing: Outgoing
    ) -> None:
        self._tree = tree
        self._ledger = ledger
        self._calls = calls
        self._dispatcher = dispatcher
        self._outgoing = outgoing
        self.status: AppStatus | None = None
        """How the app ended; None while it runs."""

    @property
    def refusal(self) -> CallError:
        """What calls are refused with after it."""
        assert self.status is not None, "nothing is refused before"
        return CallError(
            "STOPPING", f"the app has ended ({self.status.stage.value}); start it again to go on"
        )

    def check_running(self) -> None:
        """Refuses what comes too late.

        Raises:
            CallError: The app has ended.
        """
        if self.status is not None:
            raise self.refusal

    def end(self, status: AppStatus) -> None:
        """Ends the app."""
        self.status = self._tree.builder.app = status
        self._dispatcher.cancel_all()
        self._outgoing.emit(Exit(status))

    def fail(self, failure: Failure) -> None:
        """Ends the app for a failure."""
        headline = failure.message.partition("\n")[0]
        told = failure.type == type_name(WorkRunError).replace(":", ".")  # when its run failed
        logger.error("the app failed: %s", headline if told else failure.traceback or failure.message)
        self.end(AppStatus(stage=AppStage.FAILED, message=headline, failure=failure))

    def check_unmet(self) -> None:
        """Fails the app for a failed run that the flow should have met in this pass and did not."""
        for run_id in self._calls.take_unmet():
            record = self._ledger.record(run_id)
            work = self._tree.find_work(record.run.work) if record else None
            if record is None or work is None or not work.raise_exception or record.run.failure is None:
                continue
            failure = record.run.failure
            what = "start failed" if record.run.prepares else "run failed and the flow did not call it again"
            self.fail(replace(failure, message=f"{work.name}.{what}: {failure.message}"))
            return
