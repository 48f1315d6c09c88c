//! The client without an app: what it sends, and what it makes of answers.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use tonic::Code;
use tonic_types::{ErrorDetails, StatusExt as _};

use super::service::{Reply, Service};
use crate::backoff::Pauses;
use crate::v1::call_command_response::Outcome;
use crate::{Builder, Client, Error, Value, map, new_request_id, v1};

async fn client_of(service: &Service) -> Client {
    builder_of(service).connect().await.expect("an address is given")
}

fn builder_of(service: &Service) -> Builder {
    Client::builder().address(service.address.to_string()).timeout(Duration::from_secs(60))
}

fn done() -> Reply {
    let result = v1::Value::try_from(&Value::Int(7)).expect("it is a value");
    Reply::message(&v1::CallCommandResponse {
        outcome: Some(Outcome::Result(result)),
        revision: 3,
        replayed: false,
    })
}

fn failure(made: Result<Client, Error>) -> String {
    made.expect_err("it is refused").to_string()
}

#[tokio::test]
async fn a_command_is_repeated_under_one_id_until_it_is_answered() {
    let again = [Code::Unavailable, Code::Cancelled].map(Reply::status);
    let service = Service::start(again.into_iter().chain([Reply::Break, done()])).await;
    let answer = client_of(&service).await.call("add", map! {"name" => "ann"}).await.expect("it is answered");
    assert_eq!((answer.result, answer.revision), (Value::Int(7), 3));
    let sent: Vec<v1::CallCommandRequest> = service.received().iter().map(|call| call.parse()).collect();
    assert_eq!(sent.len(), 3);
    assert!(sent.iter().all(|request| *request == sent[0] && request.arguments[0].key == "name"));
    let id = uuid::Uuid::parse_str(&sent[0].request_id).expect("it is one");
    assert_eq!(id.get_version_num(), 7);
}

#[tokio::test]
async fn a_refused_command_is_not_repeated() {
    let metadata = [("command".to_owned(), "ad".to_owned()), ("suggestion".to_owned(), "add".to_owned())];
    let mut details = ErrorDetails::with_error_info("UNKNOWN_COMMAND", "flowrpc", metadata);
    details.add_bad_request_violation("name", "is missing");
    let status = tonic::Status::with_error_details(Code::NotFound, "no command 'ad'", details);
    let reply = Reply::Status(status.code(), status.message().to_owned(), status.details().to_vec());
    let service = Service::start([reply]).await;
    let error = client_of(&service).await.call("ad", map! {}).await.expect_err("it is refused");
    assert_eq!(error.reason(), Some("UNKNOWN_COMMAND"));
    assert_eq!(error.to_string(), "UNKNOWN_COMMAND: no command 'ad'");
    let call = error.as_call().expect("it is one");
    assert_eq!((call.code(), call.metadata["suggestion"].as_str()), (Code::NotFound, "add"));
    assert_eq!(call.violations["name"], "is missing");
    assert_eq!(service.received().len(), 1);
}

#[tokio::test]
async fn a_reason_of_another_domain_is_not_the_apps() {
    let details = ErrorDetails::with_error_info("STOPPING", "proxy.example", []);
    let status = tonic::Status::with_error_details(Code::NotFound, "no such host", details);
    assert_eq!(Error::from(status).reason(), None);
}

#[tokio::test]
async fn silence_ends_with_the_timeout() {
    let service = Service::start([Reply::Silence]).await;
    let client =
        builder_of(&service).timeout(Duration::from_millis(50)).connect().await.expect("it has an address");
    let called = client.call("add", map! {}).await.expect_err("nothing is answered");
    let mut stub = client.flow_service();
    let listed = stub.list_works(v1::ListWorksRequest::default());
    let listed = tokio::time::timeout(Duration::from_secs(60), listed).await.expect("it ends in time");
    let stubbed = listed.expect_err("nor here");
    for error in [called, stubbed.into()] {
        assert_eq!(error.as_call().expect("it is one").code(), Code::DeadlineExceeded, "{error}");
        assert!(error.is_not_reachable());
    }
}

