#![doc = include_str!("../README.md")]

mod backoff;
mod builder;
mod call;
mod change;
mod client;
mod codec;
mod connection;
mod connector;
mod error;
mod fold;
mod hash;
mod map;
mod replica;
mod stream;
mod target;
#[cfg(test)]
mod tests;
mod tree;
mod value;
mod value_json;

pub use builder::Builder;
pub use call::{Answer, Call, new_request_id};
pub use client::Client;
pub use connection::Connection;
pub use error::{CallError, CommandFailed, Error, MismatchError, ValueError};
pub use map::Map;
pub use num_bigint::BigInt;
pub use replica::{Replica, View};
pub use stream::CommandStream;
pub use tree::{Component, ComponentKind, Recipe, State};
pub use value::{Extension, Value};

/// The messages and stubs of the contract, generated from `protos/flowrpc/v1`, where each element says what it means.
#[allow(missing_docs, clippy::all, clippy::pedantic, rustdoc::all)]
pub mod v1 {
    include!("gen/flowrpc.v1.rs");
}

/// The result of most functions here.
pub type Result<T, E = Error> = std::result::Result<T, E>;
