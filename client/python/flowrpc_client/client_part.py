"""Client parts of commands: fetched as text, and executed only by those who checked that they are trusted."""

from __future__ import annotations

import linecache
import secrets
import sys
import traceback
import weakref
from types import ModuleType
from typing import TYPE_CHECKING, Any

from flowrpc.protocol.answers import CommandInfo, CommandSource
from flowrpc.state.values import Value, copy_value

from flowrpc_client.errors import ClientPartError, CommandFailed, NotTrustedError
from flowrpc_client.trust import Offer

if TYPE_CHECKING:
    from flowrpc_client.client import FlowClient


def fetch(client: FlowClient, command: str) -> Offer:
    """Fetches a client part; nothing of it is run.

    Raises:
        CallError: There is no such command, or it has no client part.
        NotTrustedError: What came is not what the app lists.
    """
    source = client.command_source(command)
    info = next((info for info in client.commands() if info.name == source.command), None)
    if info is None or not _is_listed(info, source) or not _is_called(info, command):
        problem = f"the source that came for the client part of {command!r} is not the one that is listed; try again"
        raise NotTrustedError(command, problem)
    return Offer(app=client.app().name, info=info, source=source)


class RemoteMethod:
    """Stands at the client in the place of the flow's method, and calls it."""

    def __init__(self, client: FlowClient, info: CommandInfo, timeout: float | None = None) -> None:
        """Takes the command whose method it is; `timeout` is that of each call."""
        self.command_name = info.name
        self.app_address = client.address
        self.parameter_names = tuple(parameter.name for parameter in info.parameters)
        self._client = client
        self._timeout = timeout

    def __call__(self, /, **arguments: Value) -> Value:
        """Calls the method.

        Raises:
            CommandFailed: It raised; what it changed was undone.
        """
        outcome = self._client.call_outcome(self.command_name, arguments, timeout=self._timeout)
        if outcome.failure is not None:
            raise CommandFailed(self.command_name, outcome.failure)
        return outcome.result


class ClientPart:
    """The client part of a command, ready to run here. Call it with the arguments of its `run`, as often as needed.

    Making one executes the source: check the trust in it first. The source is executed in a module of its own, which
    is not the app's module even where that is imported, too.
    """

    def __init__(self, source: CommandSource, method: RemoteMethod) -> None:
        """Executes the source.

        Raises:
            ClientPartError: It does not run here, or makes no such class.
        """
        self.source = source
        """What runs."""
        self._method = method
        self._kind = _made_class(source)
        weakref.finalize(self, sys.modules.pop, self._kind.__module__, None)

    def __call__(self, /, **arguments: Value) -> Any:
        """Runs it, in a new instance of its class; gives back what its `run` returns.

        Raises:
            CallError: The arguments do not fit, or the app refuses the call of the method.
            CommandFailed: The method raised, and `run` let that pass.
        """
        values = {name: copy_value(value, f"arguments.{name}") for name, value in arguments.items()}
        return self._kind(self._method)._run_with(values)


def traceback_of(error: BaseException, source: CommandSource) -> str:
    """Writes the traceback of what a client part raised, from its own frames on."""
    frames = error.__traceback__
    while frames is not None and frames.tb_frame.f_code.co_filename != _file_of(source):
        frames = frames.tb_next
    return "".join(traceback.format_exception(type(error), error, frames)).rstrip()


def _is_listed(info: CommandInfo, source: CommandSource) -> bool:
    """Tells whether a source is what help and lists told of: it may have changed since, or the app may lie."""
    part = info.client_part
    return part is not None and (part.class_name, part.source_sha256) == (source.class_name, source.sha256)


def _is_called(info: CommandInfo, command: str) -> bool:
    """Tells whether a command is the one that was asked for: trust in another one does not count."""
    return command in (info.name, info.name.rpartition(".")[2])


def _made_class(source: CommandSource) -> Any:
    """Executes a source in a new module, and returns the class that it makes."""
    module = ModuleType(f"_flowrpc_client_part_{secrets.token_hex(8)}")
    module.__package__ = ""  # it is part of none: a relative import says so
    sys.modules[module.__name__] = module  # dataclasses and annotations ask for it
    try:
        _execute(source, module)
        return _class_in(module, source)
    except BaseException:
        sys.modules.pop(module.__name__, None)
        raise


def _execute(source: CommandSource, module: ModuleType) -> None:
    """Executes the bytes of a source, the ones that its digest is made of."""
    try:
        exec(_compiled(source), module.__dict__)
    except (Exception, SystemExit) as error:  # the source is user code
        raise ClientPartError(_explained(error, source)) from error


def _compiled(source: CommandSource) -> Any:
    # From text, not from bytes: those may declare an encoding in which code looks like something else.
    text = source.source.decode("utf-8-sig")
    file = _file_of(source)
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    return compile(text, file, "exec", dont_inherit=True)


def _file_of(source: CommandSource) -> str:
    """Names a source in tracebacks; no digest covers what the app calls its file, which may command terminals."""
    name = source.file_name if source.file_name.isprintable() else ascii(source.file_name)
    return f"<client part of {source.command}: {name}, sha256 {source.sha256[:12]}>"


def _explained(error: BaseException, source: CommandSource) -> str:
    what = f"the client part of {source.command!r}"
    if isinstance(error, ModuleNotFoundError) and error.name:
        return f"{what} needs the module {error.name!r}, which is not here; install what provides it"
    return f"{what} does not run here:\n{traceback_of(error, source)}"


def _class_in(module: ModuleType, source: CommandSource) -> Any:
    found: Any = module
    for name in source.class_name.split("."):
        found = getattr(found, name, None)
    if not isinstance(found, type) or found.__module__ != module.__name__ or not hasattr(found, "_run_with"):
        raise ClientPartError(
            f"the source of the client part of {source.command!r} makes no ClientCommand {source.class_name!r} here"
        )
    return found
