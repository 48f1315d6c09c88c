//! The bytes that hashes are made of; `protos/README.md` lists them.

use std::collections::HashMap;

use sha2::{Digest as _, Sha256};

use crate::{Component, Map, Recipe, Value};

/// A SHA-256.
pub(crate) type Digest = [u8; 32];

pub(crate) fn digest_of(content: &[u8]) -> Digest {
    Sha256::digest(content).into()
}

pub(crate) fn hexadecimal(digest: Digest) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Appends the bytes of a value.
pub(crate) fn append(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Null => out.push(b'n'),
        Value::Bool(truth) => out.push(if *truth { b't' } else { b'f' }),
        Value::Int(number) => append_int(out, *number),
        Value::BigInt(number) => out.extend(format!("i{number:x};").bytes()),
        Value::Float(number) => {
            out.push(b'r');
            out.extend(number.to_bits().to_be_bytes());
        }
        Value::Text(text) => append_text(out, text),
        Value::List(items) => append_list(out, items),
        Value::Map(entries) => append_map(out, entries),
        Value::Extension(extension) => {
            out.push(b'x');
            append_text(out, &extension.type_name);
            append(out, &extension.content);
        }
    }
}

fn append_int(out: &mut Vec<u8>, number: i64) {
    let sign = if number < 0 { "-" } else { "" };
    out.extend(format!("i{sign}{:x};", number.unsigned_abs()).bytes());
}

fn append_text(out: &mut Vec<u8>, text: &str) {
    out.extend(format!("s{}:{text}", text.len()).bytes());
}

fn append_list(out: &mut Vec<u8>, items: &[Value]) {
    out.extend(format!("l{}:", items.len()).bytes());
    for item in items {
        append(out, item);
    }
}

fn append_map(out: &mut Vec<u8>, entries: &Map) {
    out.extend(format!("d{}:", entries.len()).bytes());
    for (key, value) in entries {
        append_text(out, key);
        append(out, value);
    }
}

/// Remembers the hashes of what did not change, so that a change costs hashing one var.
#[derive(Clone, Debug, Default)]
pub(crate) struct Digests {
    whole: Option<Digest>,
    vars: HashMap<String, Digest>,
}

impl Digests {
    pub(crate) fn forget(&mut self, var: &str) {
        self.whole = None;
        self.vars.remove(var);
    }

    pub(crate) fn of(&mut self, component: &Component) -> Digest {
        if let Some(known) = self.whole {
            return known;
        }
        let mut content = Vec::new();
        append_head(&mut content, component);
        for (name, value) in &component.vars {
            content.extend(self.of_var(name, value));
        }
        *self.whole.insert(digest_of(&content))
    }

    fn of_var(&mut self, name: &str, value: &Value) -> Digest {
        if let Some(known) = self.vars.get(name) {
            return *known;
        }
        let mut content = Vec::new();
        append_text(&mut content, name);
        append(&mut content, value);
        let digest = digest_of(&content);
        self.vars.insert(name.to_owned(), digest);
        digest
    }
}

/// Appends the list `[name, kind, type, recipe]`.
fn append_head(out: &mut Vec<u8>, component: &Component) {
    out.extend(b"l4:");
    append_text(out, &component.name);
    append_text(out, component.kind.as_str());
    append_text(out, &component.type_name);
    match &component.recipe {
        None => out.push(b'n'),
        Some(Recipe { type_name, args, kwargs }) => {
            out.extend(b"l3:");
            append_text(out, type_name);
            append_list(out, args);
            append_map(out, kwargs);
        }
    }
}
