"""The classes of a contract's messages, in a descriptor pool of their own.

Each version of a contract has its own pool: two versions, or two apps, may give one name to different messages.
"""

from __future__ import annotations

from typing import Any

from flowrpc.v1 import flow_service_pb2, value_pb2, work_service_pb2
from google.protobuf import duration_pb2, field_mask_pb2, struct_pb2, timestamp_pb2
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from grpc_health.v1 import health_pb2

_IMPORTED = (struct_pb2, timestamp_pb2, duration_pb2, field_mask_pb2, value_pb2)
_SERVED: tuple[Any, ...] = (flow_service_pb2, work_service_pb2, health_pb2)


class ContractPool:
    """Holds the descriptors of one contract and what it imports."""

    def __init__(self, file: FileDescriptorProto) -> None:
        self.file = file
        """The contract's own file."""
        self.pool = DescriptorPool()
        """Everything, for reflection."""
        for module in _IMPORTED:
            self.pool.AddSerializedFile(module.DESCRIPTOR.serialized_pb)
        self.pool.Add(file)

    def message_class(self, name: str) -> Any:
        """Returns the class of a message of the contract."""
        return GetMessageClass(self.pool.FindMessageTypeByName(f"{self.file.package}.{name}"))

    def descriptor_set(self) -> FileDescriptorSet:
        """Returns the contract's file and all it imports, imports first, as `protoc --include_imports` writes them."""
        files = FileDescriptorSet()
        for module in _IMPORTED:
            files.file.add().ParseFromString(module.DESCRIPTOR.serialized_pb)
        files.file.append(self.file)
        return files


def reflection_pool(contract: ContractPool | None) -> DescriptorPool:
    """Makes a pool of everything that an app serves: flowrpc's services, health, and its own contract."""
    pool, added = DescriptorPool(), set[str]()
    for module in _SERVED:
        _add(pool, module.DESCRIPTOR, added)
    for file in contract.descriptor_set().file if contract is not None else ():
        if file.name not in added:
            pool.Add(file)
    return pool


def _add(pool: DescriptorPool, file: Any, added: set[str]) -> None:
    """Adds a file after what it imports."""
    if file.name not in added:
        added.add(file.name)
        for dependency in file.dependencies:
            _add(pool, dependency, added)
        pool.AddSerializedFile(file.serialized_pb)
