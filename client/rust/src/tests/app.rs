//! A real app, which `tests/clients/test_rust.py` serves.

use std::env;
use std::io::stdin;
use std::time::Duration;

use tokio::time::timeout;
use tonic::Code;

use super::assert_same;
use crate::{BigInt, Builder, Client, Error, Extension, Map, Replica, Value, map, new_request_id, v1};

fn builder() -> Builder {
    let data_dir = env::var_os("FLOWRPC_TEST_DATA_DIR").expect("tests/clients/test_rust.py sets it");
    Client::builder().data_dir(data_dir).timeout(Duration::from_secs(60))
}

async fn client() -> Client {
    builder().connect().await.expect("the app runs")
}

/// Waits until a replica has seen a revision, but not for ever.
async fn seen(replica: &Replica, revision: i64) {
    let waited = tokio::time::timeout(Duration::from_secs(60), replica.wait_for(revision)).await;
    waited.expect("it comes in time").expect("the replica goes on");
}

async fn keep(client: &Client, value: Value) -> crate::Answer {
    client.call("keep", map! {"value" => value}).await.expect("it is kept")
}

#[tokio::test]
#[ignore = "needs an app"]
async fn app_every_value_comes_back() {
    let client = client().await;
    let replica = client.replicate("root");
    let huge: BigInt = "-123456789012345678901234567890".parse().expect("it is a number");
    let point = Extension { type_name: "point".to_owned(), content: [1.into(), Value::from(2.5)].into() };
    let nested = map! {"b" => 1, "a" => [Value::Null, map! {"" => "x"}.into()]};
    let values: [Value; 18] = [
        ().into(),
        true.into(),
        false.into(),
        ((1i64 << 53) + 1).into(),
        i64::MIN.into(),
        huge.into(),
        1.0.into(),
        (-0.0).into(),
        5e-324.into(),
        "".into(),
        "a\u{308} \u{1f600}\0".into(),
        Value::List(vec![]),
        map! {}.into(),
        nested.into(),
        point.into(),
        (0..29).fold(Value::Null, |inner, _| map! {"a" => inner}.into()),
        u64::MAX.into(),
        Value::Text("x".repeat(1_500_000)),
    ];
    for value in values {
        let answer = keep(&client, value.clone()).await;
        assert_same(&answer.result, &value);
        seen(&replica, answer.revision).await;
        assert_same(&replica.vars("root").expect("it is there")["kept"], &value);
    }
    let state = client.state("root").await.expect("it is told");
    assert_eq!(state.component("root"), replica.state().component("root"));
}

