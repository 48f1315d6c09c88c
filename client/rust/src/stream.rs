//! Commands that stream.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Sleep, sleep};
use tonic::codegen::tokio_stream::Stream;
use tonic::{Request, Status, Streaming};

use crate::call::LONGEST_TIMEOUT;
use crate::codec::encode_entries;
use crate::v1::flow_service_client::FlowServiceClient;
use crate::v1::stream_command_response::Content;
use crate::{CommandFailed, Connection, Error, Map, Result, Value, ValueError, v1};

type Messages = Streaming<v1::StreamCommandResponse>;

/// The items of a command that streams, as they come, each when what was done up to it is durable.
///
/// The command is called when the first item is asked for, and once only: what a stream told is not kept. Dropping the
/// stream closes the command. It ends with [`Error::CommandFailed`] if the command raised after its last item, and with
/// [`Error::Call`] if it was refused or the connection broke. It is a `Stream` of the crate `futures`, too.
#[must_use = "a stream does nothing before its items are asked for"]
pub struct CommandStream {
    stub: FlowServiceClient<Connection>,
    command: String,
    /// Taken when it is sent.
    request: Option<Result<v1::StreamCommandRequest, ValueError>>,
    timeout: Option<Duration>,
    deadline: Option<Pin<Box<Sleep>>>,
    stage: Stage,
    revision: i64,
}

enum Stage {
    Opening(Pin<Box<dyn Future<Output = Result<Messages, Status>> + Send>>),
    Open(Box<Messages>),
    Over,
}

impl CommandStream {
    pub(crate) fn new(stub: FlowServiceClient<Connection>, command: String, arguments: &Map) -> Self {
        let named = command.clone();
        let request = encode_entries(arguments, "arguments", 1)
            .map(|arguments| v1::StreamCommandRequest { command: named, arguments });
        Self {
            stub,
            command,
            request: Some(request),
            timeout: None,
            deadline: None,
            stage: Stage::Over,
            revision: 0,
        }
    }

    /// Limits how long the whole stream may take, from when its first item is asked for; without it, it may take for ever.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout.min(LONGEST_TIMEOUT));
        self
    }

    /// Waits for the next item; none after the last one, or after an error. A wait that is dropped loses nothing.
    pub async fn next(&mut self) -> Option<Result<Value>> {
        poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }

    /// The revision that holds what was done up to the newest item; 0 before the first.
    pub fn revision(&self) -> i64 {
        self.revision
    }

    fn begin(&mut self, message: v1::StreamCommandRequest) {
        let mut stub = self.stub.clone();
        let mut request = Request::new(message);
        if let Some(timeout) = self.timeout {
            request.set_timeout(timeout);
            self.deadline = Some(Box::pin(sleep(timeout))); // also for an app that says nothing at all
        }
        let answer = async move { Ok(stub.stream_command(request).await?.into_inner()) };
        self.stage = Stage::Opening(Box::pin(answer));
    }

    fn poll_message(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<v1::StreamCommandResponse>>> {
        if let Some(request) = self.request.take() {
            match request {
                Ok(message) => self.begin(message),
                Err(error) => return Poll::Ready(Some(Err(error.into()))),
            }
        }
        if self.deadline.as_mut().is_some_and(|deadline| deadline.as_mut().poll(context).is_ready()) {
            let late = format!("{} did not end within {:?}", self.command, self.timeout.unwrap_or_default());
            return Poll::Ready(Some(Err(Status::deadline_exceeded(late).into())));
        }
        loop {
            self.stage = match &mut self.stage {
                Stage::Opening(answer) => match ready!(answer.as_mut().poll(context)) {
                    Ok(messages) => Stage::Open(Box::new(messages)),
                    Err(status) => return Poll::Ready(Some(Err(status.into()))),
                },
                Stage::Open(messages) => {
                    let message = ready!(Pin::new(messages).poll_next(context));
                    return Poll::Ready(message.map(|message| message.map_err(Error::from)));
                }
                Stage::Over => return Poll::Ready(None),
            };
        }
    }

    fn read(&mut self, message: v1::StreamCommandResponse) -> Result<Value> {
        let v1::StreamCommandResponse { content, revision } = message;
        match content {
            Some(Content::Item(item)) => {
                let item = Value::try_from(&item)?;
                self.revision = revision;
                Ok(item)
            }
            Some(Content::Failure(failure)) => {
                let command = self.command.clone();
                Err(Error::CommandFailed(Box::new(CommandFailed { command, failure, revision })))
            }
            None => {
                let problem = "has neither item nor failure that this version knows";
                Err(ValueError::new("answer", problem).into())
            }
        }
    }
}

impl Stream for CommandStream {
    type Item = Result<Value>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let message = ready!(self.poll_message(context));
        let item = message.map(|message| self.read(message?));
        if !matches!(item, Some(Ok(_))) {
            self.deadline = None;
            self.stage = Stage::Over; // nothing comes after an error, and the command is closed
        }
        Poll::Ready(item)
    }
}

impl fmt::Debug for CommandStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { command, timeout, revision, .. } = self;
        f.debug_struct("CommandStream")
            .field("command", command)
            .field("timeout", timeout)
            .field("revision", revision)
            .finish_non_exhaustive()
    }
}
