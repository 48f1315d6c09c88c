//! The crate's own tests: one binary, which is quicker to build than many.

mod app;
mod client;
mod replica;
mod service;
mod stream;
mod values;
mod vectors;

use crate::{Value, hash};

/// Compares exactly: the bytes of the hash tell everything apart that state does.
#[track_caller]
fn assert_same(found: &Value, wanted: &Value) {
    assert_eq!(hashed(found), hashed(wanted), "{found:?} is not {wanted:?}");
}

fn hashed(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    hash::append(&mut bytes, value);
    bytes
}
