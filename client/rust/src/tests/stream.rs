//! Commands that stream, of a service that answers as it is told.

use std::time::Duration;

use tokio::time::timeout;
use tonic::Code;
use tonic::codegen::tokio_stream::StreamExt as _;

use super::service::{Reply, Service};
use crate::v1::stream_command_response::Content;
use crate::{Client, CommandStream, Error, Result, Value, map, v1};

const LONG: Duration = Duration::from_secs(60);

fn told(content: Option<Content>, revision: i64) -> v1::StreamCommandResponse {
    v1::StreamCommandResponse { content, revision }
}

fn item(number: i64) -> v1::StreamCommandResponse {
    let value = v1::Value::try_from(&Value::Int(number)).expect("it is a value");
    told(Some(Content::Item(value)), number)
}

async fn client_of(service: &Service) -> Client {
    let builder = Client::builder().address(service.address.to_string());
    builder.timeout(Duration::from_millis(50)).connect().await.expect("an address is given")
}

/// Waits for the next item, but not for ever.
async fn next(stream: &mut CommandStream) -> Option<Result<Value>> {
    timeout(LONG, stream.next()).await.expect("it comes in time")
}

#[tokio::test]
async fn items_come_in_order_and_are_asked_for_once() {
    let service = Service::start([Reply::messages(&[item(1), item(2)])]).await;
    let mut stream = client_of(&service).await.stream("rows", map! {"start" => 1});
    assert!(service.received().is_empty());
    assert_eq!(next(&mut stream).await.expect("there is one").expect("it is one"), Value::Int(1));
    assert_eq!(stream.revision(), 1);
    let rest: Vec<Result<Value>> = timeout(LONG, (&mut stream).collect()).await.expect("it ends in time");
    assert!(matches!(rest.as_slice(), [Ok(Value::Int(2))]), "{rest:?}");
    assert!(next(&mut stream).await.is_none());
    let received = service.received();
    let request: v1::StreamCommandRequest = received[0].parse();
    assert_eq!((request.command.as_str(), request.arguments[0].key.as_str()), ("rows", "start"));
    assert_eq!(received.len(), 1);
    assert!(!received[0].headers.contains_key("grpc-timeout"));
}

#[tokio::test]
async fn what_it_raised_comes_after_the_items_and_nothing_after_it() {
    let failure =
        v1::Failure { r#type: "ValueError".to_owned(), message: "näh".to_owned(), ..Default::default() };
    let replies = [item(1), told(Some(Content::Failure(failure)), 5), item(2)];
    let service = Service::start([Reply::messages(&replies)]).await;
    let mut stream = client_of(&service).await.stream("rows", map! {});
    next(&mut stream).await.expect("there is one").expect("it is one");
    let error = next(&mut stream).await.expect("it raised").expect_err("it raised");
    assert_eq!(error.to_string(), "rows: ValueError: näh");
    assert_eq!(error.as_command_failed().expect("it is one").revision, 5);
    assert!(next(&mut stream).await.is_none());
}

#[tokio::test]
async fn it_is_not_called_again() {
    for reply in [Reply::status(Code::Unavailable), Reply::Break] {
        let service = Service::start([reply, Reply::messages(&[item(1)])]).await;
        let mut stream = client_of(&service).await.stream("rows", map! {});
        let error = next(&mut stream).await.expect("it is refused").expect_err("it is refused");
        assert!(error.is_not_reachable(), "{error}");
        assert!(next(&mut stream).await.is_none());
        assert!(service.received().len() <= 1);
    }
}

#[tokio::test]
async fn who_leaves_closes_the_command() {
    let service = Service::start([Reply::open(&[item(1)])]).await;
    let client = client_of(&service).await;
    let mut stream = client.stream("rows", map! {});
    next(&mut stream).await.expect("there is one").expect("it is one");
    // A wait that is dropped leaves the stream open, longer than the timeout of calls.
    timeout(Duration::from_millis(100), stream.next()).await.expect_err("there is no second");
    drop(stream);
    service.left(1).await;
}

#[tokio::test]
async fn it_may_begin_later_than_calls_have_time() {
    let service = Service::start([Reply::Silence]).await;
    let mut stream = client_of(&service).await.stream("rows", map! {});
    timeout(Duration::from_millis(300), stream.next()).await.expect_err("it goes on waiting");
}

#[tokio::test]
async fn it_ends_when_its_time_is_over() {
    for reply in [Reply::open(&[item(1)]), Reply::Silence] {
        let service = Service::start([reply.clone()]).await;
        let mut stream =
            client_of(&service).await.stream("rows", map! {}).timeout(Duration::from_millis(500));
        let error = loop {
            if let Err(error) = next(&mut stream).await.expect("it does not end by itself") {
                break error;
            }
        };
        assert_eq!(error.as_call().expect("it is one").code(), Code::DeadlineExceeded, "{error}");
        assert!(next(&mut stream).await.is_none());
        if let Reply::Open(_) = reply {
            service.left(1).await; // although the stream is still there
            assert!(service.received()[0].headers.contains_key("grpc-timeout"));
        }
    }
}

#[tokio::test]
async fn what_is_no_value_is_named() {
    let service = Service::start([Reply::open(&[told(None, 1)])]).await;
    let client = client_of(&service).await;
    let mut stream = client.stream("rows", map! {"limit" => f64::NAN});
    let error = next(&mut stream).await.expect("it is refused").expect_err("it is none");
    assert!(matches!(&error, Error::Value(refused) if refused.place == "arguments.limit"), "{error}");
    assert!(next(&mut stream).await.is_none());
    assert!(service.received().is_empty());

    let mut stream = client.stream("rows", map! {}).timeout(Duration::MAX);
    let error = next(&mut stream).await.expect("it is answered").expect_err("it holds nothing");
    assert!(matches!(&error, Error::Value(refused) if refused.place == "answer"), "{error}");
    service.left(1).await;
    assert!(format!("{stream:?}").contains("rows"));
}
