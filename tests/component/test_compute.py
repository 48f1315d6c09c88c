"""CloudCompute: what it takes, what it refuses, and that it is a value."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from flowrpc import CloudCompute
from flowrpc.errors import InvalidValueError
from flowrpc.protocol.resources import NO_DEMAND, Resources
from flowrpc.state import copy_value, same
from flowrpc.state.extension import extension_json, extension_of
from flowrpc.storage import Mount


def test_by_default_it_asks_for_nothing() -> None:
    for compute in (
        CloudCompute(),
        CloudCompute("cpu"),
        CloudCompute("cpu-small"),
        CloudCompute("cpu-medium"),
    ):
        assert compute.demand is NO_DEMAND
    assert CloudCompute().extension_content() == {}
    assert CloudCompute(labels={}, mounts=[]) == CloudCompute()


def test_amounts_and_labels_are_the_demand() -> None:
    demand = CloudCompute(cpus=0.5, gpus=2, memory="4GiB", labels={"zone": "a"}).demand
    assert demand.resources == Resources(cpu_millis=500, memory_bytes=4 * 2**30, gpus=2)
    assert demand.labels == {"zone": "a"}
    assert CloudCompute(memory=4 * 2**30).demand == CloudCompute(memory="4GiB").demand


def test_another_name_asks_for_a_label() -> None:
    assert CloudCompute("gpu-fast", labels={"zone": "a"}).demand.labels == {
        "compute": "gpu-fast",
        "zone": "a",
    }
    assert CloudCompute("gpu").name == "gpu"
    assert CloudCompute("gpu", labels={"compute": "gpu"}).demand.labels == {"compute": "gpu"}


@pytest.mark.parametrize("timeout", [90, 90.0, timedelta(seconds=90)])
def test_the_idle_timeout_is_seconds_or_a_timedelta(timeout: Any) -> None:
    assert CloudCompute(idle_timeout=timeout).idle_timeout == timedelta(seconds=90)
    assert CloudCompute().idle_timeout is None


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"name": ""}, "name="),
        ({"name": None}, "name="),
        ({"name": "a b"}, "name="),
        ({"disk_size": -1}, "disk_size=-1"),
        ({"disk_size": 1.5}, "disk_size=1.5"),
        ({"disk_size": True}, "disk_size=True"),
        ({"idle_timeout": 0}, "more than 0 seconds"),
        ({"idle_timeout": "1m"}, "more than 0 seconds"),
        ({"idle_timeout": float("nan")}, "more than 0 seconds"),
        ({"shm_size": -1}, "shm_size=-1"),
        ({"mounts": [object()]}, "mounts="),
        ({"mounts": [Mount("s3://a/", "/x"), Mount("s3://b/", "/x")]}, "two mounts are at /x"),
        ({"colocation_group_id": ""}, "colocation_group_id=''"),
        ({"interruptible": 1}, "True or False"),
        ({"cpus": -1}, "number of processors"),
        ({"cpus": "2"}, "number of processors"),
        ({"cpus": True}, "number of processors"),
        ({"cpus": float("inf")}, "number of processors"),
        ({"cpus": float("nan")}, "number of processors"),
        ({"cpus": 0.0005}, "thousandths"),
        ({"gpus": 0.5}, "gpus=0.5"),
        ({"gpus": -1}, "gpus=-1"),
        ({"memory": "4G"}, "the unit 'G' is not known"),
        ({"memory": "4"}, "the unit is missing"),
        ({"memory": 16}, "that is 16 bytes; write the unit, such as '16GiB'"),
        ({"memory": -1}, "number of bytes"),
        ({"memory": 2.5}, "number of bytes"),
        ({"memory": 2**61}, "number of bytes"),
        ({"labels": ["zone"]}, "dict of texts"),
        ({"labels": {"zone": 1}}, "no value of a label"),
        ({"labels": {"": "a"}}, "no key of a label"),
        ({"name": "gpu", "labels": {"compute": "cpu"}}, "asks for the label compute=gpu already"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(options: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=r"^CloudCompute\(") as caught:
        CloudCompute(**options)
    assert problem in str(caught.value)


def test_it_is_a_value_that_comes_back() -> None:
    compute = CloudCompute(
        "gpu", 10, 60, cpus=1.5, memory="1GiB", labels={"a": "b"}, mounts={"/data": "s3://x/"}
    )
    again = extension_of("cloud_compute", compute.extension_content())
    assert type(again) is CloudCompute
    assert same(again, compute)
    assert again.demand == compute.demand
    assert copy_value([compute], "here") == [compute]
    assert CloudCompute(cpus=1) != CloudCompute(cpus=2)


def test_one_mount_is_a_list_of_one() -> None:
    mount = Mount("s3://bucket/")
    compute = CloudCompute(mounts=mount)
    assert compute == CloudCompute(mounts=[mount]) == CloudCompute(mounts=(mount,))
    assert same(extension_of("cloud_compute", compute.extension_content()), compute)
    assert repr(compute) == "CloudCompute(mounts=[Mount(source='s3://bucket/', mount_path='/data/bucket')])"


@pytest.mark.parametrize("content", [None, [], {"cpus": "many"}, {"colour": "red"}, {"memory": "4G"}])
def test_content_that_is_none_of_it_is_refused(content: Any) -> None:
    with pytest.raises(InvalidValueError, match="cloud_compute"):
        extension_of("cloud_compute", content)


def test_clients_see_what_it_says() -> None:
    text = json.dumps(CloudCompute(gpus=1), default=extension_json)
    assert json.loads(text) == {"$flowrpc": "cloud_compute", "value": {"gpus": 1}}
    assert repr(CloudCompute(gpus=1)) == "CloudCompute(gpus=1)"
