"""Executing the attempts of one work, one after another, in the main thread of its process."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from threading import Thread, get_ident, main_thread
from time import sleep
from types import FrameType

from flowrpc.component.app import LightningApp
from flowrpc.component.building import build, find, take_out
from flowrpc.component.endpoint import LOCALHOST
from flowrpc.component.hosting import Cancelled, HostedWork, ReturnValueError, on_touch
from flowrpc.component.work import LightningWork
from flowrpc.errors import ComponentError
from flowrpc.protocol.messages import CancelAttempt, Serving, StartRun
from flowrpc.state.records import Failure, FailureReason
from flowrpc.work_service.failures import failure_of
from flowrpc.work_service.inbox import Inbox
from flowrpc.work_service.installed import check_installed
from flowrpc.work_service.lane import End, Lane
from flowrpc.work_service.served_endpoint import ServedEndpoint

CANCEL_SIGNAL = signal.SIGUSR1
"""Interrupts user code; sent to the main thread by the thread that reads."""
INSIST_SECONDS = 0.05
"""How long a cancellation waits before it signals again."""

_CANCELLED = Failure(reason=FailureReason.CANCELLED, message="the run was cancelled")


class Execution:
    """Builds the work at its first attempt and executes every attempt with it.

    Args:
        load: Loads the app, once.
        lane: Where changes and ends go.
        inbox: Where the flow's changes come from.
        addresses: The internal and the public address of this host.
    """

    def __init__(
        self,
        load: Callable[[], LightningApp],
        lane: Lane,
        inbox: Inbox,
        addresses: tuple[str, str] = (LOCALHOST, ""),
    ) -> None:
        self.run_id = ""
        """The run that is executed; empty between runs."""
        self._load = load
        self._lane = lane
        self._inbox = inbox
        self._addresses = addresses
        self._endpoint: ServedEndpoint | None = None
        self._work: HostedWork | None = None
        self._checked: tuple[str, ...] = ()
        """Requirements that are known to be installed."""
        self._key = ("", 0)
        self._cancelled_key = ("", 0)
        self._interruptible = False
        self._interrupted = False
        self._thread = get_ident()
        signal.signal(CANCEL_SIGNAL, self._on_signal)

    def execute(self, start: StartRun) -> Failure | None:
        """Executes an attempt and says how it ended; returns the failure, if it was one."""
        self._key, self.run_id, self._interrupted = (start.run_id, start.attempt), start.run_id, False
        self._inbox.begin(start)
        failure = self._prepare(start) or self._run(start)
        if self._work is not None:
            self._inbox.settle(self._work)
            self._work.end()
        if self._endpoint is not None:
            self._endpoint.run_ended(failed=failure is not None)
        sys.stdout.flush()
        sys.stderr.flush()
        self._lane.put(End(failure))
        self.run_id = ""
        return failure

    def leave(self) -> None:
        """Lets user code take its leave; no attempt is executed, and none will be."""
        if self._work is not None:
            self._work.leave()
        sys.stdout.flush()
        sys.stderr.flush()

    def cancel(self, request: CancelAttempt) -> None:
        """Raises `Cancelled` in user code, now or when it begins; called by the thread that reads."""
        self._cancelled_key = key = request.run_id, request.attempt
        Thread(target=self._insist, args=[key], name="flowrpc-cancel", daemon=True).start()

    def _insist(self, key: tuple[str, int]) -> None:
        """Signals until user code was interrupted: a signal just before a blocking system call interrupts nothing."""
        ident = main_thread().ident
        assert ident is not None, "the main thread runs"
        while self._key == key and self.run_id and not self._interrupted:
            signal.pthread_kill(ident, CANCEL_SIGNAL)
            sleep(INSIST_SECONDS)

    # Building

    def _prepare(self, start: StartRun) -> Failure | None:
        try:
            if start.requirements != self._checked:
                check_installed(start.work, start.requirements)
                self._checked = start.requirements
            if self._work is None:
                self._work = self._host(start)
            else:
                self._work.restore(start.vars)
        except BaseException as error:  # noqa: BLE001 - whatever the app's file or a constructor raises
            return failure_of(error, FailureReason.NOT_BUILT)
        self._work.begin(start.run_id, start.attempt)
        return None

    def _host(self, start: StartRun) -> HostedWork:
        app = self._load()
        if start.recipe is None:
            component = find(app.root, start.work)
        else:
            component = take_out(build(start.recipe), start.recipe_component, start.work)
        if not isinstance(component, LightningWork):
            raise ComponentError(f"{start.work} is no LightningWork but a {type(component).__name__}")
        work = HostedWork(component, name=start.work, vars=start.vars, log=self._lane)
        component.__dict__["_endpoint"] = self._endpoint = self._make_endpoint(component)
        self._lane.news, self._lane.on_news = self._inbox.news, self._catch_up
        on_touch(self._touched)
        return work

    def _make_endpoint(self, work: LightningWork) -> ServedEndpoint:
        internal_ip, public_ip = self._addresses
        return ServedEndpoint(
            host=work.host,
            port=work._fixed_port,
            last_port=work._port,
            internal_ip=internal_ip,
            public_ip=public_ip,
            tell=lambda port, url: self._lane.serve(Serving(work=work.name, port=port, url=url)),
        )

    # User code

    def _run(self, start: StartRun) -> Failure | None:
        try:
            return self._run_interruptibly(start)
        except Cancelled:  # it came just when user code had ended
            return _CANCELLED

    def _run_interruptibly(self, start: StartRun) -> Failure | None:
        assert self._work is not None, "the work was built"
        try:
            self._interruptible = True
            self._raise_if_cancelled()
            self._work.start()
            if not start.prepare:
                self._work.execute(start.args, start.kwargs)
        except Cancelled:
            return _CANCELLED
        except ReturnValueError as error:
            return failure_of(error, FailureReason.BROKEN_RULE)
        except BaseException as error:  # noqa: BLE001 - the end of user code, whatever it raises
            if isinstance(error, Exception):
                self._work.failed(error)
            return failure_of(error)
        finally:
            self._interruptible = False
        return None

    def _touched(self) -> None:
        if (self._inbox.news or self._inbox.hands) and get_ident() == self._thread:
            self._catch_up()

    def _catch_up(self) -> None:
        """Applies what the flow said; a cancellation waits until that is done whole."""
        if self._work is None or not self._interruptible:
            return
        self._interruptible = False
        try:
            self._inbox.catch_up(self._work)
        finally:
            self._interruptible = True
        self._raise_if_cancelled()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self._interruptible:
            self._raise_if_cancelled()

    def _raise_if_cancelled(self) -> None:
        """Raises once for each attempt, so that what user code does to clean up is not disturbed."""
        if self._cancelled_key == self._key and not self._interrupted:
            self._interrupted = True
            if self._work is not None:
                self._work.cancel()
            raise Cancelled
