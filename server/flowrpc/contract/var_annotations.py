"""The annotations of vars: those in the body of a class, and those that its `__init__` writes where it assigns them."""

from __future__ import annotations

import ast
import builtins
import inspect
import tokenize
import typing
from collections.abc import Iterator, Set
from dataclasses import dataclass, field
from types import FunctionType, SimpleNamespace
from typing import Annotated, Any, get_args, get_origin

from flowrpc.component.component import Component
from flowrpc.component.conversion.refusals import unresolved, written
from flowrpc.contract.annotations import Definitions, mentions
from flowrpc.errors import ContractError
from flowrpc.state import Extension

_OPEN: tuple[type, ...] = (Extension, Component)
"""What a var holds that has no type in a contract: references to files, and components that are there one day."""


@dataclass(slots=True)
class VarAnnotations:
    """What the vars of a component are annotated with."""

    by_name: dict[str, Any] = field(default_factory=dict)
    unread: list[str] = field(default_factory=list)
    """Which annotations could not be read, and why, for people."""


def var_annotations(kind: type, names: Set[str]) -> VarAnnotations:
    """Reads the annotations of a component's vars, which a class that inherits may write anew.

    Args:
        kind: The class of the component.
        names: Its vars; what else its `__init__` annotates, such as components below it, is no matter here.

    Raises:
        ContractError: One in the body of a class cannot be read, or a class annotates a var with two types.
    """
    found = VarAnnotations()
    for base in reversed(kind.__mro__):
        if base.__module__.startswith("flowrpc.component"):
            continue
        in_body = _of_body(base)
        _add_init(found, base, names, in_body)
        found.by_name |= in_body
    found.by_name = {name: _opened(one) for name, one in found.by_name.items()}
    return found


def _of_body(base: type) -> dict[str, Any]:
    own = inspect.get_annotations(base)
    if not own:
        return {}
    try:
        hints = typing.get_type_hints(base, include_extras=True)
    except Exception as error:  # annotations are user code
        raise ContractError(base.__name__, f"has an annotation that {unresolved(error)}") from error
    return {name: hints[name] for name in own if name[0] != "_"}


def _add_init(found: VarAnnotations, base: type, names: Set[str], in_body: dict[str, Any]) -> None:
    """Adds the annotations in the `__init__` of a class, unless its body has the same."""
    init = inspect.unwrap(vars(base).get("__init__", _add_init))
    if init is _add_init or not isinstance(init, FunctionType):
        return
    try:
        nodes = list(_nodes(init))
    except _NoSource as error:
        assigned = set(init.__code__.co_names) - in_body.keys() - found.by_name.keys()
        if listed := ", ".join(name for name in names if name in assigned):
            found.unread.append(
                f"{base.__name__}: there is no source of its __init__ ({error}), so these vars are typed by what they "
                f"hold, not as it may annotate them: {listed}"
            )
        return
    seen = dict(in_body)
    for name, node in nodes:
        if name not in names:
            continue
        try:
            annotation = _evaluated(node, init, base)
        except Exception as error:  # noqa: BLE001  # annotations are user code
            found.unread.append(
                f"{base.__name__}.{name} is typed by what it holds: its annotation {ast.unparse(node)} in __init__ "
                f"cannot be used, as {unresolved(error)}"
            )
            continue
        _check_same(base, name, seen.setdefault(name, annotation), annotation)
    found.by_name |= seen


def _check_same(base: type, name: str, one: Any, other: Any) -> None:
    """Refuses two annotations that make two types.

    Raises:
        ContractError: They do, and nobody knows which is meant.
    """
    if one != other and _shape(one) != _shape(other):
        raise ContractError(
            f"{base.__name__}.{name}",
            f"is annotated with {written(one)}, and in __init__ with {written(other)}; write one of them",
        )


def _shape(annotation: Any) -> Any:
    try:
        return Definitions().shape(_opened(annotation), "it", "It")
    except ContractError:
        return annotation


def _opened(annotation: Any) -> Any:
    """Lets what has no type be anything: `list[Drive]` is a list of anything."""
    if not mentions(annotation, _OPEN):
        return annotation
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return Annotated[(_opened(parts[0]), *annotation.__metadata__)]
    return origin[tuple(map(_opened, parts))] if origin in (list, dict) else Any


class _NoSource(Exception):
    """Tells that the source of a function cannot be had."""


def _nodes(init: FunctionType) -> Iterator[tuple[str, ast.expr]]:
    """Yields the names that a method annotates where it assigns attributes of its first parameter.

    Raises:
        _NoSource: There is no source, or it is not that of this function.
    """
    code = init.__code__
    if not code.co_argcount:
        return  # what a decorator put in its place assigns nothing by itself
    method, owner = _parsed(init), code.co_varnames[0]
    pairs = [] if method is None else list(_assigned(method, owner))
    is_same = method is not None and owner in _parameters(method)
    if not is_same or not {name for name, _ in pairs} <= set(code.co_names):
        raise _NoSource("its file has changed since it was imported")
    for name, node in pairs:
        if (bare := _without_final(node)) is not None:
            yield name, bare


def _parsed(init: FunctionType) -> ast.FunctionDef | None:
    try:
        source = inspect.getsource(init)
    except (OSError, TypeError, SyntaxError, tokenize.TokenError) as error:
        raise _NoSource(str(error)) from None
    if source[:1].isspace():
        source = f"if True:\n{source}"  # dedented, a text in it might not be what it was
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return None
    defined = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))
    return next((node for node in defined if node.name == init.__name__), None)


def _parameters(method: ast.FunctionDef) -> list[str]:
    return [one.arg for one in (*method.args.posonlyargs, *method.args.args)][:1]


def _assigned(node: ast.AST, owner: str) -> Iterator[tuple[str, ast.expr]]:
    for child in ast.iter_child_nodes(node):
        match child:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef() | ast.Lambda():
                continue  # it runs another time, and its `self` may be another
            case ast.AnnAssign(target=ast.Attribute(value=ast.Name(id=name), attr=attribute)) if (
                name == owner
            ):
                yield attribute, child.annotation
        yield from _assigned(child, owner)


def _without_final(node: ast.expr) -> ast.expr | None:
    """Takes off Final, which says nothing of the value; None if that was all."""
    match node:
        case ast.Name(id="Final") | ast.Attribute(attr="Final"):
            return None
        case ast.Subscript(value=ast.Name(id="Final") | ast.Attribute(attr="Final"), slice=inner):
            return inner
    return node


def _evaluated(node: ast.expr, init: FunctionType, base: type) -> Any:
    """Evaluates an annotation with the names of the method's module, those around it, and those of its class."""
    module = init.__globals__
    known = {
        name: value
        for owner in reversed(base.__mro__)
        for name, value in vars(owner).items()
        # A method may be called `list`.
        if name not in module and not hasattr(builtins, name)
    }
    holder = SimpleNamespace(__annotations__={"value": ast.unparse(node)})
    around = dict(inspect.getclosurevars(init).nonlocals)
    hints = typing.get_type_hints(holder, module, known | {base.__name__: base} | around, include_extras=True)
    return hints["value"]
