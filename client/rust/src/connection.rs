//! The connection to an app, which generated stubs take.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tonic::Status;
use tonic::body::Body;
use tonic::codegen::http::{HeaderValue, Request, Response, header::AUTHORIZATION};
use tonic::codegen::{Service, StdError};
use tonic::transport::Channel;

/// The connection to an app, for stubs that are generated from the app's own contract; cheap to clone.
///
/// It adds the token. A call without a timeout of its own (`tonic::Request::set_timeout`) has the client's until the app
/// begins to answer; watches, logs and [`Client::stream`](crate::Client::stream), which may be silent, have none.
#[derive(Clone, Debug)]
pub struct Connection {
    channel: Channel,
    authorization: Option<HeaderValue>,
    timeout: Option<Duration>,
}

impl Connection {
    pub(crate) fn new(channel: Channel, authorization: Option<HeaderValue>, timeout: Duration) -> Self {
        Self { channel, authorization, timeout: Some(timeout) }
    }

    /// The same connection with another timeout, or without one, for commands that stream and begin slowly.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Option<Duration>) -> Self {
        self.timeout = timeout;
        self
    }

    fn timeout_of(&self, request: &Request<Body>) -> Option<Duration> {
        let (service, method) = request.uri().path().rsplit_once('/').unwrap_or_default();
        let ours = service == "/flowrpc.v1.FlowService" && matches!(method, "StreamCommand" | "StreamLogs");
        let silent = method == "WatchState" || ours;
        let own = request.headers().contains_key("grpc-timeout");
        if silent || own { None } else { self.timeout }
    }
}

impl Service<Request<Body>> for Connection {
    type Response = Response<Body>;
    type Error = StdError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, StdError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), StdError>> {
        self.channel.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        if let Some(authorization) = &self.authorization {
            request.headers_mut().insert(AUTHORIZATION, authorization.clone());
        }
        let timeout = self.timeout_of(&request);
        let answer = self.channel.call(request);
        Box::pin(async move {
            let Some(timeout) = timeout else {
                return Ok(answer.await?);
            };
            match tokio::time::timeout(timeout, answer).await {
                Ok(answer) => Ok(answer?),
                Err(_) => Err(Status::deadline_exceeded(format!("no answer within {timeout:?}")).into()),
            }
        })
    }
}
