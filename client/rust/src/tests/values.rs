//! Values that are made in Rust.

use std::f64;

use super::assert_same;
use crate::{BigInt, Extension, Map, Value, ValueError, map, v1};

fn refusal(value: impl Into<Value>) -> ValueError {
    v1::Value::try_from(&value.into()).expect_err("it is no value")
}

#[test]
fn what_is_no_value_is_refused_with_its_place() {
    for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let refused = refusal(map! {"rows" => [vec![1.0], vec![number]]});
        assert_eq!(refused.place, "value.rows[1][0]");
        assert!(refused.problem.contains("is no number that JSON can hold"), "{refused}");
    }
    let nested = (0..31).fold(Value::Null, |inner, _| Value::List(vec![inner]));
    assert!(refusal(nested).problem.contains("deeper than 30"));
    assert!(refusal(BigInt::from(10).pow(4000)).problem.contains("4000 digits"));
    let unnamed = Extension { type_name: "Point".to_owned(), content: Value::Null };
    assert!(refusal(unnamed).problem.contains("no name of a type"));
}

#[test]
fn what_nests_as_deep_as_it_may_comes_back() {
    let nested = (0..30).fold(map! {}.into(), |inner, depth| match depth {
        0 => inner,
        _ => Value::Map(map! {"a" => inner}),
    });
    let message = v1::Value::try_from(&nested).expect("it is a value");
    let attached = v1::Recipe { args: Vec::new(), kwargs: vec![entry(message)], ..Default::default() };
    let component = v1::Component { recipe: Some(attached), ..Default::default() };
    let delta = v1::Delta { attached: Some(component), ..Default::default() };
    let revision = v1::Revision { deltas: vec![delta], ..Default::default() };
    let update = v1::watch_state_response::Update::Revision(revision);
    let watched = v1::WatchStateResponse { update: Some(update), more: false };
    let bytes = prost::Message::encode_to_vec(&watched);
    let read: v1::WatchStateResponse =
        prost::Message::decode(bytes.as_slice()).expect("the parser goes so deep");
    assert_eq!(read, watched);
}

fn entry(value: v1::Value) -> v1::MapEntry {
    v1::MapEntry { key: "k".to_owned(), value: Some(value) }
}

#[test]
fn types_of_rust_become_values() {
    assert_same(&u64::MAX.into(), &Value::BigInt(u64::MAX.into()));
    assert_same(&BigInt::from(3).into(), &Value::Int(3));
    assert_same(&(-3i8).into(), &Value::Int(-3));
    assert_same(&i128::from(i64::MIN).into(), &Value::Int(i64::MIN));
    assert_same(&0.5f32.into(), &Value::Float(0.5));
    assert_same(&None::<bool>.into(), &Value::Null);
    assert_same(&["a", "b"].as_slice().into(), &vec!["a".to_owned(), "b".to_owned()].into());
    assert_same(&Map::from([("b", 1), ("a", 2)]).into(), &map! {"b" => 1, "a" => 2}.into());
}

#[test]
fn an_int_is_written_as_an_int_however_it_was_made() {
    let message = v1::Value::try_from(&Value::BigInt(7.into())).expect("it is a value");
    assert_eq!(message.kind, Some(v1::value::Kind::IntValue(7)));
}

#[test]
fn json_keeps_what_readers_of_doubles_would_round() {
    let value: Value = map! {"$flowrpc" => (1i64 << 53) + 1, "b" => (1i64 << 53) - 1, "c" => 1.0}.into();
    let json = serde_json::to_string(&value).expect("values are JSON");
    let marked =
        r#"{"$$flowrpc":{"$flowrpc":"int","value":"9007199254740993"},"b":9007199254740991,"c":1.0}"#;
    assert_eq!(json, marked);
    assert_same(&serde_json::from_str(&json).expect("it was just made"), &value);
}

#[test]
fn json_that_is_no_value_is_refused() {
    for json in [
        r#"{"a": 1, "a": 2}"#,
        r#"{"$flowrpc": "int", "value": "1x"}"#,
        r#"{"$flowrpc": "point"}"#,
        r#"{"$flowrpc": "point", "value": 1, "more": 2}"#,
    ] {
        serde_json::from_str::<Value>(json).expect_err(json);
    }
    serde_json::from_str::<Map>("[1]").expect_err("a list is no map");
}

#[test]
fn a_removed_entry_leaves_the_others_in_order() {
    let mut entries = map! {"c" => 1, "a" => 2, "b" => 3};
    assert_eq!(entries.remove("c"), Some(Value::Int(1)));
    entries.insert("c", 4);
    assert_eq!(entries.keys().collect::<Vec<_>>(), ["a", "b", "c"]);
}
