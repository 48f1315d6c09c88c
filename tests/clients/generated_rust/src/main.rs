//! A miller: what a stranger writes who has the address of an app, a token and the client that flowctl generated.

use std::error::Error;
use std::time::Duration;

use mill_v1::flowrpc::v1::Value;
use mill_v1::flowrpc::v1::value::Kind;
use mill_v1::root_service_client::RootServiceClient;
use mill_v1::{BringRequest, SacksRequest, WatchStateRequest};
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};

const BIG: i64 = (1 << 53) + 1;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut given = std::env::args().skip(1);
    let (address, token) = given.next().zip(given.next()).ok_or("which address and token?")?;
    let token: MetadataValue<Ascii> = format!("Bearer {token}").parse()?;
    let channel = Endpoint::new(format!("http://{address}"))?.connect().await?;
    let mill = RootServiceClient::with_interceptor(channel, move |mut request: Request<()>| {
        request.metadata_mut().insert("authorization", token.clone());
        Ok(request)
    });
    tokio::time::timeout(Duration::from_secs(60), run(mill)).await?
}

type Mill<F> = RootServiceClient<InterceptedService<Channel, F>>;

async fn run<F>(mut mill: Mill<F>) -> Result<(), Box<dyn Error>>
where
    F: FnMut(Request<()>) -> Result<Request<()>, Status>,
{
    let note = Value { kind: Some(Kind::StringValue("rye".to_owned())) };
    let request = BringRequest { kilos: Some(BIG), note: Some(note), ..Default::default() };
    println!("brought {}", mill.bring(request).await?.into_inner().result());

    let mut watch = mill.watch_state(WatchStateRequest::default()).await?.into_inner();
    let state = loop {
        let state = watch.message().await?.and_then(|told| told.state).ok_or("the watch ended")?;
        if state.grind.as_ref().and_then(|grind| grind.run.as_ref()).is_some_and(|run| run.status() == "succeeded") {
            break state;
        }
    };
    let grind = state.grind.unwrap_or_default();
    let asked = grind.run.clone().and_then(|run| run.arguments).unwrap_or_default();
    let note = state.note.and_then(|note| note.kind).ok_or("no note")?;
    println!("ground {} of {note:?} to {}", asked.kilos(), grind.flour());

    println!("refused {}", reason(mill.bring(BringRequest::default()).await.expect_err("the kilos are missing")));

    let mut sacks = mill.sacks(SacksRequest { first: Some(BIG) }).await?.into_inner();
    loop {
        match sacks.message().await {
            Ok(told) => println!("sack {}", told.and_then(|told| told.item).ok_or("it did not fail")?.label()),
            Err(status) => break println!("ended {}", reason(status)),
        }
    }
    Ok(())
}

fn reason(status: Status) -> String {
    flowrpc_client::Error::from(status).reason().unwrap_or("without a reason").to_owned()
}
