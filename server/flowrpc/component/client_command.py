"""ClientCommand: a command with a part that runs at the client."""

from __future__ import annotations

from collections.abc import Callable
from types import MethodType
from typing import Any, ClassVar

from flowrpc.component.conversion import ArgumentRefused, Parameters, plain
from flowrpc.component.module_source import ModuleSource, read_source
from flowrpc.errors import CallError
from flowrpc.state import Value


class ClientCommand:
    """Is a command with a part that runs at the client: `run`, which calls the flow's method from there.

    `configure_commands` returns one in the place of a method: `{"submit": SubmitConfig(self.submit)}`. The service
    never calls `run`. Clients that allowed it get the module that defines the class, execute that in a module of its
    own, make an instance and call `run` with arguments as the annotations ask for. All other clients call the method,
    which is an ordinary command.

    What `run` needs has to be where the client is: the packages that the module imports, but no files beside it.
    """

    _source: ClassVar[ModuleSource | None] = None
    """The module that defines the class, as it was when the class was made."""

    def __init_subclass__(cls, **options: Any) -> None:
        """Keeps the source of the class: the file may be another one later."""
        super().__init_subclass__(**options)
        cls._source = read_source(cls)

    def __init__(self, method: Callable[..., Any]) -> None:
        """Takes the flow's method; at the client, what calls it."""
        self.method = method
        self.command_name: str = getattr(method, "command_name", "")
        """The qualified name of the command; empty at the service."""
        self.app_address: str = getattr(method, "app_address", "")
        """The address of the app that is called; empty at the service."""

    def run(self, *args: Any, **kwargs: Any) -> Any:
        """Runs at the client. Its parameters are what `flowctl call` takes, with annotations as those of methods."""
        raise NotImplementedError(f"{type(self).__name__} has no `run`")

    def invoke_handler(self, config: Any = None, /, **arguments: Any) -> Any:
        """Calls the flow's method and returns its result, a plain value.

        Args:
            config: Instead of arguments, one model, dataclass or dict. It is the argument of a method that has one
                parameter; of a method with several its fields are the arguments. May be given as `config=`, too.
            arguments: The arguments of the method. Objects travel as results of commands do.

        Raises:
            CallError: The app refuses them.
            CommandFailed: The method raised (`flowrpc_client.CommandFailed`); what it changed was undone.
        """
        names = self._parameter_names()
        if arguments.keys() == {"config"} and "config" not in names:
            config = arguments.pop("config")
        if config is not None and arguments:
            raise TypeError("invoke_handler takes one config or named arguments, not both")
        given = arguments if config is None else _fields(config, names)
        values = {name: plain(value) for name, value in given.items()}
        if isinstance(self.method, MethodType):  # in a test, without a service
            return plain(self.method(**_converted(self.method, self.method.__name__, values)))
        return self.method(**values)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Calls the flow's method, without the part that runs at the client."""
        return self.method(*args, **kwargs)

    def _run_with(self, arguments: dict[str, Value]) -> Any:
        """Runs with plain arguments; clients call it.

        Raises:
            CallError: They do not fit.
        """
        return self.run(**_converted(self.run, self.command_name, arguments))

    def _parameter_names(self) -> tuple[str, ...]:
        told: tuple[str, ...] | None = getattr(self.method, "parameter_names", None)
        return tuple(Parameters.of(self.method).by_name) if told is None else told


def _fields(config: Any, names: tuple[str, ...]) -> dict[str, Any]:
    """Makes arguments of a config: it is the only one, or has them as fields."""
    value = plain(config)
    if len(names) == 1 and not (isinstance(config, dict) and config.keys() == {*names}):
        return {names[0]: value}
    if not isinstance(value, dict):
        takes = ", ".join(names) or "no arguments"
        raise TypeError(
            f"the method takes {takes}: give a model, a dataclass or a dict with these, not {type(config).__name__}"
        )
    return value


def _converted(function: Callable[..., Any], command: str, arguments: dict[str, Value]) -> dict[str, Any]:
    try:
        return Parameters.of(function).convert(arguments)
    except ArgumentRefused as refused:
        message = f"{command}: {refused.problem}"
        raise CallError(
            "INVALID_ARGUMENTS", message, command=command, parameter=refused.parameter
        ) from refused
