"""CloudCompute: what a work needs of the machine that executes it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, NoReturn

from flowrpc.errors import FlowrpcError, InvalidValueError
from flowrpc.protocol.resources import MAX_BYTES, NO_DEMAND, Demand, Resources, check_label, parse_bytes
from flowrpc.state import Extension, Value, copy_value
from flowrpc.storage.mount import Mount

ANY_MACHINE = ("default", "cpu", "cpu-small", "cpu-medium")
"""Names that every machine answers to; another one asks for the label `compute=NAME`."""

_LEAST_MEMORY = 1024 * 1024
_MOST_UNITS = 1_000_000
_DEFAULTS: dict[str, Any] = {"name": "default", "disk_size": 0, "interruptible": False}


class CloudCompute(Extension, type_name="cloud_compute"):
    """Says what a work needs of the machine that executes it. It never changes; several works may share one.

    A run goes only to an agent that has the labels, and as many processors, GPUs and as much memory that other
    running works have not asked for.

    Args:
        name: `default`, `cpu`, `cpu-small` and `cpu-medium` are any machine; another name asks for an agent with the
            label `compute=NAME`.
        disk_size: Gigabytes of disk. No placement honours it yet.
        idle_timeout: How long the work's process may wait for a next run before it is ended, in seconds or as a
            timedelta; None: as long as it likes.
        shm_size: Gigabytes of shared memory. No placement honours it yet.
        mounts: What to mount: a `Mount`, or several. No placement honours it yet.
        colocation_group_id: Works of one group share a machine. No placement honours it yet.
        interruptible: Whether the machine may be taken away. No placement honours it yet.
        cpus: How many processors, in steps of a thousandth.
        gpus: How many GPUs.
        memory: How much memory: bytes, or a text such as `"4GiB"`.
        labels: Labels that the agent must have, with these values.

    Raises:
        ValueError: An option cannot be meant.
    """

    def __init__(  # noqa: PLR0917 - the order is that of the original
        self,
        name: str = "default",
        disk_size: int = 0,
        idle_timeout: float | timedelta | None = None,
        shm_size: int | None = None,
        mounts: Any = None,
        colocation_group_id: str | None = None,
        interruptible: bool = False,
        *,
        cpus: float | None = None,
        gpus: int | None = None,
        memory: int | str | None = None,
        labels: Mapping[str, str] | None = None,
    ) -> None:
        facts: dict[str, Value] = {
            "name": _name("name", name),
            "disk_size": _whole("disk_size", disk_size),
            "idle_timeout": _seconds(idle_timeout),
            "shm_size": None if shm_size is None else _whole("shm_size", shm_size),
            "mounts": _mounts(mounts),
            "colocation_group_id": _group(colocation_group_id),
            "interruptible": _flag("interruptible", interruptible),
            "cpus": _cpus(cpus),
            "gpus": None if gpus is None else _whole("gpus", gpus),
            "memory": _memory(memory),
            "labels": _labels(labels, name),
        }
        given = {key: value for key, value in facts.items() if not _is_default(key, value)}
        super().__init__(self.TYPE_NAME, given)
        self._demand = _demand(given)

    @classmethod
    def from_content(cls, content: Value) -> CloudCompute:
        """Builds one of what `extension_content` returned.

        Raises:
            InvalidValueError: It cannot be built of this.
        """
        if not isinstance(content, dict):
            raise InvalidValueError("cloud_compute", "its content is no dict")
        try:
            return cls(**content)  # type: ignore[arg-type]  # the constructor checks
        except (TypeError, ValueError) as error:
            raise InvalidValueError("cloud_compute", str(error)) from error

    @property
    def options(self) -> dict[str, Value]:
        """The options that are not as by default."""
        content = self.extension_content()
        assert isinstance(content, dict), "the constructor makes it one"
        return dict(content)

    @property
    def name(self) -> str:
        """The kind of machine."""
        return str(self.options.get("name", "default"))

    @property
    def idle_timeout(self) -> timedelta | None:
        """How long the work's process may wait for a next run before it is ended."""
        seconds: Any = self.options.get("idle_timeout")
        return None if seconds is None else timedelta(seconds=seconds)

    @property
    def demand(self) -> Demand:
        """What the agent must have."""
        return self._demand

    def __repr__(self) -> str:
        """Shows it as it is written."""
        return f"CloudCompute({', '.join(f'{key}={value!r}' for key, value in self.options.items())})"