#[tokio::test]
async fn what_a_command_raised_is_an_error() {
    let raised =
        v1::Failure { r#type: "ValueError".to_owned(), message: "näh".to_owned(), ..Default::default() };
    let outcome = Some(Outcome::Failure(raised));
    let service =
        Service::start([Reply::message(&v1::CallCommandResponse { outcome, revision: 5, replayed: false })])
            .await;
    let error = client_of(&service).await.call("fail", map! {}).await.expect_err("it raised");
    assert_eq!(error.to_string(), "fail: ValueError: näh");
    assert_eq!(error.as_command_failed().expect("it is one").revision, 5);
}

#[tokio::test]
async fn an_argument_that_is_no_value_is_named_and_nothing_is_sent() {
    let service = Service::start([done()]).await;
    let arguments = map! {"rows" => [1.0, f64::NAN]};
    let error = client_of(&service).await.call("add", arguments).await.expect_err("it is none");
    assert!(matches!(&error, Error::Value(refused) if refused.place == "arguments.rows[1]"), "{error}");
    assert!(service.received().is_empty());
}

#[tokio::test]
async fn calls_carry_the_token_and_a_deadline() {
    let service = Service::start([done()]).await;
    let client = builder_of(&service).token("secret").connect().await.expect("it stays on this host");
    client.call("add", map! {}).timeout(Duration::from_secs(30)).await.expect("it is answered");
    let received = &service.received()[0];
    assert_eq!(received.path, "/flowrpc.v1.FlowService/CallCommand");
    assert_eq!(received.headers["authorization"], "Bearer secret");
    assert!(received.headers.contains_key("grpc-timeout"));
    assert!(!format!("{client:?}").contains("secret"));
}

#[tokio::test]
async fn a_token_stays_on_this_host_without_tls() {
    for address in ["203.0.113.7:443", "example.com:443", "[2001:db8::1]:443"] {
        let made = Client::builder().address(address).token("secret").connect().await;
        assert!(failure(made).contains("only sent encrypted"), "{address}");
    }
    for address in ["127.0.0.1:1", "[::1]:1", "localhost:1", "unix:/run/app.sock"] {
        Client::builder().address(address).token("secret").connect().await.expect("it is this host");
    }
    let made = Client::builder().address("127.0.0.1:1").token("two\nlines").connect().await;
    assert!(failure(made).contains("characters that none has"));
}

#[tokio::test]
async fn a_token_file_that_others_may_read_is_refused() {
    let file = std::env::temp_dir().join(format!("flowrpc-{}", new_request_id()));
    fs::write(&file, "secret\n").expect("it is writable");
    let builder = Client::builder().address("127.0.0.1:1").token_file(&file);
    fs::set_permissions(&file, Permissions::from_mode(0o644)).expect("it is ours");
    assert!(failure(builder.clone().connect().await).contains("chmod 600"));
    fs::set_permissions(&file, Permissions::from_mode(0o600)).expect("it is ours");
    builder.clone().connect().await.expect("it is private");
    fs::remove_file(&file).expect("it is ours");
    assert!(failure(builder.connect().await).contains("token file"));
}

#[tokio::test]
async fn no_app_is_found_where_none_runs() {
    let made = Client::builder().data_dir("/nonexistent").connect().await;
    assert!(failure(made).contains("no app runs on data directory /nonexistent"));
    let made = Client::builder().app("an app that nobody started").connect().await;
    assert!(failure(made).contains("flowctl run"));
}

#[test]
fn pauses_grow_and_differ() {
    let mut pauses = Pauses::up_to(Duration::from_secs(1));
    let mut bound = Duration::from_millis(50);
    for _ in 0..10 {
        let pause = pauses.next();
        assert!(
            pause >= bound / 2 && pause <= bound,
            "{pause:?} is not between the half of {bound:?} and it"
        );
        bound = Duration::from_secs(1).min(2 * bound);
    }
    let first = |_| Pauses::up_to(Duration::from_secs(1)).next();
    assert!((0..9).map(first).any(|pause| pause != first(0)));
}
