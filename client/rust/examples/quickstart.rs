//! Calls a command of the one running app of this user and waits until its state shows it.
//!
//!     cargo run --example quickstart -- add '{"name": "ann"}'

use std::error::Error;
use std::time::Duration;

use flowrpc_client::{Client, Map};
use tokio::time::timeout;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let given: Vec<String> = std::env::args().skip(1).collect();
    let [command, arguments] = given.as_slice() else {
        return Err("usage: quickstart COMMAND ARGUMENTS_AS_JSON".into());
    };
    let arguments: Map = serde_json::from_str(arguments)?;
    let client = Client::connect().await?;

    let replica = client.replicate("root");
    let answer = client.call(command, arguments).await?;
    timeout(Duration::from_secs(30), replica.wait_for(answer.revision)).await??;
    for (name, value) in &replica.vars("root").ok_or("there is no root")? {
        println!("{name} = {}", serde_json::to_string(value)?);
    }
    Ok(())
}
