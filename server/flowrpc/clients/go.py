"""The typed client for Go: messages and stubs, in a module of their own or in yours."""

from __future__ import annotations

from pathlib import Path

import flowrpc
from flowrpc.clients.package import VALUE_PROTO, Package, uses_values, words
from flowrpc.clients.plugin import Tool, find, run
from flowrpc.contract.building import Built
from flowrpc.contract.descriptors import file_name
from flowrpc.errors import ContractError

CLIENT = "flowrpc.dev/go"
"""The module of the client that stubs are used with. It has the messages of `flowrpc.v1`, which no program of Go may
have twice."""
_OURS = Path(flowrpc.__file__).parents[2] / "client" / "go"
_TOOLS = (
    Tool(
        name="protoc-gen-go",
        install="go install google.golang.org/protobuf/cmd/protoc-gen-go@latest",
    ),
    Tool(
        name="protoc-gen-go-grpc",
        install="go install google.golang.org/grpc/cmd/protoc-gen-go-grpc@latest",
    ),
)


def go_package(built: Built, *, client: Path | None = None) -> Package:
    """Makes the client.

    Args:
        built: The contract.
        client: The folder of the module `flowrpc.dev/go`; by default that of the checkout which this is part of.

    Raises:
        ContractError: A plugin is missing or fails, or there is no such module.
    """
    folder = _client(client)
    name = words(built).replace("_", "")
    module = f"example.com/{name}"
    own = file_name(built.contract.package)
    options = [f"module={module}", f"M{own}={module};{name}", f"M{VALUE_PROTO}={CLIENT}/flowrpcv1"]
    code: dict[str, bytes] = {}
    for plugin in find(_TOOLS, _places()):
        code |= run(plugin, built, ",".join(options), [own])
    return Package(
        code={Path(path).name: content for path, content in code.items()},
        seeds=_seeds(module, folder, needs_client=uses_values(built)),
        next_step=(
            f"go build ./... there; {name}.NewRootServiceClient(client.Conn()) calls over a connection of {CLIENT}"
        ),
    )


def _client(folder: Path | None) -> Path | None:
    """Finds the client's module.

    Raises:
        ContractError: What was given is none.
    """
    if folder is None:
        return _OURS if _is_client(_OURS) else None
    if not _is_client(folder):
        raise ContractError(
            str(folder), f"is not the module {CLIENT}; it is in client/go of a checkout of flowrpc"
        )
    return folder.resolve()


def _is_client(folder: Path) -> bool:
    try:
        return f"module {CLIENT}\n" in (folder / "go.mod").read_text(encoding="utf-8")
    except OSError:
        return False


def _places() -> list[Path]:
    """Returns where `go install` puts programs: it is on few PATHs."""
    import os

    gobin, gopath = os.environ.get("GOBIN"), os.environ.get("GOPATH", "").split(os.pathsep)[0]
    places = [Path(gobin) if gobin else None, Path(gopath) / "bin" if gopath else Path.home() / "go" / "bin"]
    return [place for place in places if place is not None]


def _seeds(module: str, client: Path | None, *, needs_client: bool) -> dict[str, bytes]:
    """Makes the files of a module, with the versions that the client is built with."""
    if client is None:
        if needs_client:
            raise ContractError(
                CLIENT,
                "is needed for vars or arguments of any type, and not beside this flowctl; "
                "name its folder with --client, client/go of a checkout of flowrpc",
            )
        return {"go.mod": f"module {module}\n".encode()}
    text = (client / "go.mod").read_text(encoding="utf-8").replace(f"module {CLIENT}", f"module {module}", 1)
    text += f"\nrequire {CLIENT} v0.0.0\n\nreplace {CLIENT} => {client}\n"
    return {"go.mod": text.encode(), "go.sum": (client / "go.sum").read_bytes()}
