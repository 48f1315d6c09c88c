"""What a contract says of its parts, as protobuf carries comments: plugins write them into the code that they make."""

from __future__ import annotations

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FileDescriptorProto,
    ServiceDescriptorProto,
    SourceCodeInfo,
)

from flowrpc.contract.building import Built

_FIELDS = DescriptorProto.FIELD_FIELD_NUMBER
_METHODS = ServiceDescriptorProto.METHOD_FIELD_NUMBER
_VALUES = EnumDescriptorProto.VALUE_FIELD_NUMBER


def commented(built: Built) -> FileDescriptorProto:
    """Returns the descriptor of a contract's file, with comments."""
    file = FileDescriptorProto()
    file.CopyFrom(built.pool().file)
    comments = _Comments(file.source_code_info)
    for at, service in enumerate(built.contract.services.values()):
        path = (FileDescriptorProto.SERVICE_FIELD_NUMBER, at)
        comments.add(path, service.help or f"The commands and the state of {service.flow}.")
        for number, method in enumerate(service.methods):
            default = f"Calls the command `{method.command}`." if method.command else "Looks at the state."
            comments.add((*path, _METHODS, number), method.help or default)
    for at, message in enumerate(built.messages.values()):
        path = (FileDescriptorProto.MESSAGE_TYPE_FIELD_NUMBER, at)
        comments.add(path, message.help or f"Made of {message.source or 'flowrpc'}.")
        for number, one in enumerate(message.fields):
            text = one.help or f"`{one.python_name}`."
            comments.add((*path, _FIELDS, number), f"{text} Required." if one.required else text)
    for at, enum in enumerate(built.contract.enums.values()):
        path = (FileDescriptorProto.ENUM_TYPE_FIELD_NUMBER, at)
        comments.add(path, enum.help or f"Made of {enum.source}.")
        comments.add((*path, _VALUES, 0), "Not set; refused where a value is needed.")
        for number, (_, value) in enumerate(enum.values, 1):
            comments.add((*path, _VALUES, number), f"{value!r} in Python.")
    return file


class _Comments:
    def __init__(self, info: SourceCodeInfo) -> None:
        self._info = info

    def add(self, path: tuple[int, ...], text: str) -> None:
        comment = "".join(f" {line}\n" for line in text.splitlines())
        self._info.location.add(path=path, span=(0, 0, 0), leading_comments=comment)
