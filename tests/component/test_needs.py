"""What a work needs: set in the constructor or by the flow, kept in framework vars, refused if nothing honours it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from flowrpc import BuildConfig, CloudCompute, LightningFlow, LightningWork, List
from flowrpc.component.building import build
from flowrpc.component.calls import execute
from flowrpc.component.needs import demand_of, requirements_of
from flowrpc.errors import ComponentError
from flowrpc.protocol.resources import NO_DEMAND
from flowrpc.state.records import START_CALL, Recipe, Run
from flowrpc.storage import Mount

from tests.component.doubles import RecordedTree, snapshot

GPU = CloudCompute(gpus=1)
BIG = CloudCompute(cpus=8)


class Job(LightningWork):
    def __init__(self, compute: CloudCompute | None = None, **options: Any) -> None:
        super().__init__(cloud_compute=compute, **options)
        self.done = False

    def run(self) -> None:
        self.done = True


class Root(LightningFlow):
    def __init__(self, compute: CloudCompute | None = None) -> None:
        self.job = Job(compute)
        self.jobs = List()


class Shell(BuildConfig):
    def build_commands(self) -> list[str]:
        return ["make"]


def test_by_default_nothing_is_needed_and_nothing_is_kept() -> None:
    job = Job()
    assert job.cloud_compute == CloudCompute()
    assert job.cloud_build_config == job.local_build_config == BuildConfig()
    assert demand_of(job) is NO_DEMAND
    assert requirements_of(job, local=True) == ()
    assert list(job._plain_vars(private=True)) == ["done"]
    assert Job(CloudCompute("cpu", 0)).cloud_compute == CloudCompute("cpu")


def test_what_is_needed_is_a_framework_var_and_no_state_of_the_user() -> None:
    job = Job(GPU, cloud_build_config=BuildConfig(["click"]))
    assert job._plain_vars(private=True) == {
        "_cloud_compute": GPU,
        "_cloud_build_config": BuildConfig(["click"]),
        "done": False,
    }
    assert job.state["vars"] == {"done": False}


def test_a_work_whose_constructor_says_nothing_to_its_base_needs_nothing() -> None:
    class Silent(LightningWork):
        def __init__(self) -> None:
            self.done = False

        def run(self) -> None: ...

    assert Silent().cloud_compute == CloudCompute()


def test_the_local_agent_may_need_something_else() -> None:
    job = Job(cloud_build_config=BuildConfig(["torch"]), local_build_config=BuildConfig(["click"]))
    assert requirements_of(job, local=True) == ("click",)
    assert requirements_of(job, local=False) == ("torch",)
    assert requirements_of(Job(cloud_build_config=BuildConfig(["torch"])), local=True) == ("torch",)
    nothing = Job(cloud_build_config=BuildConfig(["torch"]), local_build_config=BuildConfig())
    assert requirements_of(nothing, local=True) == ()


@pytest.mark.parametrize("option", ["cloud_compute", "cloud_build_config", "local_build_config"])
def test_another_type_is_refused_by_name(option: str) -> None:
    with pytest.raises(TypeError, match=rf"root\.{option}: 'gpu' is no (CloudCompute|BuildConfig)"):
        Job(None, **{option: "gpu"}) if option != "cloud_compute" else Job("gpu")  # type: ignore[arg-type]
    job = Job()
    with pytest.raises(TypeError, match=rf"root\.{option}"):
        setattr(job, option, {})


def test_files_of_requirements_lie_beside_the_class(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "needed.txt").write_text("click\n")
    (tmp_path / "their_module.py").write_text(
        "from flowrpc import BuildConfig, LightningWork\n"
        "class Theirs(LightningWork):\n"
        "    def __init__(self):\n"
        "        super().__init__(cloud_build_config=BuildConfig(['-r needed.txt']))\n"
        "    def run(self): ...\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    job = build(Recipe(type="their_module:Theirs"))
    assert isinstance(job, LightningWork)
    assert requirements_of(job, local=False) == ("click",)


# Setting


def test_it_can_be_set_until_the_first_run() -> None:
    job = Job(GPU)
    job.cloud_compute = BIG
    job.cloud_build_config = BuildConfig(["click"])
    job.local_build_config = BuildConfig(["packaging"])
    assert (job.cloud_compute, job.cloud_build_config) == (BIG, BuildConfig(["click"]))
    assert job.local_build_config == BuildConfig(["packaging"])
    job.cloud_compute = None  # as the constructor takes it
    assert job.cloud_compute == CloudCompute()


def test_after_the_first_run_it_is_refused_naming_the_work() -> None:
    tree = RecordedTree(Root(GPU))
    root: Any = tree.root
    tree.context.runs = (Run(run_id="r", work="root.job", call_key="k"),)
    root.job.cloud_compute = CloudCompute(gpus=1)  # a flow's `run` says it again in every pass
    for option, value in (("cloud_compute", BIG), ("cloud_build_config", BuildConfig(["click"]))):
        with pytest.raises(RuntimeError, match=rf"root\.job\.{option} can be set until the work's first run"):
            setattr(root.job, option, value)
    assert tree.changes() == []


def test_a_process_that_was_started_ahead_is_no_run() -> None:
    tree = RecordedTree(Root())
    root: Any = tree.root
    tree.context.runs = (Run(run_id="r", work="root.job", call_key=START_CALL),)
    root.job.cloud_compute = GPU
    assert root.job.cloud_compute == GPU


def test_it_is_refused_while_the_work_runs_and_after_it_ran_inline() -> None:
    class Greedy(Job):
        def run(self) -> None:
            self.cloud_compute = BIG

    with pytest.raises(RuntimeError, match="first run"):
        execute(Greedy(), (), {})
    job = Job()
    job.run()
    with pytest.raises(RuntimeError, match="first run"):
        job.cloud_compute = BIG


def test_setting_it_in_a_flow_is_recorded_and_undone() -> None:
    tree = RecordedTree(Root())
    root: Any = tree.root
    before, mark = snapshot(root), tree.log.mark()
    root.job.cloud_compute = GPU
    root.job.cloud_compute = BIG
    root.job.local_build_config = BuildConfig(["click"])
    assert demand_of(root.job).resources.cpu_millis == 8000
    tree.log.undo(mark)
    assert snapshot(root) == before


# Restarts


def again(tree: RecordedTree, root: Root) -> Any:
    """Recovers the tree into a fresh root."""
    from flowrpc.component.building import restore

    restore(root, tree.records())
    return root


def test_what_the_code_says_now_is_newer_than_what_it_said() -> None:
    tree = RecordedTree(Root(GPU))
    assert again(tree, Root(BIG)).job.cloud_compute == BIG
    assert again(tree, Root()).job.cloud_compute == CloudCompute()
    assert again(RecordedTree(Root()), Root(GPU)).job.cloud_compute == GPU


def test_what_the_flow_set_survives() -> None:
    tree = RecordedTree(Root(GPU))
    root: Any = tree.root
    root.job.cloud_compute = BIG
    assert again(tree, Root(GPU)).job.cloud_compute == BIG
    root.job.cloud_compute = CloudCompute()
    assert again(tree, Root(GPU)).job.cloud_compute == CloudCompute()


def test_dynamic_works_keep_theirs() -> None:
    tree = RecordedTree(Root())
    root: Any = tree.root
    root.jobs.append(Job(GPU, cloud_build_config=BuildConfig(["click"])))
    other = Job(GPU)
    other.cloud_compute = BIG  # no recipe tells of this
    root.jobs.append(other)
    recovered = again(tree, Root())
    assert [job.cloud_compute for job in recovered.jobs] == [GPU, BIG]
    assert recovered.jobs[0].cloud_build_config == BuildConfig(["click"])


# What nothing honours

REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"cloud_compute": CloudCompute(disk_size=20)}, "CloudCompute(disk_size=20)"),
    ({"cloud_compute": CloudCompute(shm_size=1)}, "CloudCompute(shm_size=1)"),
    ({"cloud_compute": CloudCompute(mounts=["s3://b/"])}, "CloudCompute(mounts=['s3://b/'])"),
    (
        {"cloud_compute": CloudCompute(mounts=Mount("s3://b/"))},
        "CloudCompute(mounts=[Mount(source='s3://b/', mount_path='/data/b')]) is honoured by no placement yet; leave "
        "it out, and read the bucket in the work by fsspec, hand files over by a Drive,",
    ),
    ({"cloud_compute": CloudCompute(colocation_group_id="g")}, "CloudCompute(colocation_group_id='g')"),
    ({"cloud_compute": CloudCompute(interruptible=True)}, "CloudCompute(interruptible=True)"),
    ({"cloud_build_config": BuildConfig(image="i")}, "BuildConfig(image='i')"),
    ({"cloud_build_config": BuildConfig(dockerfile="D")}, "BuildConfig(dockerfile='D')"),
    ({"local_build_config": BuildConfig(image="i")}, "BuildConfig(image='i')"),
    ({"cloud_build_config": Shell()}, "Shell(build_commands())"),
    ({"cloud_build_config": BuildConfig(["-r nowhere.txt"])}, "nowhere.txt cannot be read"),
]


class Anything(LightningWork):
    def __init__(self, **options: Any) -> None:
        super().__init__(**options)

    def run(self) -> None: ...


@pytest.mark.parametrize(("options", "problem"), REFUSED)
def test_what_no_placement_honours_is_refused_before_anything_runs(
    options: dict[str, Any], problem: str
) -> None:
    class Flow(LightningFlow):
        def __init__(self) -> None:
            self.job = Anything(**options)

    class Top(LightningFlow):
        def __init__(self) -> None:
            self.flows_ = List(Flow())

    top = Top()
    with pytest.raises(ComponentError, match=rf"^root\.flows_\.0\.job: {next(iter(options))}") as caught:
        top._check_supported("root")
    assert problem in str(caught.value)


@pytest.mark.parametrize(("options", "problem"), REFUSED)
def test_dynamic_works_are_refused_where_they_are_placed(options: dict[str, Any], problem: str) -> None:
    tree = RecordedTree(Root())
    root: Any = tree.root
    before = snapshot(root)
    with pytest.raises(ComponentError, match=r"^root\.jobs\.0: ") as caught:
        root.jobs.append(Anything(**options))
    assert problem in str(caught.value)
    assert snapshot(root) == before
    assert tree.changes() == []


def test_setting_it_later_is_refused_at_once() -> None:
    tree = RecordedTree(Root())
    root: Any = tree.root
    with pytest.raises(
        ComponentError, match=r"root\.job: cloud_compute=CloudCompute\(disk_size=5\) is honoured by no"
    ):
        root.job.cloud_compute = CloudCompute(disk_size=5)
    assert tree.changes() == []


def test_outside_of_a_tree_anything_may_be_said() -> None:
    assert Anything(cloud_compute=CloudCompute(disk_size=5)).cloud_compute == CloudCompute(disk_size=5)
