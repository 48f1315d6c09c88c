"""Plugins of protoc, run without protoc: a plugin reads a request and writes a response, whoever asks.

Users of a language have its plugin, but rarely protoc or buf; the protoc of grpcio-tools is one more thing to install,
and all that it would add is to parse the .proto file whose descriptor we have.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from google.protobuf.compiler.plugin_pb2 import CodeGeneratorRequest, CodeGeneratorResponse
from google.protobuf.message import DecodeError

from flowrpc.clients.comments import commented
from flowrpc.contract.building import Built
from flowrpc.errors import ContractError

_PATIENCE_SECONDS = 120
"""How long a plugin may take: some are scripts that start a slow interpreter on a busy machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A program that somebody else makes."""

    name: str
    install: str
    """The one command that installs it."""


def find(tools: Iterable[Tool], folders: Iterable[Path] = ()) -> list[Path]:
    """Finds tools: in folders where their language keeps them, else on the PATH.

    Raises:
        ContractError: Some are missing; all of them are named.
    """
    tools = list(tools)
    found = [_one(tool, folders) for tool in tools]
    missing = [tool for tool, path in zip(tools, found, strict=True) if path is None]
    if missing:
        names = ", ".join(tool.name for tool in missing)
        commands = "\n".join(f"  {command}" for command in dict.fromkeys(tool.install for tool in missing))
        raise ContractError(names, f"not found; install with\n{commands}")
    return [path for path in found if path is not None]


def _one(tool: Tool, folders: Iterable[Path]) -> Path | None:
    places = [str(folder) for folder in folders] + [None]
    found = (shutil.which(tool.name, path=place) for place in places)
    return next((Path(path) for path in found if path is not None), None)


def run(plugin: Path, built: Built, options: str, wanted: Iterable[str]) -> dict[str, bytes]:
    """Runs a plugin, and returns the files that it makes.

    Args:
        plugin: The program.
        built: The contract.
        options: What protoc would be given as `--…_opt`.
        wanted: Names of the .proto files to make code of.

    Raises:
        ContractError: It cannot be run, fails, or takes too long.
    """
    request = CodeGeneratorRequest(file_to_generate=list(wanted), parameter=options)
    *imported, _ = built.pool().descriptor_set().file
    request.proto_file.extend([*imported, commented(built)])
    response = _answer(plugin, request)
    if response.error:
        raise ContractError(str(plugin), f"refuses this contract: {response.error}")
    return {file.name: file.content.encode() for file in response.file}


def _answer(plugin: Path, request: CodeGeneratorRequest) -> CodeGeneratorResponse:
    try:
        done = subprocess.run(
            [plugin],
            input=request.SerializeToString(),
            capture_output=True,
            timeout=_PATIENCE_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ContractError(str(plugin), f"has not ended after {_PATIENCE_SECONDS} s") from None
    except OSError as error:
        raise ContractError(str(plugin), f"cannot be run: {error.strerror}") from error
    if done.returncode:
        told = done.stderr.decode(errors="replace").strip()
        raise ContractError(
            str(plugin), f"failed with exit code {done.returncode}: {told or 'it said nothing'}"
        )
    try:
        return CodeGeneratorResponse.FromString(done.stdout)
    except DecodeError:
        raise ContractError(
            str(plugin), "is no plugin of protoc: what it wrote is no answer to one"
        ) from None
