"""What works need where they are executed: kept in framework vars, checked before anything runs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from flowrpc.component.build_config import BuildConfig
from flowrpc.component.component import Component
from flowrpc.component.compute import CloudCompute
from flowrpc.component.framework_vars import framework_dict, set_framework_var
from flowrpc.errors import ComponentError
from flowrpc.protocol.resources import Demand
from flowrpc.state import Extension, Value, same
from flowrpc.state.records import Run

ANY_COMPUTE = CloudCompute()
ANY_BUILD = BuildConfig()

_VARS = ("_cloud_compute", "_cloud_build_config", "_local_build_config")

_WAYS_OUT = {
    "disk_size": "leave it out, and execute the work where the disk is large enough",
    "shm_size": "leave it out, and give the machine the shared memory before its agent starts",
    "mounts": "leave it out, and read the bucket in the work by fsspec, hand files over by a Drive, or mount it on the "
    "machine before its agent starts",
    "colocation_group_id": "leave it out, and ask for one label that one agent alone has",
    "interruptible": "leave it out; a run whose machine is taken away is made again anyway",
    "image": "leave it out, start `flowctl work serve --label image=NAME` in that image, and ask for the label",
    "dockerfile": "leave it out, start `flowctl work serve --label image=NAME` in its image, and ask for the label",
    "build_commands": "leave it out, and run the commands where the work is executed before its agent starts",
}
"""What no placement honours yet, and what to do instead."""


class WorkNeeds(Component):
    """Is the part of a work that says what it needs where it is executed.

    What the constructor was given is the code's to say again after a restart; what the flow set since is state.
    """

    _cloud_compute: CloudCompute
    _cloud_build_config: BuildConfig
    _local_build_config: BuildConfig
    _needs_set: dict[str, bool]
    _executing: bool
    _run_id: str

    @property
    def cloud_compute(self) -> CloudCompute:
        """What the work needs of a machine. It can be set until the work's first run."""
        compute: CloudCompute = self.__dict__.get("_cloud_compute", ANY_COMPUTE)
        return compute

    @cloud_compute.setter
    def cloud_compute(self, value: CloudCompute | None) -> None:
        self._change_need("_cloud_compute", value, ANY_COMPUTE)

    @property
    def cloud_build_config(self) -> BuildConfig:
        """What has to be installed where the work is executed. It can be set until the work's first run."""
        config: BuildConfig = self.__dict__.get("_cloud_build_config", ANY_BUILD)
        return config

    @cloud_build_config.setter
    def cloud_build_config(self, value: BuildConfig | None) -> None:
        self._change_need("_cloud_build_config", value, ANY_BUILD)

    @property
    def local_build_config(self) -> BuildConfig:
        """The same for the local agent alone; as `cloud_build_config` unless it is given."""
        config: BuildConfig = self.__dict__.get("_local_build_config", self.cloud_build_config)
        return config

    @local_build_config.setter
    def local_build_config(self, value: BuildConfig | None) -> None:
        self._change_need("_local_build_config", value, self.cloud_build_config)

    def _take_needs(
        self,
        cloud_compute: CloudCompute | None,
        cloud_build_config: BuildConfig | None,
        local_build_config: BuildConfig | None,
    ) -> None:
        """Takes what the constructor was given."""
        given = (cloud_compute, cloud_build_config, local_build_config)
        kinds = (CloudCompute, BuildConfig, BuildConfig)
        for var, value, kind in zip(_VARS, given, kinds, strict=True):
            _hold(self, var, None if value is None else _checked(self, var, value, kind))

    def _change_need(self, var: str, value: Extension | None, default: Extension) -> None:
        kind = CloudCompute if var == "_cloud_compute" else BuildConfig
        need = _checked(self, var, default if value is None else value, kind)
        if same(need, self.__dict__.get(var, default)):
            return  # a flow's `run` says it in every pass
        if self._is_begun():
            raise RuntimeError(
                f"{self.name}.{var[1:]} can be set until the work's first run, which was asked for already; "
                "set it before, or add another work"
            )
        if self._log is None:
            _hold(self, var, need)
            return
        _refuse_unsupported(self.name, var, need)
        set_framework_var(self, var, need)
        framework_dict(self, "_needs_set")[var] = True

    def _is_begun(self) -> bool:
        latest = self._latest()
        return self._executing or bool(self._run_id) or (latest is not None and not latest.prepares)

    def _latest(self) -> Run | None:
        raise NotImplementedError

    def _check_supported(self, name: str) -> None:
        """Refuses a work that needs what no placement honours.

        Raises:
            ComponentError: It does; it names the option, and what to do.
        """
        for var in _VARS:
            need = self.__dict__.get(var)
            if need is not None:
                _refuse_unsupported(name, var, need)

    def _restore_vars(self, values: dict[str, Value]) -> dict[str, Value]:
        """Sets vars without recording; what the code's constructors say of needs is newer than what they said."""
        flags = values.get("_needs_set")
        kept = flags if isinstance(flags, dict) else {}
        # What was built from a recipe got its needs from those who placed it, and they are not asked again.
        old = [var for var in _VARS if var in values and self._inherent and var not in kept]
        return super()._restore_vars({name: value for name, value in values.items() if name not in old})


def demand_of(work: WorkNeeds) -> Demand:
    """Returns what a work needs of an agent."""
    return work.cloud_compute.demand


def requirements_of(work: WorkNeeds, *, local: bool) -> tuple[str, ...]:
    """Returns what has to be installed where a work is executed."""
    config = work.local_build_config if local else work.cloud_build_config
    return tuple(config.requirements)


def _hold(work: WorkNeeds, var: str, need: Extension | None) -> None:
    """Sets a need of a work that is not recorded; None is what need not be said."""
    if need is None or (var != "_local_build_config" and not need.extension_content()):
        work._var_names.pop(var, None)
        work.__dict__.pop(var, None)
        return
    work._var_names[var] = None
    work.__dict__[var] = need


def _checked(work: WorkNeeds, var: str, value: Any, kind: type[Extension]) -> Extension:
    if not isinstance(value, kind):
        raise TypeError(f"{work.name}.{var[1:]}: {value!r} is no {kind.__name__}; write {kind.__name__}(…)")
    return value.resolved(_folder_of(type(work))) if isinstance(value, BuildConfig) else value


def _folder_of(cls: type) -> Path:
    """Returns the folder of the file that a class is written in."""
    module = sys.modules.get(cls.__module__)
    file = getattr(module, "__file__", None)
    return Path(file).resolve().parent if file else Path.cwd()


def _refuse_unsupported(name: str, var: str, need: Any) -> None:
    content = need.extension_content()
    for option, way_out in _WAYS_OUT.items():
        if content.get(option):
            written = f"{option}={content[option]!r}" if option != "build_commands" else "build_commands()"
            raise ComponentError(
                f"{name}: {var[1:]}={type(need).__name__}({written}) is honoured by no placement yet; {way_out}"
            )
    problem = getattr(need, "problem", "")
    if problem:
        raise ComponentError(f"{name}: {var[1:]}: {problem}")
