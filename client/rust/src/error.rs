//! What can go wrong.

use std::collections::HashMap;
use std::fmt;

use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::v1;

const DOMAIN: &str = "flowrpc";

/// Why something could not be done.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Error {
    /// The app refused a call, or did not answer it.
    Call(Box<CallError>),
    /// A command raised in the app; what it changed was undone.
    CommandFailed(Box<CommandFailed>),
    /// Something is no value, or a message holds none.
    Value(ValueError),
    /// A replica differed from the app's state again and again.
    Mismatch(MismatchError),
    /// No running app fits; the text says what was looked for and what to do.
    NotFound(String),
    /// The client cannot be made so: an address, a token or a certificate is not usable.
    Unusable(String),
    /// A replica follows no more, because the app ended.
    Ended(String),
}

impl Error {
    /// The name of an `ErrorReason` without its prefix, such as `UNKNOWN_COMMAND`, if the app gave one.
    pub fn reason(&self) -> Option<&str> {
        self.as_call().and_then(CallError::reason)
    }

    /// The error of the call, if it is one.
    pub fn as_call(&self) -> Option<&CallError> {
        if let Self::Call(error) = self { Some(error) } else { None }
    }

    /// What a command raised, if it did.
    pub fn as_command_failed(&self) -> Option<&CommandFailed> {
        if let Self::CommandFailed(error) = self { Some(error) } else { None }
    }

    /// Whether the app could not be reached, is ending, or did not answer: what another try may mend.
    pub fn is_not_reachable(&self) -> bool {
        self.as_call().is_some_and(CallError::is_not_reachable)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Call(error) => error.fmt(f),
            Self::CommandFailed(error) => error.fmt(f),
            Self::Value(error) => error.fmt(f),
            Self::Mismatch(error) => error.fmt(f),
            Self::NotFound(text) => write!(f, "no running app was found: {text}"),
            Self::Unusable(text) => f.write_str(text),
            Self::Ended(text) => write!(f, "the watch ended: {text}"),
        }
    }
}

impl std::error::Error for Error {}

/// Lets `?` turn what a generated stub returns into an error with reason and metadata.
impl From<Status> for Error {
    fn from(status: Status) -> Self {
        Self::Call(Box::new(status.into()))
    }
}

impl From<ValueError> for Error {
    fn from(error: ValueError) -> Self {
        Self::Value(error)
    }
}

/// Why a call was refused, or why it could not be made.
#[derive(Clone, Debug)]
pub struct CallError {
    /// What is wrong, with what, and what to do.
    pub message: String,
    /// Facts about the reason; `error_reason.proto` gives an example for each.
    pub metadata: HashMap<String, String>,
    /// What is wrong with each field of a typed request.
    pub violations: HashMap<String, String>,
    reason: Option<String>,
    status: Status,
}

impl CallError {
    /// The name of an `ErrorReason` without its prefix, such as `UNKNOWN_COMMAND`; none if the app did not answer.
    pub fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }

    /// The status code of gRPC.
    pub fn code(&self) -> Code {
        // A deadline that passes within the transport is told as CANCELLED.
        if self.status.code() == Code::Cancelled && self.has_source::<tonic::TimeoutExpired>() {
            return Code::DeadlineExceeded;
        }
        self.status.code()
    }

    /// The status as gRPC has it.
    pub fn status(&self) -> &Status {
        &self.status
    }

    /// Whether the app could not be reached, is ending, or did not answer: what another try may mend.
    pub fn is_not_reachable(&self) -> bool {
        match self.reason() {
            Some(reason) => reason == "STOPPING",
            // A connection that breaks within a call is UNKNOWN to the transport, which then names what broke.
            None if self.code() == Code::Unknown => std::error::Error::source(&self.status).is_some(),
            None => matches!(self.code(), Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled),
        }
    }

    fn has_source<E: std::error::Error + 'static>(&self) -> bool {
        let first = std::error::Error::source(&self.status);
        std::iter::successors(first, |error| error.source()).any(|error| error.is::<E>())
    }
}

impl From<Status> for CallError {
    fn from(status: Status) -> Self {
        let details = status.get_error_details();
        let info = details.error_info().filter(|info| info.domain == DOMAIN);
        let violations = details.bad_request().map_or_else(HashMap::new, |request| {
            let told = request.field_violations.iter();
            told.map(|violation| (violation.field.clone(), violation.description.clone())).collect()
        });
        Self {
            message: status.message().to_owned(),
            metadata: info.map(|info| info.metadata.clone()).unwrap_or_default(),
            violations,
            reason: info.map(|info| info.reason.trim_start_matches("ERROR_REASON_").to_owned()),
            status,
        }
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.reason() {
            Some(reason) => write!(f, "{reason}: {}", self.message),
            None => write!(f, "the app did not answer ({:?}): {}", self.code(), self.message),
        }
    }
}

impl std::error::Error for CallError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.status)
    }
}

/// Tells that a command raised in the app; what it changed was undone.
#[derive(Clone, Debug, PartialEq)]
pub struct CommandFailed {
    /// The command.
    pub command: String,
    /// What it raised.
    pub failure: v1::Failure,
    /// The revision that the app was at.
    pub revision: i64,
}

impl fmt::Display for CommandFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let v1::Failure { r#type, message, .. } = &self.failure;
        write!(f, "{}: ", self.command)?;
        if !r#type.is_empty() {
            write!(f, "{type}: ", r#type = r#type)?;
        }
        f.write_str(message)
    }
}

impl std::error::Error for CommandFailed {}

/// Tells that something is no value, and where: `arguments.names[3]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValueError {
    /// Where it is.
    pub place: String,
    /// What is wrong with it.
    pub problem: String,
}

impl ValueError {
    pub(crate) fn new(place: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { place: place.into(), problem: problem.into() }
    }
}

impl fmt::Display for ValueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.problem)
    }
}

impl std::error::Error for ValueError {}

/// Tells that a replica differs from the app's state at the same revision, by their hashes: it missed or misread a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MismatchError {
    /// The revision of both.
    pub revision: i64,
    /// The hash of the replica.
    pub own: String,
    /// The hash of the app's state.
    pub told: String,
}

impl fmt::Display for MismatchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { revision, own, told } = self;
        write!(f, "the replica at revision {revision} has the hash {own:.16}…, the app {told:.16}…")
    }
}

impl std::error::Error for MismatchError {}
