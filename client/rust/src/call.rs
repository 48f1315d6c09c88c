//! Calls of commands.

use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::time::Duration;

use tokio::time::{Instant, sleep};
use tonic::{Request, Response, Status};

use crate::backoff::Pauses;
use crate::codec::encode_entries;
use crate::v1::call_command_response::Outcome;
use crate::v1::flow_service_client::FlowServiceClient;
use crate::{CommandFailed, Connection, Error, Map, Result, Value, ValueError, v1};

const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// Longer than any caller waits, short enough to be added to a clock.
pub(crate) const LONGEST_TIMEOUT: Duration = Duration::from_secs(365 * 24 * 3600);

/// What a command returned.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Answer {
    /// Its result.
    pub result: Value,
    /// Holds what the command did: a replica that is there has seen it.
    pub revision: i64,
    /// Whether an earlier request of the same id was answered.
    pub replayed: bool,
}

/// A call of a command, which is sent when it is awaited.
///
/// It is sent again under one id, so that it happens once, until the app answers or its timeout is over. It fails with
/// [`Error::CommandFailed`] if the command raised, [`Error::Call`] if it was refused, [`Error::Value`] if an argument is no
/// value.
#[derive(Clone, Debug)]
#[must_use = "a call is sent when it is awaited"]
pub struct Call {
    stub: FlowServiceClient<Connection>,
    command: String,
    arguments: Map,
    request_id: Option<String>,
    timeout: Duration,
}

impl Call {
    pub(crate) fn new(
        stub: FlowServiceClient<Connection>,
        command: String,
        arguments: Map,
        timeout: Duration,
    ) -> Self {
        Self { stub, command, arguments, request_id: None, timeout }
    }

    /// Gives the id of the request, so that a repeat after a crash of the caller happens once; see [`new_request_id`].
    pub fn request_id(mut self, id: impl Into<String>) -> Self {
        self.request_id = Some(id.into());
        self
    }

    /// Waits as long for the answer, all tries together, instead of the client's timeout.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    async fn send(self) -> Result<Answer> {
        let Self { stub, command, arguments, request_id, timeout } = self;
        let request = v1::CallCommandRequest {
            arguments: encode_entries(&arguments, "arguments", 1)?,
            command: command.clone(),
            request_id: request_id.unwrap_or_else(new_request_id),
        };
        let answer = repeat(timeout, request, |request| {
            let mut stub = stub.clone();
            async move { stub.call_command(request).await }
        });
        read(command, answer.await?)
    }
}

impl IntoFuture for Call {
    type Output = Result<Answer>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<Answer>> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send())
    }
}

fn read(command: String, response: v1::CallCommandResponse) -> Result<Answer> {
    let v1::CallCommandResponse { outcome, revision, replayed } = response;
    match outcome {
        Some(Outcome::Result(result)) => Ok(Answer { result: (&result).try_into()?, revision, replayed }),
        Some(Outcome::Failure(failure)) => {
            Err(Error::CommandFailed(Box::new(CommandFailed { command, failure, revision })))
        }
        None => {
            let problem = "has neither result nor failure that this version knows";
            Err(ValueError::new("answer", problem).into())
        }
    }
}

/// Makes a `UUIDv7`: what makes a repeated request the same request. Its time lets the app refuse ids that are older than
/// its memory.
pub fn new_request_id() -> String {
    uuid::Uuid::now_v7().to_string()
}

/// Sends a request that happens once, however often it is sent, until it is answered or the time is over.
pub(crate) async fn repeat<Q, A, F, S>(timeout: Duration, request: Q, mut send: F) -> Result<A>
where
    Q: Clone,
    F: FnMut(Request<Q>) -> S,
    S: Future<Output = Result<Response<A>, Status>>,
{
    let deadline = Instant::now() + timeout.min(LONGEST_TIMEOUT);
    let mut pauses = Pauses::up_to(LONGEST_PAUSE);
    loop {
        let mut attempt = Request::new(request.clone());
        attempt.set_timeout(deadline - Instant::now());
        let error = match send(attempt).await {
            Ok(answer) => return Ok(answer.into_inner()),
            Err(status) => Error::from(status),
        };
        let pause = pauses.next();
        if !error.is_not_reachable() || Instant::now() + pause >= deadline {
            return Err(error);
        }
        sleep(pause).await;
    }
}
