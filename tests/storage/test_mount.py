"""Mounts: what can be meant by one."""

from __future__ import annotations

import json
from dataclasses import FrozenInstanceError
from typing import Any

import pytest
from flowrpc.errors import InvalidValueError
from flowrpc.state import copy_value, same
from flowrpc.state.extension import extension_json, extension_of
from flowrpc.storage import Mount


@pytest.mark.parametrize(
    ("source", "path"),
    [
        ("s3://bucket/", "/data/bucket"),
        ("s3://bucket/a/b.d/", "/data/b.d"),
        ("s3://my.bucket/", "/data/my.bucket"),
    ],
)
def test_the_path_is_by_default_the_last_name_of_the_source(source: str, path: str) -> None:
    mount = Mount(source)
    assert (mount.source, mount.mount_path, mount.protocol) == (source, path, "s3://")


def test_the_path_may_be_said() -> None:
    assert Mount("s3://b/", "/mnt/x/").mount_path == "/mnt/x/"
    assert repr(Mount(source="s3://b/", mount_path="/x")) == "Mount(source='s3://b/', mount_path='/x')"


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"source": "b/"}, r"Mount\(source='b/'\): a mount is of a bucket: write 's3://bucket/'"),
        ({"source": "gs://b/"}, "a mount is of a bucket"),
        ({"source": ""}, "a mount is of a bucket"),
        ({"source": None}, "a mount is of a bucket"),
        ({"source": "s3://b"}, r"a folder is mounted, never a file: write 's3://b/'"),
        ({"source": "s3://b/model.pt"}, r"write 's3://b/model\.pt/'"),
        ({"source": "s3:///"}, "write the bucket"),
        ({"source": "s3://b//a/"}, "write the bucket"),
        ({"source": "s3://b/../"}, "write the bucket"),
        ({"source": "s3://b/", "mount_path": "data"}, r"Mount\(mount_path='data'\): the path is absolute"),
        ({"source": "s3://b/", "mount_path": "~/data"}, "the path is absolute"),
        ({"source": "s3://b/", "mount_path": 3}, "the path is absolute"),
        ({"source": "s3://b/", "mount_path": "/"}, "the path is of a folder"),
        ({"source": "s3://b/", "mount_path": "/data/../etc"}, "without '..'"),
        ({"source": "s3://b/", "mount_path": "/a\0"}, "the path is of a folder"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(options: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        Mount(**options)


def test_it_is_a_value_that_comes_back_and_never_changes() -> None:
    mount = Mount("s3://b/c/")
    again = extension_of("mount", mount.extension_content())
    assert type(again) is Mount
    assert same(again, mount)
    assert again == mount != Mount("s3://b/")
    assert copy_value([mount], "here") == [mount]
    assert json.loads(json.dumps(mount, default=extension_json)) == {
        "$flowrpc": "mount",
        "value": {"source": "s3://b/c/", "mount_path": "/data/c"},
    }
    with pytest.raises(FrozenInstanceError):
        mount.source = "s3://x/"  # type: ignore[misc]


@pytest.mark.parametrize(
    "content",
    [
        None,
        {},
        {"source": "s3://b/"},
        {"source": "b", "mount_path": "/x"},
        {"source": "s3://b/", "mount_path": 1},
    ],
)
def test_content_that_is_none_is_refused(content: Any) -> None:
    with pytest.raises(InvalidValueError, match="mount"):
        extension_of("mount", content)
