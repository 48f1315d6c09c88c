//! Values as messages and back.

use num_bigint::BigInt;

use crate::v1::value::Kind;
use crate::{Extension, Map, Value, ValueError, v1};

const MAX_DEPTH: usize = 30;
const MAX_DIGITS: usize = 4000;

/// Makes a message of a value. `NaN`, infinities, integers of more than 4,000 digits and what nests deeper than 30 are
/// refused.
impl TryFrom<&Value> for v1::Value {
    type Error = ValueError;

    fn try_from(value: &Value) -> Result<Self, ValueError> {
        encode(value, "value", 0)
    }
}

/// Reads a message.
impl TryFrom<&v1::Value> for Value {
    type Error = ValueError;

    fn try_from(message: &v1::Value) -> Result<Self, ValueError> {
        decode(message, "value", 0)
    }
}

fn encode(value: &Value, place: &str, depth: usize) -> Result<v1::Value, ValueError> {
    let kind = match value {
        Value::Null => Kind::NullValue(0),
        Value::Bool(truth) => Kind::BoolValue(*truth),
        Value::Int(number) => Kind::IntValue(*number),
        Value::BigInt(number) => encode_big(number, place)?,
        Value::Float(number) => Kind::DoubleValue(checked_float(*number, place)?),
        Value::Text(text) => Kind::StringValue(text.clone()),
        Value::List(items) => {
            enter(place, depth)?;
            Kind::ListValue(v1::ListValue { values: encode_items(items, place, depth + 1)? })
        }
        Value::Map(entries) => {
            enter(place, depth)?;
            Kind::MapValue(v1::MapValue { entries: encode_entries(entries, place, depth + 1)? })
        }
        Value::Extension(extension) => Kind::ExtensionValue(encode_extension(extension, place, depth)?),
    };
    Ok(v1::Value { kind: Some(kind) })
}

fn encode_big(number: &BigInt, place: &str) -> Result<Kind, ValueError> {
    if let Ok(number) = i64::try_from(number) {
        return Ok(Kind::IntValue(number));
    }
    let text = number.to_string();
    if text.trim_start_matches('-').len() > MAX_DIGITS {
        let problem = format!("the int has more than {MAX_DIGITS} digits; write a float or its text");
        return Err(ValueError::new(place, problem));
    }
    Ok(Kind::BigIntValue(text))
}

fn encode_items(items: &[Value], place: &str, depth: usize) -> Result<Vec<v1::Value>, ValueError> {
    let numbered = items.iter().enumerate();
    numbered.map(|(index, item)| encode(item, &format!("{place}[{index}]"), depth)).collect()
}

pub(crate) fn encode_entries(
    entries: &Map,
    place: &str,
    depth: usize,
) -> Result<Vec<v1::MapEntry>, ValueError> {
    let made = entries.iter().map(|(key, value)| {
        let message = encode(value, &format!("{place}.{key}"), depth)?;
        Ok(v1::MapEntry { key: key.clone(), value: Some(message) })
    });
    made.collect()
}

fn encode_extension(
    extension: &Extension,
    place: &str,
    depth: usize,
) -> Result<Box<v1::ExtensionValue>, ValueError> {
    let Extension { type_name, content } = extension;
    enter(place, depth)?;
    check_type_name(type_name, place)?;
    let content = encode(content, &format!("{place}.{type_name}"), depth + 1)?;
    Ok(Box::new(v1::ExtensionValue { type_name: type_name.clone(), content: Some(Box::new(content)) }))
}

pub(crate) fn decode(message: &v1::Value, place: &str, depth: usize) -> Result<Value, ValueError> {
    Ok(match &message.kind {
        Some(Kind::NullValue(_)) => Value::Null,
        Some(Kind::BoolValue(truth)) => Value::Bool(*truth),
        Some(Kind::IntValue(number)) => Value::Int(*number),
        Some(Kind::BigIntValue(text)) => Value::BigInt(decode_big(text, place)?),
        Some(Kind::DoubleValue(number)) => Value::Float(checked_float(*number, place)?),
        Some(Kind::StringValue(text)) => Value::Text(text.clone()),
        Some(Kind::ListValue(list)) => {
            enter(place, depth)?;
            Value::List(decode_items(&list.values, place, depth + 1)?)
        }
        Some(Kind::MapValue(map)) => {
            enter(place, depth)?;
            Value::Map(decode_entries(&map.entries, place, depth + 1)?)
        }
        Some(Kind::ExtensionValue(extension)) => decode_extension(extension, place, depth)?.into(),
        None => return Err(without_kind(place)),
    })
}

fn without_kind(place: &str) -> ValueError {
    ValueError::new(place, "has no kind that this version knows; set one of Value.kind")
}

fn decode_present(message: Option<&v1::Value>, place: &str, depth: usize) -> Result<Value, ValueError> {
    message.map_or_else(|| Err(without_kind(place)), |message| decode(message, place, depth))
}

fn decode_big(text: &str, place: &str) -> Result<BigInt, ValueError> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let canonical = digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
    let number = if canonical && digits.len() <= MAX_DIGITS { text.parse::<BigInt>().ok() } else { None };
    let Some(number) = number else {
        let problem = format!("big_int_value is no canonical decimal of at most {MAX_DIGITS} digits");
        return Err(ValueError::new(place, problem));
    };
    if i64::try_from(&number).is_ok() {
        let problem = format!("big_int_value {text} fits 64 bits; send it as int_value");
        return Err(ValueError::new(place, problem));
    }
    Ok(number)
}

pub(crate) fn decode_items(
    messages: &[v1::Value],
    place: &str,
    depth: usize,
) -> Result<Vec<Value>, ValueError> {
    let numbered = messages.iter().enumerate();
    numbered.map(|(index, message)| decode(message, &format!("{place}[{index}]"), depth)).collect()
}

pub(crate) fn decode_entries(
    messages: &[v1::MapEntry],
    place: &str,
    depth: usize,
) -> Result<Map, ValueError> {
    let mut entries = Map::new();
    for message in messages {
        let here = format!("{place}.{}", message.key);
        let value = decode_present(message.value.as_ref(), &here, depth)?;
        if entries.insert(message.key.clone(), value).is_some() {
            return Err(ValueError::new(here, "comes twice; send each key once"));
        }
    }
    Ok(entries)
}

fn decode_extension(
    message: &v1::ExtensionValue,
    place: &str,
    depth: usize,
) -> Result<Extension, ValueError> {
    enter(place, depth)?;
    check_type_name(&message.type_name, place)?;
    let inside = format!("{place}.{}", message.type_name);
    let content = decode_present(message.content.as_deref(), &inside, depth + 1)?;
    Ok(Extension { type_name: message.type_name.clone(), content })
}

pub(crate) fn checked_float(number: f64, place: &str) -> Result<f64, ValueError> {
    if number.is_finite() {
        return Ok(number);
    }
    Err(ValueError::new(place, format!("{number} is no number that JSON can hold; use null or a text")))
}

fn check_type_name(name: &str, place: &str) -> Result<(), ValueError> {
    let letters = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    let begins = name.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase());
    if begins && name.len() <= 63 && name.bytes().all(letters) {
        return Ok(());
    }
    Err(ValueError::new(place, format!("{name:?} is no name of a type")))
}

fn enter(place: &str, depth: usize) -> Result<(), ValueError> {
    if depth < MAX_DEPTH {
        return Ok(());
    }
    let problem = format!("containers nest deeper than {MAX_DEPTH}; write a flatter value");
    Err(ValueError::new(place, problem))
}
