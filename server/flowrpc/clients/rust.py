"""The typed client for Rust: a crate whose build makes messages and stubs, as crates of tonic do.

Nothing of Rust is needed to write it, and its build needs no protoc: protox reads the .proto files.
"""

from __future__ import annotations

from flowrpc.clients.package import Package, protos, words
from flowrpc.contract.building import Built
from flowrpc.contract.descriptors import file_name


def rust_package(built: Built) -> Package:
    """Makes the client."""
    name = words(built)
    own = file_name(built.contract.package)
    files = {
        "build.rs": _BUILD.replace("APP_PROTO", own),
        "src/lib.rs": _library(built.contract.package, shared=len(protos(built)) > 1),
    }
    return Package(
        code={path: text.encode() for path, text in files.items()}
        | {f"proto/{path}": content for path, content in protos(built).items()},
        seeds={"Cargo.toml": _CARGO.replace("NAME", name.replace("_", "-")).encode()},
        next_step=f"cargo build there; {name}::root_service_client::RootServiceClient calls over a tonic channel",
    )


def _library(package: str, *, shared: bool) -> str:
    """Writes modules that are as deep as protobuf's packages, by which generated code finds what it imports."""
    text = f"//! The typed client of {package}, made by `flowctl client generate` from the types of an app.\n"
    for path in (package, *(["flowrpc.v1"] if shared else [])):
        steps = path.split(".")
        opened = "".join(f"{'    ' * at}pub mod {step} {{\n" for at, step in enumerate(steps))
        closed = "".join(f"{'    ' * at}}}\n" for at in reversed(range(len(steps))))
        text += f'\n{opened}{"    " * len(steps)}tonic::include_proto!("{path}");\n{closed}'
    return text + f"\npub use {package.replace('.', '::')}::*;\n"


_BUILD = """\
// Made by `flowctl client generate`.
fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=proto");
    let files = protox::compile(["APP_PROTO"], ["proto"])?;
    tonic_prost_build::configure().build_server(false).compile_fds(files)?;
    Ok(())
}
"""

_CARGO = """\
[package]
name = "NAME"
version = "0.1.0"
edition = "2021"

[dependencies]
prost = "0.14"
prost-types = "0.14"
tonic = { version = "0.14", default-features = false, features = ["channel", "codegen"] }
tonic-prost = "0.14"

[build-dependencies]
protox = "0.10"
tonic-prost-build = { version = "0.14", default-features = false }
"""
