//! What every client must make of the contract's bytes; `tests/contract/vectors/README.md` tells the notation.

use std::fmt::Debug;
use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use prost::Message;
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer};

use super::{assert_same, hashed};
use crate::change::apply;
use crate::fold::{Fold, Interruption};
use crate::{Component, Map, Value, ValueError, v1};

#[derive(Deserialize)]
struct Cases<C> {
    cases: Vec<C>,
    #[serde(default = "Vec::new")]
    refused: Vec<C>,
}

/// Reads a file and tells how many cases it has, so that none is lost in silence.
fn read<C: DeserializeOwned>(file: &str) -> Cases<C> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/contract/vectors");
    let text = fs::read_to_string(folder.join(file)).expect("the checkout has the vectors");
    let read: Cases<C> = serde_json::from_str(&text).expect("the vectors are as their README tells");
    assert!(read.cases.len() > 20, "{file} has only {} cases", read.cases.len());
    println!("{file}: {} cases, {} refused", read.cases.len(), read.refused.len());
    read
}

#[derive(Debug)]
struct Bytes(Vec<u8>);

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        BASE64_STANDARD.decode(text).map(Self).map_err(serde::de::Error::custom)
    }
}

impl Bytes {
    fn parse<M: Message + Default>(&self) -> M {
        M::decode(self.0.as_slice()).expect("it is a message")
    }
}

#[derive(Deserialize)]
struct WrittenValue {
    #[serde(default)]
    name: String,
    message: Bytes,
    #[serde(default)]
    json: Value,
    hashed: Option<Bytes>,
}

impl WrittenValue {
    fn read(&self) -> Value {
        let message: v1::Value = self.message.parse();
        Value::try_from(&message).unwrap_or_else(|error| panic!("{}: {error}", self.name))
    }
}

#[test]
fn vectors_of_values() {
    let Cases { cases, refused } = read::<WrittenValue>("values.json");
    for case in &cases {
        println!("{}", case.name);
        let value = case.read();
        assert_eq!(hashed(&value), case.hashed.as_ref().expect("each has it").0);
        assert_same(&case.json, &value);
        let message = v1::Value::try_from(&value).expect("it is a value");
        assert_same(&Value::try_from(&message).expect("it was just made"), &value);
        let json = serde_json::to_string(&value).expect("values are JSON");
        assert_same(&serde_json::from_str(&json).expect("it was just made"), &value);
    }
    assert!(refused.len() > 10);
    for case in &refused {
        println!("refused: {}", case.name);
        let Ok(message) = v1::Value::decode(case.message.0.as_slice()) else { continue };
        Value::try_from(&message).expect_err("it is no value");
    }
}

#[derive(Deserialize)]
struct WrittenChange {
    name: String,
    before: WrittenValue,
    after: Option<WrittenValue>,
    message: Bytes,
}

impl WrittenChange {
    fn play(&self) -> (Value, Result<(), ValueError>) {
        let Value::Map(mut vars) = self.before.read() else { panic!("vars are a map") };
        let result = apply(&mut vars, &self.message.parse());
        (vars.into(), result)
    }
}

#[test]
fn vectors_of_changes() {
    let Cases { cases, refused } = read::<WrittenChange>("changes.json");
    for case in &cases {
        println!("{}", case.name);
        let (vars, result) = case.play();
        result.expect("it fits");
        assert_same(&vars, &case.after.as_ref().expect("each has it").read());
    }
    assert!(refused.len() > 10);
    for case in &refused {
        println!("refused: {}", case.name);
        let (vars, result) = case.play();
        result.expect_err("it does not fit");
        assert_same(&vars, &case.before.read());
    }
}

#[derive(Deserialize)]
struct WrittenWatch {
    name: String,
    steps: Vec<Step>,
}

#[derive(Deserialize)]
struct Step {
    message: Option<Bytes>,
    #[serde(default)]
    r#break: bool,
    #[serde(default)]
    mismatch: bool,
    #[serde(default)]
    refused: bool,
    after: Option<WrittenState>,
}

