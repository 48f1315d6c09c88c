//! Replicas of a service that breaks, lies and ends.

use std::time::Duration;

use tonic::Code;

use super::service::{Reply, Service};
use crate::v1::watch_state_response::Update;
use crate::{Client, Error, Replica, v1};

async fn replica_of(service: &Service) -> Replica {
    let builder = Client::builder().address(service.address.to_string());
    builder.connect().await.expect("an address is given").replicate("root")
}

fn told(update: Update) -> Reply {
    Reply::message(&v1::WatchStateResponse { update: Some(update), more: false })
}

fn snapshot(revision: i64, state_hash: &str) -> Reply {
    let kind = v1::ComponentKind::Flow.into();
    let root = v1::Component { name: "root".to_owned(), kind, ..Default::default() };
    told(Update::Snapshot(v1::Snapshot {
        journal_id: "journal".to_owned(),
        revision,
        components: vec![root],
        first: true,
        last: true,
        state_hash: state_hash.to_owned(),
        ..Default::default()
    }))
}

/// Waits until the replica follows no more, but not for ever.
async fn ended(replica: &Replica) -> Error {
    let never = replica.wait(|_| false);
    let waited = tokio::time::timeout(Duration::from_secs(60), never).await;
    waited.expect("it ends in time").expect_err("it never holds")
}

#[tokio::test]
async fn a_replica_goes_on_where_it_was_until_the_app_ends() {
    let end = v1::WatchEnd { message: "the app is done".to_owned(), ..Default::default() };
    let replies = [snapshot(5, ""), Reply::status(Code::Unavailable), Reply::Break, told(Update::End(end))];
    let service = Service::start(replies).await;
    let replica = replica_of(&service).await;
    let error = ended(&replica).await;
    assert_eq!(error.to_string(), "the watch ended: the app is done");
    replica.wait_for(5).await.expect("what it saw before still holds");
    let asked = service.received();
    let asked: Vec<v1::WatchStateRequest> = asked.iter().map(|request| request.parse()).collect();
    assert_eq!(asked[0].after_revision, None);
    assert!(
        asked[1..].iter().all(|request| request.after_revision == Some(5) && request.journal_id == "journal")
    );
    assert_eq!(asked.len(), 3);
}

#[tokio::test]
async fn a_replica_gives_up_on_an_app_whose_hashes_are_never_its_own() {
    let service = Service::start([snapshot(5, &"0".repeat(64))]).await;
    let replica = replica_of(&service).await;
    let error = ended(&replica).await;
    assert!(matches!(&error, Error::Mismatch(mismatch) if mismatch.revision == 5), "{error}");
    assert_eq!((replica.mismatches(), service.received().len()), (3, 3));
}

#[tokio::test]
async fn a_replica_that_is_refused_does_not_try_again() {
    let service = Service::start([Reply::status(Code::Unauthenticated)]).await;
    let error = ended(&replica_of(&service).await).await;
    assert_eq!(error.as_call().expect("it is one").code(), Code::Unauthenticated);
    assert_eq!(service.received().len(), 1);
}
