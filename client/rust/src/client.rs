//! The client of one app.

use std::time::Duration;

use crate::call::{new_request_id, repeat};
use crate::codec::encode_entries;
use crate::tree::Tree;
use crate::v1::change::Operation;
use crate::v1::flow_service_client::FlowServiceClient;
use crate::{Builder, Call, CommandStream, Connection, Map, Replica, Result, State, v1};

const MAX_MESSAGE_BYTES: usize = 64 * 1024 * 1024;

/// Talks to one app; cheap to clone, and for any number of tasks.
#[derive(Clone, Debug)]
pub struct Client {
    connection: Connection,
    timeout: Duration,
}

impl Client {
    pub(crate) fn new(connection: Connection, timeout: Duration) -> Self {
        Self { connection, timeout }
    }

    /// Makes a client of the one running app of this user; nothing is sent before the first call.
    ///
    /// # Errors
    ///
    /// No app runs, or several do.
    pub async fn connect() -> Result<Self> {
        Self::builder().connect().await
    }

    /// Says which app to talk to and how.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// The connection, for stubs that are generated from the app's own contract.
    pub fn connection(&self) -> Connection {
        self.connection.clone()
    }

    /// Calls what this crate has no method for.
    pub fn flow_service(&self) -> FlowServiceClient<Connection> {
        FlowServiceClient::new(self.connection())
            .max_decoding_message_size(MAX_MESSAGE_BYTES)
            .max_encoding_message_size(MAX_MESSAGE_BYTES)
    }

    /// Calls a command when it is awaited, and waits until what it did is durable.
    pub fn call(&self, command: impl Into<String>, arguments: impl Into<Map>) -> Call {
        Call::new(self.flow_service(), command.into(), arguments.into(), self.timeout)
    }

    /// Calls a command that streams, when the first of its items is asked for.
    pub fn stream(&self, command: impl Into<String>, arguments: impl Into<Map>) -> CommandStream {
        CommandStream::new(self.flow_service(), command.into(), &arguments.into())
    }

    /// Sets vars of a component from outside, all or none, and returns the revision that holds them.
    ///
    /// # Errors
    ///
    /// A value is none, or the app refuses the change.
    pub async fn update(&self, component: impl Into<String>, vars: impl Into<Map>) -> Result<i64> {
        let entries = encode_entries(&vars.into(), "vars", 0)?.into_iter();
        let change = |entry: v1::MapEntry| v1::Change {
            var: entry.key,
            steps: Vec::new(),
            operation: entry.value.map(Operation::Value),
        };
        let request = v1::UpdateStateRequest {
            component: component.into(),
            changes: entries.map(change).collect(),
            expected_revision: None,
            request_id: new_request_id(),
        };
        let stub = self.flow_service();
        let answer = repeat(self.timeout, request, |request| {
            let mut stub = stub.clone();
            async move { stub.update_state(request).await }
        });
        Ok(answer.await?.revision)
    }

    /// Reads the state of a component and everything below it.
    ///
    /// # Errors
    ///
    /// There is no such component, or the app cannot be reached.
    pub async fn state(&self, component: impl Into<String>) -> Result<State> {
        let request = v1::GetStateRequest { component: component.into(), ..Default::default() };
        let stub = self.flow_service();
        let answer = repeat(self.timeout, request, |request| {
            let mut stub = stub.clone();
            async move { stub.get_state(request).await }
        });
        let answer = answer.await?;
        let mut read = Tree::default();
        read.add(&answer.components)?;
        read.add_runs(&answer.runs);
        Ok(read.to_state(&answer.journal_id, answer.revision))
    }

    /// Begins to follow a component and everything below it. The replica tries on until it is dropped or the app ends.
    pub fn replicate(&self, component: impl Into<String>) -> Replica {
        Replica::begin(self.flow_service(), component.into())
    }
}
