//! Maps that keep their order.

use std::ops::Index;

use indexmap::{IndexMap, map};

use crate::Value;

/// A map from text to values that keeps its entries in the order in which they were added.
///
/// Two maps with the same entries are equal in any order, as in Python. [`map!`](crate::map!) writes one down.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Map(IndexMap<String, Value>);

impl Map {
    /// Makes a map without entries.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether there is an entry of that key.
    pub fn contains_key(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.0.get(key)
    }

    /// The value of a key, to be changed.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Value> {
        self.0.get_mut(key)
    }

    /// Sets the value of a key, which comes last if it is new, and returns the one it had.
    pub fn insert(&mut self, key: impl Into<String>, value: impl Into<Value>) -> Option<Value> {
        self.0.insert(key.into(), value.into())
    }

    /// Removes an entry and returns its value; the others keep their order.
    pub fn remove(&mut self, key: &str) -> Option<Value> {
        self.0.shift_remove(key)
    }

    /// The entries, in their order.
    pub fn iter(&self) -> map::Iter<'_, String, Value> {
        self.0.iter()
    }

    /// The keys, in their order.
    pub fn keys(&self) -> map::Keys<'_, String, Value> {
        self.0.keys()
    }
}

/// Writes a [`Map`] down, in its order.
///
/// ```
/// let arguments = flowrpc_client::map! {"name" => "ann", "times" => 3, "notes" => [None, Some("first")]};
/// assert_eq!(arguments["times"].as_i64(), Some(3));
/// ```
#[macro_export]
macro_rules! map {
    ($($key:expr => $value:expr),* $(,)?) => {{
        #[allow(unused_mut)]
        let mut made = $crate::Map::new();
        $(made.insert($key, $value);)*
        made
    }};
}

/// The value of a key that is there.
///
/// # Panics
///
/// There is no such key.
impl Index<&str> for Map {
    type Output = Value;

    fn index(&self, key: &str) -> &Value {
        &self.0[key]
    }
}

impl<K: Into<String>, V: Into<Value>> FromIterator<(K, V)> for Map {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        Self(entries.into_iter().map(|(key, value)| (key.into(), value.into())).collect())
    }
}

impl<K: Into<String>, V: Into<Value>, const N: usize> From<[(K, V); N]> for Map {
    fn from(entries: [(K, V); N]) -> Self {
        entries.into_iter().collect()
    }
}

impl IntoIterator for Map {
    type Item = (String, Value);
    type IntoIter = map::IntoIter<String, Value>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a Map {
    type Item = (&'a String, &'a Value);
    type IntoIter = map::Iter<'a, String, Value>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl Extend<(String, Value)> for Map {
    fn extend<I: IntoIterator<Item = (String, Value)>>(&mut self, entries: I) {
        self.0.extend(entries);
    }
}