#[tokio::test]
#[ignore = "needs an app"]
async fn app_errors_have_reasons() {
    let client = client().await;
    let error = client.call("keeep", map! {}).await.expect_err("there is no such command");
    assert_eq!(error.reason(), Some("UNKNOWN_COMMAND"));
    let call = error.as_call().expect("it is one");
    assert_eq!((call.code(), call.metadata["suggestion"].as_str()), (Code::NotFound, "keep"));

    let error = client.call("keep", map! {"valeu" => 1}).await.expect_err("there is no such parameter");
    assert_eq!(error.reason(), Some("INVALID_ARGUMENTS"));

    let error = client.call("fail", map! {"text" => "näh"}).await.expect_err("it raises");
    let failure = &error.as_command_failed().expect("it is one").failure;
    assert_eq!((failure.r#type.as_str(), failure.message.as_str()), ("ValueError", "näh"));

    let error = client.state("root.x").await.expect_err("there is no such component");
    assert_eq!(error.reason(), Some("UNKNOWN_COMPONENT"));

    let error = client.replicate("root.x").wait_for(1).await.expect_err("nor here");
    assert_eq!(error.reason(), Some("UNKNOWN_COMPONENT"));
}

#[tokio::test]
#[ignore = "needs an app"]
async fn app_refuses_a_wrong_token() {
    let client = builder().token("wrong").connect().await.expect("it is a token");
    let error = client.call("count", map! {}).await.expect_err("it is wrong");
    assert_eq!(error.reason(), Some("UNAUTHENTICATED"));
    let error = client.replicate("root").wait_for(1).await.expect_err("it is wrong");
    assert_eq!(error.reason(), Some("UNAUTHENTICATED"));
}

#[tokio::test]
#[ignore = "needs an app"]
async fn app_answers_a_repeat_once() {
    let client = client().await;
    let id = new_request_id();
    let first = client.call("count", map! {}).request_id(&id).await.expect("it counts");
    let second = client.call("count", map! {}).request_id(&id).await.expect("it is answered again");
    assert_eq!((first.replayed, second.replayed), (false, true));
    assert_eq!(first.result, second.result);
    let reused = client.call("keep", map! {"value" => 1}).request_id(&id).await.expect_err("it is another");
    assert_eq!(reused.reason(), Some("REQUEST_ID_REUSED"));
}

#[tokio::test]
#[ignore = "needs an app"]
async fn app_is_updated_and_followed() {
    let client = client().await;
    let replica = client.replicate("root");
    client.update("root", map! {"kept" => [1, 2]}).await.expect("it is set");
    for _ in 0..20 {
        client.call("append", map! {"item" => "\u{1f600}"}).await.expect("it is spliced");
    }
    let answer = client.call("hire", map! {"name" => "ann"}).await.expect("she is hired");
    seen(&replica, answer.revision).await;
    let count = replica.look(|view| view.var("root", "kept").and_then(Value::as_list).map(<[Value]>::len));
    assert_eq!(count, Some(22));
    assert!(replica.vars("root.team.ann").is_some());

    let request = v1::GetStateRequest { with_state_hash: true, ..Default::default() };
    let told = client.flow_service().get_state(request).await.expect("it is told").into_inner();
    seen(&replica, told.revision).await;
    assert_eq!((replica.revision(), replica.state_hash()), (told.revision, told.state_hash));

    let error = client.update("root", map! {"kept" => f64::NAN}).await.expect_err("it is no value");
    assert!(matches!(&error, Error::Value(refused) if refused.place == "vars.kept"), "{error}");
}

/// Reads a stream to its end, but not for ever.
async fn read(client: &Client, command: &str, arguments: Map) -> (Vec<Value>, Option<Error>) {
    let mut stream = client.stream(command, arguments).timeout(Duration::from_secs(60));
    let mut items = Vec::new();
    while let Some(item) = stream.next().await {
        match item {
            Ok(item) => items.push(item),
            Err(error) => return (items, Some(error)),
        }
    }
    (items, None)
}

#[tokio::test]
#[ignore = "needs an app"]
async fn app_streams_items() {
    let client = client().await;
    let replica = client.replicate("root");
    let huge: BigInt = "123456789012345678901234567890".parse().expect("it is a number");
    let values =
        [Value::Null, ((1i64 << 53) + 1).into(), 1.0.into(), huge.into(), "a\u{308} \u{1f600}\0".into()];
    let (items, error) = read(&client, "each", map! {"values" => values.clone()}).await;
    assert!(error.is_none(), "{error:?}");
    assert_same(&Value::List(items), &Value::List(values.into()));

    let mut rows = client.stream("rows", map! {"start" => (1i64 << 53) + 1});
    for number in (1i64 << 53) + 1..(1i64 << 53) + 4 {
        let row = rows.next().await.expect("there is one").expect("it is one");
        assert_same(&row, &map! {"number" => number, "name" => format!("née \u{1f600} {number}")}.into());
    }
    seen(&replica, rows.revision()).await; // it holds what was done for the item
    assert_same(&replica.vars("root").expect("it is there")["told"], &3.into());
    assert!(rows.next().await.is_none());
}

#[tokio::test]
#[ignore = "needs an app"]
async fn app_stream_ends_with_what_it_raised() {
    let client = client().await;
    let (items, error) = read(&client, "rows", map! {"fail" => "näh"}).await;
    let error = error.expect("it raises");
    let failure = &error.as_command_failed().expect("it is one").failure;
    assert_eq!((failure.r#type.as_str(), failure.message.as_str()), ("ValueError", "näh"));
    assert_eq!(items.len(), 3);
    let state = client.state("root").await.expect("it is told");
    assert_same(&state.component("root").expect("it is there").vars["told"], &3.into());

    for (command, reason) in [("rowz", "UNKNOWN_COMMAND"), ("count", "WRONG_METHOD")] {
        let (items, error) = read(&client, command, map! {}).await;
        assert_eq!(error.expect("it is refused").reason(), Some(reason));
        assert!(items.is_empty());
    }
    let error = client.call("rows", map! {}).await.expect_err("it streams");
    assert_eq!(error.reason(), Some("WRONG_METHOD"));
}

#[tokio::test]
#[ignore = "needs an app"]
async fn app_stream_is_left() {
    let client = client().await;
    let replica = client.replicate("root");
    let is = |var: &'static str, wanted: i64| {
        let waited = replica.wait(move |view| view.var("root", var).and_then(Value::as_i64) == Some(wanted));
        timeout(Duration::from_secs(60), waited)
    };
    let mut ticks = client.stream("ticks", map! {});
    for tick in 0..100 {
        // more than the app sends to one who does not read
        assert_same(&ticks.next().await.expect("it goes on").expect("it is one"), &tick.into());
    }
    is("reading", 1).await.expect("in time").expect("it is told");
    drop(ticks);
    is("left", 1).await.expect("in time").expect("it is told");

    let mut late = client.stream("ticks", map! {}).timeout(Duration::from_millis(300));
    let error = loop {
        if let Err(error) = late.next().await.expect("it does not end by itself") {
            break error;
        }
    };
    assert_eq!(error.as_call().expect("it is one").code(), Code::DeadlineExceeded);
    is("left", 2).await.expect("in time").expect("it is told");
}

/// Is told by its standard input that the app was killed, and starts again at another address.
#[tokio::test]
#[ignore = "needs an app"]
async fn app_comes_back() {
    let client = client().await;
    let replica = client.replicate("root");
    let before = client.call("count", map! {}).await.expect("it counts");
    seen(&replica, before.revision).await;
    println!("kill it");
    stdin().read_line(&mut String::new()).expect("it is told");
    let after = client.call("count", map! {}).await.expect("it comes back"); // sent while the app is away
    assert_eq!(after.result.as_i64(), before.result.as_i64().map(|count| count + 1));
    seen(&replica, after.revision).await;
    assert_eq!(replica.vars("root").expect("it is there")["counted"], after.result);
    assert_eq!(replica.mismatches(), 0);
}
