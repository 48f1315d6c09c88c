"""The typed client for TypeScript: messages and service descriptors of protobuf-es, for @connectrpc/connect."""

from __future__ import annotations

import json
from pathlib import Path

from flowrpc.clients.package import Package, protos, words
from flowrpc.clients.plugin import Tool, find, run
from flowrpc.contract.building import Built

_TOOLS = (Tool(name="protoc-gen-es", install="npm install --global @bufbuild/protoc-gen-es"),)


def typescript_package(built: Built, out: Path) -> Package:
    """Makes the client.

    Args:
        built: The contract.
        out: Where it goes: npm keeps programs beside packages, there and in the folders above.

    Raises:
        ContractError: The plugin is missing or fails.
    """
    here = out.absolute()
    folders = [folder / "node_modules" / ".bin" for folder in (here, *here.parents, Path.cwd())]
    (plugin,) = find(_TOOLS, folders)
    made = run(plugin, built, "target=ts,import_extension=js", protos(built))
    return Package(
        code={f"src/{path}": content for path, content in made.items()},
        seeds={"package.json": _project(words(built)), "tsconfig.json": _OPTIONS},
        next_step="npm install && npx tsc there; createClient(RootService, transport) of @connectrpc/connect calls",
    )


def _project(name: str) -> bytes:
    project = {
        "name": name.replace("_", "-"),
        "version": "0.1.0",
        "private": True,
        "type": "module",
        "exports": {"./*": "./dist/*.js"},
        "scripts": {"build": "tsc"},
        "dependencies": {"@bufbuild/protobuf": "^2.2.0", "@connectrpc/connect": "^2.0.0"},
        "devDependencies": {"typescript": "^5.4.0"},
    }
    return (json.dumps(project, indent=2) + "\n").encode()


_OPTIONS = b"""\
{
  "compilerOptions": {
    "target": "es2022",
    "module": "nodenext",
    "strict": true,
    "skipLibCheck": true,
    "declaration": true,
    "rootDir": "src",
    "outDir": "dist"
  },
  "include": ["src"]
}
"""
