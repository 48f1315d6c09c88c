//! Makes the messages and stubs of `flowrpc.v1`, without protoc.

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=protos/flowrpc/v1");
    let files = ["flowrpc/v1/flow_service.proto", "flowrpc/v1/error_reason.proto"];
    let read = protox::compile(files, ["protos"])?;
    tonic_prost_build::configure().build_server(false).build_transport(false).compile_fds(read)?;
    Ok(())
}
