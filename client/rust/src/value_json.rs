//! Values as JSON, in the exact notation of flowrpc.

use std::fmt;

use num_bigint::BigInt;
use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::{Extension, Map, Value};

/// Marks what JSON has not; a key that looks like it gets one more `$`.
const MARK: &str = "$flowrpc";
const SAFE_INT: u64 = (1 << 53) - 1;

/// Writes the exact notation: JSON, but an integer beyond 2^53, which many readers would round, is
/// `{"$flowrpc": "int", "value": "9007199254740993"}`, and an extension `{"$flowrpc": TYPE, "value": …}`.
impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(truth) => serializer.serialize_bool(*truth),
            Self::Int(number) if number.unsigned_abs() <= SAFE_INT => serializer.serialize_i64(*number),
            Self::Int(number) => marked(serializer, "int", &number.to_string()),
            Self::BigInt(number) => marked(serializer, "int", &number.to_string()),
            Self::Float(number) => serializer.serialize_f64(*number),
            Self::Text(text) => serializer.serialize_str(text),
            Self::List(items) => serializer.collect_seq(items),
            Self::Map(entries) => entries.serialize(serializer),
            Self::Extension(extension) => marked(serializer, &extension.type_name, &extension.content),
        }
    }
}

impl Serialize for Map {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let escaped = |key: &String| if is_mark(key) { format!("${key}") } else { key.clone() };
        serializer.collect_map(self.iter().map(|(key, value)| (escaped(key), value)))
    }
}

fn marked<S: Serializer, T: Serialize>(
    serializer: S,
    type_name: &str,
    content: &T,
) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(2))?;
    map.serialize_entry(MARK, type_name)?;
    map.serialize_entry("value", content)?;
    map.end()
}

fn is_mark(key: &str) -> bool {
    key.starts_with('$') && key.trim_start_matches('$') == &MARK[1..]
}

/// Reads the exact notation; plain JSON is read as it is.
impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

impl<'de> Deserialize<'de> for Map {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::Map(entries) => Ok(entries),
            other => Err(de::Error::custom(format_args!("{} where a map belongs", other.kind()))),
        }
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Value, E> {
        Ok(truth.into())
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = sequence.next_element()? {
            items.push(item);
        }
        Ok(Value::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut entries = Map::new();
        let mut type_name: Option<String> = None;
        while let Some(key) = access.next_key::<String>()? {
            if key == MARK {
                type_name = Some(access.next_value()?);
                continue;
            }
            let key = if is_mark(&key) { key[1..].to_owned() } else { key };
            let value: Value = access.next_value()?;
            if entries.contains_key(&key) {
                return Err(de::Error::custom(format_args!("the key {key:?} comes twice")));
            }
            entries.insert(key, value);
        }
        match type_name {
            None => Ok(Value::Map(entries)),
            Some(type_name) => unmarked(type_name, entries),
        }
    }
}

fn unmarked<E: de::Error>(type_name: String, mut entries: Map) -> Result<Value, E> {
    let content = entries.remove("value").ok_or_else(|| E::missing_field("value"))?;
    if !entries.is_empty() {
        return Err(E::custom("what is marked $flowrpc has more keys than `value`"));
    }
    if type_name != "int" {
        return Ok(Extension { type_name, content }.into());
    }
    let number = content.as_str().and_then(|text| text.parse::<BigInt>().ok());
    number.map(Value::from).ok_or_else(|| E::custom("a $flowrpc int is no text of digits"))
}
