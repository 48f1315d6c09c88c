"""The parameters of a function that clients call: what each takes, and what arguments become."""

from __future__ import annotations

import builtins
import functools
import inspect
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from inspect import Parameter
from types import MethodType, SimpleNamespace
from typing import Any

from flowrpc.component.conversion.annotations import converter_of
from flowrpc.component.conversion.containers import union
from flowrpc.component.conversion.converter import NONE, Converter, Misfit, did_you_mean
from flowrpc.component.conversion.refusals import Unusable, unresolved, written
from flowrpc.component.conversion.results import plain
from flowrpc.errors import ComponentError, InvalidValueError
from flowrpc.protocol.answers import ParameterInfo
from flowrpc.state import Value, copy_value


class ArgumentRefused(Exception):
    """Tells that arguments do not fit a function."""

    def __init__(self, parameter: str, problem: str) -> None:
        """Names the parameter, and says what is wrong."""
        super().__init__(problem)
        self.parameter = parameter
        self.problem = problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """What the parameters of a function take."""

    by_name: Mapping[str, Converter]
    rest: Converter | None
    """What every other argument is, if the function takes `**rest`."""
    required: frozenset[str]
    infos: tuple[ParameterInfo, ...]

    @classmethod
    def of(cls, function: Callable[..., Any]) -> Parameters:
        """Reads the signature of a function or method.

        Raises:
            ComponentError: Clients cannot call it. The message goes on after the name of the command.
        """
        if not isinstance(function, MethodType):
            return _read(function)
        owner = function.__self__
        return _of_method(function.__func__, owner if isinstance(owner, type) else type(owner))

    def convert(self, arguments: dict[str, Value]) -> dict[str, Any]:
        """Makes of arguments what the annotations ask for.

        Raises:
            ArgumentRefused: One is missing, not known or does not fit.
        """
        converted: dict[str, Any] = {}
        for name, value in arguments.items():
            converter = self.by_name.get(name, self.rest)
            if converter is None:
                raise self._unknown(name)
            if type(value) in converter.exact:
                converted[name] = value
            else:
                converted[name] = _converted(converter, name, value)
        if not self.required <= arguments.keys():
            missing = next(name for name in self.by_name if name in self.required - arguments.keys())
            raise ArgumentRefused(missing, f"the argument {missing!r} is missing")
        return converted

    def _unknown(self, name: str) -> ArgumentRefused:
        takes = f"it takes {', '.join(self.by_name)}" if self.by_name else "it takes no arguments"
        return ArgumentRefused(
            name, f"there is no argument {name!r}{did_you_mean(name, self.by_name)}; {takes}"
        )


@functools.lru_cache(maxsize=1_000)
def _of_method(function: Callable[..., Any], owner: type) -> Parameters:
    """Reads a method once, however many components have it and however often one comes or goes."""
    return _read(MethodType(function, owner))


def _read(function: Callable[..., Any]) -> Parameters:
    by_name: dict[str, Converter] = {}
    rest = None
    infos = []
    for parameter, annotation in annotated(function):
        converter = _converter(parameter, annotation)
        infos.append(_info(parameter, converter))
        if parameter.default is None and type(None) not in converter.exact | converter.takes:
            # `times: int = None` is a common way to say that it may be left out.
            converter = union([converter, NONE])
        if parameter.kind is Parameter.VAR_KEYWORD:
            rest = converter
        else:
            by_name[parameter.name] = converter
    required = frozenset(info.name for info in infos if info.required)
    return Parameters(by_name=by_name, rest=rest, required=required, infos=tuple(infos))


def _converted(converter: Converter, name: str, value: Value) -> Any:
    try:
        return converter.convert(value)
    except Misfit as misfit:
        raise ArgumentRefused(name, misfit.text(name)) from misfit


def annotated(function: Callable[..., Any], *, by_position: bool = False) -> list[tuple[Parameter, Any]]:
    """Returns the parameters of a function with their annotations, resolved.

    Args:
        function: The function or method.
        by_position: Whether its callers may give arguments without a name, as a flow does.

    Raises:
        ComponentError: Clients cannot call it. The message goes on after the name of the command.
    """
    try:
        parameters = inspect.signature(function).parameters.values()
    except ValueError as error:
        raise ComponentError(f"has no signature ({error}); wrap it in a method") from None
    for parameter in parameters:
        if not by_position and parameter.kind in (Parameter.POSITIONAL_ONLY, Parameter.VAR_POSITIONAL):
            raise ComponentError(
                f"takes {parameter} by position; clients name their arguments, so let it take it by name"
            )
    names = _Names(function)
    return [(parameter, names.resolve(parameter)) for parameter in parameters]


def annotated_result(function: Callable[..., Any]) -> Any:
    """Returns the annotation of what a function returns, resolved; Any if there is none.

    Raises:
        ComponentError: It uses names that cannot be found.
    """
    annotation = inspect.signature(function).return_annotation
    result = Parameter("return_", Parameter.KEYWORD_ONLY, annotation=annotation)
    return _Names(function).resolve(result)


def _mro(owner: object) -> tuple[type, ...]:
    return owner.__mro__ if isinstance(owner, type) else type(owner).__mro__


class _Names:
    """The names that annotations of a function may use: those of its module, then those of its class."""

    def __init__(self, function: Callable[..., Any]) -> None:
        inner = inspect.unwrap(getattr(function, "__func__", function))
        self._module: dict[str, Any] = getattr(inner, "__globals__", {})
        self._class = {
            name: value
            for base in reversed(_mro(getattr(function, "__self__", None)))
            for name, value in vars(base).items()
            # A method may be called `list`.
            if name not in self._module and not hasattr(builtins, name)
        }

    def resolve(self, parameter: Parameter) -> Any:
        """Resolves the annotation of a parameter.

        Raises:
            ComponentError: It uses names that cannot be found.
        """
        if parameter.annotation is Parameter.empty:
            return Any
        holder = SimpleNamespace(__annotations__={parameter.name: parameter.annotation})
        try:
            hints = typing.get_type_hints(holder, self._module, self._class, include_extras=True)
        except Exception as error:  # annotations are user code
            raise _cannot_use(parameter, Unusable(parameter.annotation, unresolved(error))) from error
        return hints[parameter.name]


def _converter(parameter: Parameter, annotation: Any) -> Converter:
    try:
        return converter_of(annotation)
    except Unusable as unusable:
        raise _cannot_use(parameter, unusable) from None


def _cannot_use(parameter: Parameter, unusable: Unusable) -> ComponentError:
    return ComponentError(f"annotates {parameter.name!r} with {unusable}")


def _info(parameter: Parameter, converter: Converter) -> ParameterInfo:
    required = parameter.default is Parameter.empty and parameter.kind is not Parameter.VAR_KEYWORD
    default: Value = None
    if parameter.default is not Parameter.empty:
        try:
            default = copy_value(plain(parameter.default), parameter.name)
        except InvalidValueError:
            default = None
    return ParameterInfo(
        name=parameter.name,
        annotation=_shown_annotation(parameter.annotation, converter),
        required=required,
        default=default,
    )


def _shown_annotation(annotation: Any, converter: Converter) -> str:
    if annotation is Parameter.empty:
        return ""
    if isinstance(annotation, str | type):
        return written(annotation)
    return converter.name
