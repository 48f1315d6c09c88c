"""The classes of a contract's messages, in a descriptor pool of their own.

Each version of a contract has its own pool: two versions, or two apps, may give one name to different messages.
"""

from __future__ import annotations

from typing import Any

from flowrpc.v1 import value_pb2
from google.protobuf import duration_pb2, struct_pb2, timestamp_pb2
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

_IMPORTED = (struct_pb2, timestamp_pb2, duration_pb2, value_pb2)


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
