"""The documents of a contract, which `build` writes for others to read: made, and compared with those in a folder."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flowrpc.contract.descriptors import file_name
from flowrpc.contract.json_schema import document_text
from flowrpc.contract.openapi import openapi_of, schema_of
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.message import DecodeError

if TYPE_CHECKING:
    from flowrpc.contract.building import Built

_VALUE = "flowrpc/v1/value.proto"
_BUF = "buf.yaml"
_BUF_YAML = """\
version: v2
lint:
  use: [STANDARD, COMMENTS]
breaking:
  use: [WIRE_JSON]
  # What has a note of its old name keeps that in JSON, by json_name.
  except: [FIELD_SAME_NAME]
"""


def documents(built: Built) -> dict[str, bytes]:
    """Makes what `buf generate` and others need, by path in the folder that they are written to."""
    return {
        file_name(built.contract.package): built.text.encode(),
        _VALUE: (files("flowrpc.contract") / "value.proto").read_bytes(),
        "descriptor_set.binpb": built.pool().descriptor_set().SerializeToString(deterministic=True),
        _BUF: _BUF_YAML.encode(),
        "openapi.json": document_text(openapi_of(built.contract)).encode(),
        "schema.json": document_text(schema_of(built.contract)).encode(),
    }


def stale_documents(built: Built, folder: Path) -> list[Path]:
    """Lists the files in a folder that say another thing than the contract; what is not there is not missed.

    How they say it is no matter: line ends, the layout of JSON, what a descriptor set has of protobuf's own files. And
    `buf.yaml` is the users', once it is there.
    """
    made = documents(built)
    own = {file_name(built.contract.package), _VALUE}
    found = []
    for name, content in made.items():
        path = folder / name
        if name != _BUF and path.exists() and _meaning(path, own) != _said(name, content, own):
            found.append(path)
    return found


def _meaning(path: Path, own: set[str]) -> Any:
    try:
        return _said(path.name, path.read_bytes(), own)
    except (OSError, ValueError, DecodeError):
        return None  # it is a folder, or was cut off


def _said(name: str, content: bytes, own: set[str]) -> Any:
    if name.endswith(".json"):
        return json.loads(content)
    if name.endswith(".binpb"):
        return {one.name: one for one in FileDescriptorSet.FromString(content).file if one.name in own}
    return content.decode().splitlines()