#[derive(Deserialize)]
struct WrittenState {
    resume: Resume,
    components: Vec<WrittenComponent>,
    runs: Vec<WrittenRun>,
    state_hash: String,
}

#[derive(Deserialize)]
struct Resume {
    after_revision: i64,
    journal_id: String,
}

#[derive(Debug, Deserialize)]
struct WrittenComponent {
    name: String,
    kind: String,
    r#type: String,
    vars: Value,
    recipe: Option<Value>,
}

#[derive(Debug, Deserialize, PartialEq)]
struct WrittenRun {
    run_id: String,
    work: String,
    status: String,
}

#[test]
fn vectors_of_watches() {
    for case in read::<WrittenWatch>("watches.json").cases {
        println!("{}", case.name);
        let mut fold = Fold::default();
        for (index, step) in case.steps.iter().enumerate() {
            println!("  step {index}");
            take(&mut fold, step);
            if !step.refused {
                check(&mut fold, step.after.as_ref());
            }
        }
    }
}

fn take(fold: &mut Fold, step: &Step) {
    if step.r#break {
        fold.resume("root");
        return;
    }
    match fold.take(step.message.as_ref().expect("each other step has one").parse()) {
        Err(Interruption::Mismatch(error)) => assert!(step.mismatch, "{error}"),
        Err(Interruption::Refused(error)) => assert!(step.refused, "{error}"),
        Ok(()) | Err(Interruption::Stopping) => assert!(!step.mismatch && !step.refused, "it was taken"),
    }
}

fn check(fold: &mut Fold, wanted: Option<&WrittenState>) {
    let resume = fold.clone().resume("root");
    let Some(wanted) = wanted else {
        assert_eq!(
            (resume.after_revision, resume.journal_id.as_str()),
            (None, ""),
            "no state should be trusted"
        );
        return;
    };
    assert_eq!(resume.after_revision, Some(wanted.resume.after_revision));
    assert_eq!(resume.journal_id, wanted.resume.journal_id);
    assert_eq!(fold.state.hash(), wanted.state_hash);
    let state = fold.state.to_state(&fold.journal_id, fold.revision);
    assert_eq!(state.components.len(), wanted.components.len());
    for (component, wanted) in state.components.iter().zip(&wanted.components) {
        check_component(component, wanted);
    }
    let mut runs: Vec<WrittenRun> = state.runs.iter().map(written).collect();
    runs.sort_by(|one, other| one.run_id.cmp(&other.run_id));
    assert_eq!(runs, wanted.runs);
}

fn check_component(component: &Component, wanted: &WrittenComponent) {
    assert_eq!(component.name, wanted.name);
    assert_eq!(component.kind.as_str(), wanted.kind);
    assert_eq!(component.type_name, wanted.r#type);
    assert_same(&pairs(&component.vars), &wanted.vars);
    let recipe = component.recipe.as_ref().map(|recipe| {
        let args = Value::List(recipe.args.clone());
        crate::map! {"type" => recipe.type_name.as_str(), "args" => args, "kwargs" => pairs(&recipe.kwargs)}
    });
    assert_same(&recipe.into(), &wanted.recipe.clone().into());
}

fn pairs(entries: &Map) -> Value {
    entries.iter().map(|(key, value)| Value::List(vec![key.as_str().into(), value.clone()])).collect()
}

fn written(run: &v1::Run) -> WrittenRun {
    let status = run.status().as_str_name().trim_start_matches("RUN_STATUS_").to_lowercase();
    WrittenRun { run_id: run.run_id.clone(), work: run.work.clone(), status }
}

#[test]
fn comparison_tells_apart_what_eq_does_not() {
    let ab = crate::map! {"a" => (), "b" => ()};
    let ba = crate::map! {"b" => (), "a" => ()};
    let pairs: [(Value, Value); 4] =
        [(1.into(), 1.0.into()), (0.0.into(), (-0.0).into()), ("1".into(), 1.into()), (ab.into(), ba.into())];
    for (one, other) in pairs {
        assert_ne!(hashed(&one), hashed(&other), "{one:?} and {other:?}");
    }
}
