"""From a tree of components to its contract: what its flows offer, and what their state looks like."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from dataclasses import replace
from inspect import Parameter
from typing import Any, Protocol

from flowrpc.component.component import Component
from flowrpc.component.conversion.converter import shown
from flowrpc.component.conversion.items import is_stream, item_annotation
from flowrpc.component.conversion.parameters import annotated, annotated_result
from flowrpc.component.conversion.refusals import Unusable
from flowrpc.component.conversion.results import plain
from flowrpc.component.flow import LightningFlow
from flowrpc.component.structures import Structure
from flowrpc.component.work import LightningWork
from flowrpc.contract import names
from flowrpc.contract.annotations import Definitions
from flowrpc.contract.docstrings import argument_help, summary
from flowrpc.contract.inference import shape_of_values
from flowrpc.contract.runs import run_field
from flowrpc.contract.shape import (
    ANY,
    Contract,
    FieldShape,
    Known,
    KnownMessage,
    Leaf,
    MessageShape,
    MethodShape,
    Ref,
    Scalar,
    ServiceShape,
    Shape,
    optional,
)
from flowrpc.contract.var_annotations import var_annotations
from flowrpc.errors import ComponentError, ContractError

RESERVED_PARAMETERS = frozenset({"request_id"})
"""Names of fields that every request of a command has beside its parameters."""
_LOOKS = ("GetState", "WatchState")
"""Methods that every service has beside its commands."""


class Offered(Protocol):
    """A command, as an app configures it."""

    @property
    def name(self) -> str:
        """The qualified name."""

    @property
    def flow(self) -> str:
        """Full name of the flow."""

    @property
    def method(self) -> Callable[..., Any]:
        """What answers."""


def survey(root: LightningFlow, commands: Iterable[Offered], package: str) -> Contract:
    """Looks at a freshly built tree and says what its contract is.

    Args:
        root: The root flow, before any state was restored: dynamic components are no part of a contract.
        commands: All commands of the tree.
        package: The protobuf package: `shop.v1`.

    Raises:
        ContractError: A type cannot be part of a contract, or two names become one.
    """
    return _Survey(root, package).of(commands)


class _Survey:
    def __init__(self, root: LightningFlow, package: str) -> None:
        self._root = root
        self._package = package
        self._definitions = Definitions()
        self._services: dict[str, ServiceShape] = {}
        self._unread: dict[str, None] = {}
        self._instances: dict[type, list[Component]] = {}
        for component in root._walk():
            self._instances.setdefault(type(component), []).append(component)

    def of(self, commands: Iterable[Offered]) -> Contract:
        by_flow: dict[str, list[Offered]] = {self._root.name: []}
        for command in commands:
            by_flow.setdefault(command.flow, []).append(command)
        flows = {flow.name: flow for flow in (self._root, *self._root.flows.values())}
        for name, offered in by_flow.items():
            self._add_service(flows[name], offered)
        definitions = self._definitions
        return Contract(
            package=self._package,
            messages=definitions.messages,
            enums=definitions.enums,
            services=self._services,
            unread=tuple(self._unread),
        )

    # Services

    def _add_service(self, flow: LightningFlow, offered: list[Offered]) -> None:
        name = _service_name(flow.name)
        # As buf wants the messages of methods to be called.
        prefix = "" if flow is self._root else name
        state = self._state(type(flow))
        called = [(_method_name(command), command.name) for command in offered]
        names.check_distinct([*((look, look) for look in _LOOKS), *called], flow.name, "method")
        methods = [self._method(command, prefix) for command in offered]
        methods += [self._look(look, prefix, state) for look in _LOOKS]
        service = ServiceShape(
            name=name, flow=flow.name, methods=tuple(methods), help=summary(inspect.getdoc(type(flow)))
        )
        other = self._services.setdefault(name, service)
        if other is not service:
            raise ContractError(flow.name, f"and {other.flow} would both be the service {name}; rename one")

    def _method(self, command: Offered, prefix: str) -> MethodShape:
        place = f"the command {command.name!r}"
        method = _method_name(command)
        text = inspect.getdoc(command.method) or ""
        request = self._define(
            prefix + method + "Request", place, self._parameters(command, text, prefix + method)
        )
        streams = is_stream(command.method)
        made = self._item if streams else self._result
        answer = made(command, place, prefix + method)
        response = self._define(prefix + method + "Response", place, (answer, _REVISION))
        return MethodShape(
            name=method,
            command=command.name,
            request=request,
            response=response,
            help=summary(text),
            streams=streams,
            rest=_rest(command.method),
        )

    def _parameters(self, command: Offered, text: str, owner: str) -> tuple[FieldShape, ...]:
        place = f"the command {command.name!r}"
        made = []
        for parameter, annotation in _read(place, annotated, command.method):
            if parameter.name in RESERVED_PARAMETERS:
                raise ContractError(
                    place,
                    f"its parameter {parameter.name!r} has the name of a field that every request has; rename it",
                )
            made.append(self._parameter(parameter, annotation, place, owner))
        helps = argument_help(text)
        fields = tuple(replace(one, help=one.help or helps.get(one.python_name, "")) for one in made)
        names.check_distinct(((names.json_name(f.name), f.python_name) for f in fields), place, "field")
        # What a stream sent is not kept: an id would promise that sending it again does no harm.
        return fields if is_stream(command.method) else (*fields, _REQUEST_ID)

    def _parameter(self, parameter: Parameter, annotation: Any, place: str, owner: str) -> FieldShape:
        if parameter.kind is Parameter.VAR_KEYWORD:
            annotation = dict[str, annotation]
        required = parameter.default is Parameter.empty and parameter.kind is not Parameter.VAR_KEYWORD
        field = self._definitions.field(parameter.name, annotation, place, owner, required)
        if parameter.default is Parameter.empty:
            return replace(field, is_rest=parameter.kind is Parameter.VAR_KEYWORD)
        if parameter.default is not None:
            field = replace(field, default=_written_default(parameter.default))
        return optional(field, parameter.default)

    def _result(self, command: Offered, place: str, owner: str) -> FieldShape:
        annotation = _read(place, annotated_result, command.method)
        return FieldShape(
            name="result",
            python_name="result",
            shape=self._definitions.shape(annotation, f"the result of {place}", owner + "Result"),
            help="What the command returned.",
        )

    def _item(self, command: Offered, place: str, owner: str) -> FieldShape:
        annotation = _read(place, item_annotation, command.method)
        return FieldShape(
            name="item",
            python_name="item",
            shape=self._definitions.shape(annotation, f"an item of {place}", owner + "Item"),
            help="What the command yielded.",
        )

    def _look(self, name: str, prefix: str, state: Ref) -> MethodShape:
        request = self._define(prefix + name + "Request", name, _LOOK_REQUESTS[name])
        fields = (
            FieldShape(name="state", python_name="state", shape=state, help="The state."),
            _REVISION,
        )
        response = self._define(prefix + name + "Response", name, fields)
        return MethodShape(
            name=name,
            command="",
            request=request,
            response=response,
            help=_LOOK_HELP[name],
            streams=name == "WatchState",
        )

    def _define(self, name: str, place: str, fields: tuple[FieldShape, ...]) -> str:
        self._definitions.define(MessageShape(name=name, source=place, fields=fields), (place, name))
        return name

    # State

    def _state(self, kind: type) -> Ref:
        """Defines the message of the state of a class of components."""
        name = names.camel(kind.__name__, kind.__name__) + "State"
        if name in self._definitions.messages and self._definitions.messages[name].source == _source(kind):
            return Ref(name)
        ref = self._definitions.define(MessageShape(name=name, source=_source(kind)), kind)
        fields = (*self._vars(kind), *self._children(kind))
        if issubclass(kind, LightningWork):
            fields += (run_field(kind, self._definitions),)
        place = kind.__name__
        names.check_distinct(((names.json_name(one.name), one.python_name) for one in fields), place, "field")
        self._definitions.messages[name] = MessageShape(
            name=name, source=_source(kind), fields=fields, help=f"State of {kind.__name__}."
        )
        return ref

    def _vars(self, kind: type) -> Iterable[FieldShape]:
        instances = [one._plain_vars() for one in self._instances[kind]]
        present = dict.fromkeys(name for one in instances for name in one)
        annotated = var_annotations(kind, present.keys())
        self._unread.update(dict.fromkeys(annotated.unread))
        owner = names.camel(kind.__name__, kind.__name__)
        for name in present:
            if name in annotated.by_name:
                annotation = annotated.by_name[name]
                yield self._definitions.field(name, annotation, kind.__name__, owner, required=False)
            else:
                place = f"{kind.__name__}.{name}"
                values = [one[name] for one in instances if name in one]
                yield FieldShape(
                    name=names.snake(name, place), python_name=name, shape=shape_of_values(values)
                )

    def _children(self, kind: type) -> Iterable[FieldShape]:
        found: dict[str, set[type]] = {}
        for component in self._instances[kind]:
            for name, child in component._children.items():
                found.setdefault(name, set()).add(type(child))
        for name, kinds in found.items():
            shape: Shape = ANY
            if len(kinds) == 1 and not issubclass(child_kind := next(iter(kinds)), Structure):
                shape = self._state(child_kind)
            place = f"{kind.__name__}.{name}"
            yield FieldShape(name=names.snake(name, place), python_name=name, shape=shape, is_var=False)


_REVISION = FieldShape(
    name="revision",
    python_name="revision",
    shape=Leaf(Scalar.INT64),
    help="The revision of the app that holds it; whoever watches sees it no later than this one.",
)
_REQUEST_ID = FieldShape(
    name="request_id",
    python_name="request_id",
    shape=Leaf(Scalar.STRING),
    help="A UUIDv7 that makes the command happen once, however often the request is sent; absent: each request counts.",
)
_FIELD_MASK = FieldShape(
    name="field_mask",
    python_name="field_mask",
    shape=KnownMessage(Known.FIELD_MASK),
    help="The fields of the state that are wanted, as `count` or `train.progress`; absent: all of them.",
)
_LOOK_REQUESTS: dict[str, tuple[FieldShape, ...]] = {
    "GetState": (_FIELD_MASK,),
    "WatchState": (
        _FIELD_MASK,
        FieldShape(
            name="after_revision",
            python_name="after_revision",
            shape=Leaf(Scalar.INT64),
            help="The last revision that was seen, to go on after it; absent: begin with the state as it is.",
        ),
    ),
}
_LOOK_HELP = {
    "GetState": "Returns the state.",
    "WatchState": "Sends the state as it is, and again after each revision that changes what is wanted of it.",
}


def _rest(method: Callable[..., Any]) -> str:
    parameters = inspect.signature(method).parameters.values()
    return next((one.name for one in parameters if one.kind is Parameter.VAR_KEYWORD), "")


def _method_name(command: Offered) -> str:
    return names.camel(command.name.rpartition(".")[2], f"the command {command.name!r}")


def _service_name(flow: str) -> str:
    """Names the service of a flow: `root` is RootService, `root.dags.train` DagsTrainService."""
    steps = flow.split(".")[1:] or [flow]
    return "".join(names.camel(step if step[0].isalpha() else f"n{step}", flow) for step in steps) + "Service"


def _source(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def _written_default(value: Any) -> str:
    """Writes a default for people: as it travels, and only the begin of it if it is long."""
    return shown(plain(value))


def _read(place: str, read: Callable[[Any], Any], method: Callable[..., Any]) -> Any:
    try:
        return read(method)
    except (ComponentError, Unusable) as error:
        raise ContractError(place, str(error)) from error
