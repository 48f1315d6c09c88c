//! A till: what a stranger writes who has nothing but the contract of an app and the Rust client.

use std::error::Error;
use std::time::Duration;

use flowrpc_client::{Client, Connection};
use tokio::time::timeout;

pub mod shop {
    tonic::include_proto!("shop.v1");
}

use shop::root_service_client::RootServiceClient;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let data_dir = std::env::args().nth(1).ok_or("which data directory?")?;
    let client = Client::builder().data_dir(data_dir).connect().await?;
    let stub = RootServiceClient::new(client.connection());
    Ok(timeout(Duration::from_secs(60), run(stub)).await??)
}

async fn run(mut shop: RootServiceClient<Connection>) -> flowrpc_client::Result<()> {
    let counted = shop.count(shop::CountRequest::default()).await?.into_inner().result();
    println!("counted {counted}");

    let request = shop::FailRequest { text: Some("typed".to_owned()), ..Default::default() };
    let failed: flowrpc_client::Error = shop.fail(request).await.expect_err("it raises").into();
    println!("failed {}", failed.reason().unwrap_or("without a reason"));

    let refused = shop.fail(shop::FailRequest::default()).await.expect_err("the text is missing");
    let refused = flowrpc_client::Error::from(refused);
    let fields = refused.as_call().map(|call| call.violations.keys().cloned().collect::<Vec<_>>());
    println!("refused {} {}", refused.reason().unwrap_or("without a reason"), fields.unwrap_or_default().join(", "));

    read(&mut shop).await?;

    let mut watch = shop.watch_state(shop::WatchStateRequest::default()).await?.into_inner();
    while let Some(told) = watch.message().await? {
        let seen = told.state.map(|state| state.counted()).unwrap_or_default();
        if seen >= counted {
            println!("watched {seen}");
            break;
        }
    }
    Ok(())
}

/// Reads one stream to its end, and leaves another one.
async fn read(shop: &mut RootServiceClient<Connection>) -> flowrpc_client::Result<()> {
    let request = shop::RowsRequest { start: Some((1 << 53) + 1), fail: Some("typed".to_owned()) };
    let mut rows = shop.rows(request).await?.into_inner();
    let ended = loop {
        match rows.message().await {
            Ok(told) => println!("read {}", told.and_then(|told| told.item).unwrap_or_default().name()),
            Err(status) => break flowrpc_client::Error::from(status),
        }
    };
    println!("ended {}", ended.reason().unwrap_or("without a reason"));

    let mut ticks = shop.ticks(shop::TicksRequest::default()).await?.into_inner();
    ticks.message().await?;
    drop(ticks);
    let mut left = 0;
    while left == 0 {
        let told = shop.get_state(shop::GetStateRequest::default()).await?.into_inner();
        left = told.state.map(|state| state.left()).unwrap_or_default();
    }
    println!("left {left}");
    Ok(())
}
