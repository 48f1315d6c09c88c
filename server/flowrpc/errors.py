"""The exceptions of flowrpc, in one tree.

    FlowrpcError
    ├── InvalidValueError        a value that cannot be state, an argument or a result
    ├── InvalidChangeError       a change that does not fit the state it is applied to
    ├── ComponentError           a rule of the component model is broken
    │   ├── AttributeRuleError   … by setting an attribute (is an AttributeError too)
    │   └── TreeError            … by the shape of the tree: two parents, a cycle, a work with a child
    ├── WorkRunError             a run of a work failed, raised where the flow calls the work
    ├── LedgerFullError          a work was called with too many different arguments
    ├── CallError                a request that the service refuses; carries an `ErrorReason`
    ├── StorageError             the app's storage, or a file in it, cannot be used
    ├── ScriptError              a script that a work runs did not end well
    ├── AppLoadError             an app file that cannot be loaded
    ├── ContractError            an app's types cannot become a typed contract, or its lock does not fit
    ├── BundleError              an app's folder cannot be bundled, or not written to that place
    ├── StoreError               the data directory cannot be used
    │   ├── StoreLockedError     … because another flow service uses it
    │   ├── StoreFullError       … because its disk is full: nothing happened, and it can be tried again
    │   └── StoreCorruptError    … because what it holds is damaged
    └── StartError               a service cannot start: its address, credentials or options do not work

What unwinds user code on purpose (`component.calls.Unwind`, `component.stop.ExitApp`) derives from BaseException, so
that an `except Exception` of user code does not swallow it.
"""

from __future__ import annotations


class FlowrpcError(Exception):
    """Is the base of every error that flowrpc raises on purpose."""


class InvalidValueError(FlowrpcError, AttributeError):
    """Tells that a value cannot be state, an argument or a result.

    It is an AttributeError because that is what assigning a bad attribute raises in Python.
    """

    def __init__(self, place: str, problem: str) -> None:
        """Names the place (`root.names[3]`) and the problem, which says what to write instead."""
        super().__init__(f"{place}: {problem}")
        self.place = place
        self.problem = problem


class InvalidChangeError(FlowrpcError):
    """Tells that a change does not fit the state it is applied to; nothing of it was applied."""

    def __init__(self, place: str, problem: str) -> None:
        """Names the place (`names[3]`) and the problem."""
        super().__init__(f"{place}: {problem}")
        self.place = place
        self.problem = problem


class ComponentError(FlowrpcError):
    """Tells that a rule of the component model is broken."""


class AttributeRuleError(ComponentError, AttributeError):
    """Tells that an attribute may not be set like this."""


class TreeError(ComponentError, AttributeError):
    """Tells that components may not be put together like this."""


class WorkRunError(FlowrpcError):
    """Tells a flow that a run of one of its works failed.

    Raised by `self.work.run(...)` in the pass after the failure, if the work has `raise_exception=True`.
    """

    def __init__(self, work: str, type_name: str, message: str, remote_traceback: str) -> None:
        """Carries what user code raised in the work's process."""
        text = f"{work}.run failed: {type_name + ': ' if type_name else ''}{message}"
        super().__init__(f"{text}\n\n{remote_traceback.rstrip()}" if remote_traceback else text)
        self.work = work
        self.type_name = type_name
        self.message = message
        self.remote_traceback = remote_traceback


class LedgerFullError(FlowrpcError):
    """Tells that a work was called with more different arguments than its ledger holds."""


class CallError(FlowrpcError):
    """Tells a caller that its request is refused, with a reason that programs can read.

    `reason` is the name of an `ErrorReason` without its prefix, `metadata` what the reason's comment lists.
    """

    violations: tuple[tuple[str, str], ...] = ()
    """Fields of the request, and what is wrong with each; empty where the message says it all."""

    def __init__(self, reason: str, message: str, **metadata: str) -> None:
        """Takes the reason's name (`UNKNOWN_COMMAND`), a readable message and the metadata."""
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.metadata = metadata


class ScriptError(FlowrpcError):
    """Tells that a script that a work runs ended with an exit code other than 0, by a signal, or did not begin."""


class AppLoadError(FlowrpcError):
    """Tells that an app file cannot be loaded: it is missing, does not run, or holds no app or several."""


class StorageError(FlowrpcError):
    """Tells that the app's storage for files, or a file that should be in it, cannot be used."""


class ContractError(FlowrpcError):
    """Tells that an app's types cannot become a typed contract, or that its lock cannot be used."""

    def __init__(self, place: str, problem: str) -> None:
        """Names the place (`root.order(items=…)`) and the problem, which says what to write instead."""
        super().__init__(f"{place}: {problem}")
        self.place = place
        self.problem = problem


class BundleError(FlowrpcError):
    """Tells that an app's folder cannot be bundled, or the bundle not be written."""


class StoreError(FlowrpcError):
    """Tells that the data directory cannot be used."""


class StoreLockedError(StoreError):
    """Tells that another flow service uses the data directory."""


class StoreFullError(StoreError):
    """Tells that the disk of the data directory is full.

    What was to be written is not durable, in no part of it, and the store can be used on: it may be tried again.
    """


class StoreCorruptError(StoreError):
    """Tells that what the data directory holds is damaged."""


class StartError(FlowrpcError):
    """Tells that a service cannot start."""