def _is_default(key: str, value: Value) -> bool:
    return value in (None, [], {}) or (key in _DEFAULTS and value == _DEFAULTS[key])


def _demand(given: dict[str, Any]) -> Demand:
    name = given.get("name", "default")
    resources = Resources(
        cpu_millis=round(given.get("cpus", 0) * 1000),
        memory_bytes=given.get("memory", 0),
        gpus=given.get("gpus", 0),
    )
    labels = given.get("labels", {}) | ({} if name in ANY_MACHINE else {"compute": name})
    demand = Demand(resources=resources, labels=labels)
    return NO_DEMAND if demand == NO_DEMAND else demand


def _refuse(option: str, value: object, problem: str) -> NoReturn:
    raise ValueError(f"CloudCompute({option}={value!r}): {problem}")


def _name(option: str, value: object) -> str:
    try:
        check_label("compute", value)
    except ValueError:
        _refuse(option, value, "a kind of machine is a text of letters, digits and '-_./', such as 'gpu'")
    return str(value)


def _group(value: object) -> str | None:
    if value is not None and (not isinstance(value, str) or not value):
        _refuse("colocation_group_id", value, "the name of a group is a text that is not empty")
    return value


def _whole(option: str, value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _MOST_UNITS:
        _refuse(option, value, "it is a whole number, and not negative")
    return value


def _flag(option: str, value: object) -> bool:
    if not isinstance(value, bool):
        _refuse(option, value, "it is True or False")
    return value


def _seconds(value: object) -> float | None:
    if value is None:
        return None
    seconds = value.total_seconds() if isinstance(value, timedelta) else value
    if not isinstance(seconds, int | float) or isinstance(seconds, bool) or not 0 < seconds <= 1e9:
        _refuse("idle_timeout", value, "it is more than 0 seconds: write 60, or timedelta(minutes=1)")
    return seconds


def _cpus(value: object) -> float | None:
    if value is None:
        return None
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= _MOST_UNITS:
        _refuse("cpus", value, "it is a number of processors, such as 2 or 0.5")
    if abs(value * 1000 - round(value * 1000)) > 1e-6:
        _refuse("cpus", value, "processors are counted in thousandths: write 0.333")
    return value


def _memory(value: object) -> int | None:
    if isinstance(value, str):
        try:
            value = parse_bytes(value)
        except ValueError as error:
            _refuse("memory", value, str(error))
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MAX_BYTES:
        _refuse("memory", value, "it is a number of bytes, or a text such as '4GiB'")
    if 0 < value < _LEAST_MEMORY:
        _refuse("memory", value, f"that is {value} bytes; write the unit, such as '{value}GiB'")
    return value


def _mounts(value: object) -> list[Value]:
    mounts = [] if value is None else list(value) if isinstance(value, list | tuple) else [value]
    try:
        copied = copy_value(mounts, "mounts")
    except FlowrpcError as error:
        _refuse("mounts", value, str(error))
    assert isinstance(copied, list), "it was one"
    paths = [mount.mount_path for mount in copied if isinstance(mount, Mount)]
    twice = next((path for path in paths if paths.count(path) > 1), None)
    if twice is not None:
        _refuse("mounts", value, f"two mounts are at {twice}; give each a mount_path of its own")
    return copied


def _labels(value: object, name: object) -> dict[str, Value]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        _refuse("labels", value, "it is a dict of texts, such as {'zone': 'a'}")
    for key, wanted in value.items():
        try:
            check_label(key, wanted)
        except ValueError as error:
            _refuse("labels", value, str(error))
    if name not in ANY_MACHINE and value.get("compute", name) != name:
        _refuse("labels", value, f"the name {name!r} asks for the label compute={name} already; drop one")
    return dict(value)
