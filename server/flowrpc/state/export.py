"""The export of a state: every component of an app, as readable JSON that reads back exactly."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flowrpc.errors import InvalidValueError
from flowrpc.state.exact_json import from_json, parse, to_json
from flowrpc.state.flow_calls import ITERATIONS, SCHEDULES
from flowrpc.state.records import ComponentKind, ComponentRecord, Recipe
from flowrpc.state.values import Value

FORMAT = "flowrpc-state"
"""What the file says it is."""
VERSION = 1
"""Version of the file's shape; a larger one is refused."""

_TYPE = re.compile(r"[^:\s]+:[^:\s]+")
_KINDS = {kind.value: kind for kind in ComponentKind}
_FRAMEWORK_VARS = {"_next": int, "_order": list, "_removed": list, SCHEDULES: dict, ITERATIONS: dict}
_COMPONENT_KEYS = {"name", "kind", "type", "vars", "recipe"}
_RECIPE_KEYS = {"type", "args", "kwargs"}


@dataclass(frozen=True, slots=True, kw_only=True)
class StateExport:
    """The state of an app at one revision, without its runs."""

    components: tuple[ComponentRecord, ...]
    """The root first, parents before children."""
    revision: int
    """The revision it was at, in the journal that it is from."""
    exported_at: datetime
    flowrpc_version: str

    @property
    def root_type(self) -> str:
        """The class of the root, as `module:qualified.name`."""
        return self.components[0].type


def export_text(export: StateExport) -> str:
    """Writes an export."""
    plain = {
        "format": FORMAT,
        "version": VERSION,
        "root_type": export.root_type,
        "revision": export.revision,
        "exported_at": export.exported_at.isoformat(),
        "flowrpc": export.flowrpc_version,
        "components": [plain_component(record) for record in export.components],
    }
    return json.dumps(plain, indent=2, ensure_ascii=False) + "\n"


def read_export(text: str, source: str) -> StateExport:
    """Reads an export.

    Args:
        text: What `export_text` wrote.
        source: Where it comes from, for the error.

    Raises:
        InvalidValueError: It is no export, of a newer version, or something in it is wrong; the place says what.
    """
    plain = parse(text, source)
    if not isinstance(plain, dict) or plain.get("format") != FORMAT:
        raise InvalidValueError(source, "is no export of a state; `flowctl state export` writes one")
    _check_version(plain.get("version"), source)
    try:
        return StateExport(
            components=_components(_expect(plain, "components", list, source)),
            revision=_expect(plain, "revision", int, source),
            exported_at=datetime.fromisoformat(_expect(plain, "exported_at", str, source)),
            flowrpc_version=_expect(plain, "flowrpc", str, source),
        )
    except RecursionError:
        raise InvalidValueError(source, "nests too deep") from None
    except InvalidValueError:
        raise
    except ValueError as error:
        raise InvalidValueError(f"{source}: exported_at", str(error)) from None


def _check_version(version: Any, source: str) -> None:
    if type(version) is not int or version < 1:
        raise InvalidValueError(source, f"has the version {version!r}, which is none")
    if version > VERSION:
        raise InvalidValueError(
            source,
            f"has version {version}, this flowrpc reads up to {VERSION}: install a newer one",
        )


def plain_component(record: ComponentRecord) -> dict[str, Any]:
    """Makes of a component what `json.dumps` writes."""
    plain: dict[str, Any] = {
        "name": record.name,
        "kind": record.kind.value,
        "type": record.type,
        "vars": {name: to_json(value) for name, value in record.vars.items()},
    }
    return plain if record.recipe is None else {**plain, "recipe": _plain_recipe(record.recipe)}


def _plain_recipe(recipe: Recipe) -> dict[str, Any]:
    return {
        "type": recipe.type,
        "args": [to_json(value) for value in recipe.args],
        "kwargs": {name: to_json(value) for name, value in recipe.kwargs.items()},
    }


def _components(plain: list[Any]) -> tuple[ComponentRecord, ...]:
    records: dict[str, ComponentRecord] = {}
    for index, one in enumerate(plain):
        record = _component(one, f"components[{index}]")
        _check_place(record, records)
        records[record.name] = record
    if not records:
        raise InvalidValueError("components", "are none; the first one is the root")
    return tuple(records.values())


def _check_place(record: ComponentRecord, before: dict[str, ComponentRecord]) -> None:
    """Checks that a component comes after the one that it is in."""
    name, parent = record.name, before.get(record.name.rpartition(".")[0])
    if name in before:
        raise InvalidValueError(name, "is there twice")
    if not before and (name != "root" or record.kind is not ComponentKind.FLOW):
        raise InvalidValueError(name, "the first component is the flow `root`")
    if before and (parent is None or parent.kind is ComponentKind.WORK or name.endswith(".")):
        raise InvalidValueError(name, "comes before the flow, List or Dict that it is in, or has none")


def _component(plain: Any, place: str) -> ComponentRecord:
    _check_keys(plain, _COMPONENT_KEYS, place)
    name = _expect(plain, "name", str, place)
    kind = plain.get("kind")
    if not isinstance(kind, str) or kind not in _KINDS:
        raise InvalidValueError(f"{name}: kind", f"{kind!r} is none of {', '.join(_KINDS)}")
    vars_ = _expect(plain, "vars", dict, name)
    for var in vars_:
        if not var.isidentifier():
            raise InvalidValueError(name, f"{var!r} is no name of a var")
    return ComponentRecord(
        name=name,
        kind=_KINDS[kind],
        type=_type(plain, name),
        vars={var: _value(var, value, f"{name}.{var}") for var, value in vars_.items()},
        recipe=_recipe(plain["recipe"], f"{name}: recipe") if plain.get("recipe") is not None else None,
    )


def _value(var: str, plain: Any, place: str) -> Value:
    value = from_json(plain, place)
    kind = _FRAMEWORK_VARS.get(var)
    if kind is not None and type(value) is not kind:
        raise InvalidValueError(place, f"is no {kind.__name__}, as the framework keeps it")
    return value


def _recipe(plain: Any, place: str) -> Recipe:
    _check_keys(plain, _RECIPE_KEYS, place)
    args = enumerate(_expect(plain, "args", list, place))
    kwargs = _expect(plain, "kwargs", dict, place)
    return Recipe(
        type=_type(plain, place),
        args=tuple(from_json(value, f"{place}.args[{index}]") for index, value in args),
        kwargs={name: from_json(value, f"{place}.kwargs[{name!r}]") for name, value in kwargs.items()},
    )


def _type(plain: dict[str, Any], place: str) -> str:
    name: str = _expect(plain, "type", str, place)
    if _TYPE.fullmatch(name) is None:
        raise InvalidValueError(f"{place}: type", f"{name!r} is no class, which is written module:name")
    return name


def _check_keys(plain: Any, known: Iterable[str], place: str) -> None:
    if not isinstance(plain, dict):
        raise InvalidValueError(place, f"is an object with {', '.join(sorted(known))}")
    unknown = sorted(plain.keys() - set(known))
    if unknown:
        raise InvalidValueError(place, f"has {unknown[0]!r}; it may have {', '.join(sorted(known))}")


def _expect(plain: dict[str, Any], key: str, kind: type, place: str) -> Any:
    value = plain.get(key)
    if type(value) is not kind:
        raise InvalidValueError(f"{place}: {key}", f"is missing or no {kind.__name__}")
    return value
