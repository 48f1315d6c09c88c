//! Changes of vars.

use crate::codec::{checked_float, decode, decode_items};
use crate::v1::change::Operation;
use crate::v1::path_step::Step;
use crate::{Map, Value, ValueError, v1};

/// Makes a change of vars. If it is refused they are as before.
pub(crate) fn apply(vars: &mut Map, change: &v1::Change) -> Result<(), ValueError> {
    if change.var.is_empty() {
        return Err(ValueError::new("changes", "one names no var; set Change.var"));
    }
    let inside = change.steps.iter().map(|step| checked_step(step, &change.var));
    let mut path = vec![Step::Key(change.var.clone())];
    path.extend(inside.collect::<Result<Vec<_>, _>>()?);
    let edit = Edit::read(change)?;

    let mut around = Container::Map(vars);
    let mut place = String::new();
    for (index, step) in path.iter().enumerate() {
        extend(&mut place, step);
        if index + 1 == path.len() {
            return edit.make(around, step, &place);
        }
        around = Container::of(around.at(step, &place)?, &place)?;
    }
    unreachable!("a path has at least the var")
}

fn checked_step(step: &v1::PathStep, var: &str) -> Result<Step, ValueError> {
    match &step.step {
        None => Err(ValueError::new(var, "a step into it has neither key nor index; set one")),
        Some(Step::Index(index)) if *index < 0 => {
            Err(ValueError::new(var, format!("a step into it has the index {index}; count from 0")))
        }
        Some(step) => Ok(step.clone()),
    }
}

fn extend(place: &mut String, step: &Step) {
    match step {
        Step::Key(key) if place.is_empty() => place.push_str(key),
        Step::Key(key) => *place += &format!(".{key}"),
        Step::Index(index) => *place += &format!("[{index}]"),
    }
}

/// What a step leads into.
enum Container<'a> {
    Map(&'a mut Map),
    List(&'a mut Vec<Value>),
}

impl<'a> Container<'a> {
    fn of(value: &'a mut Value, place: &str) -> Result<Self, ValueError> {
        match value {
            Value::Map(entries) => Ok(Self::Map(entries)),
            Value::List(items) => Ok(Self::List(items)),
            other => {
                let problem = format!("{} has no place inside; only a list or a map has", other.kind());
                Err(ValueError::new(place, problem))
            }
        }
    }

    /// The value that is at a step.
    fn at(self, step: &Step, place: &str) -> Result<&'a mut Value, ValueError> {
        let found = match (self, step) {
            (Self::Map(entries), Step::Key(key)) => entries.get_mut(key),
            (Self::List(items), Step::Index(index)) => {
                usize::try_from(*index).ok().and_then(|at| items.get_mut(at))
            }
            (Self::Map(_), Step::Index(_)) => {
                return Err(ValueError::new(place, "the key of a map is a text"));
            }
            (Self::List(_), Step::Key(_)) => None,
        };
        found.ok_or_else(|| nowhere(place))
    }
}

fn nowhere(place: &str) -> ValueError {
    ValueError::new(place, "there is no such place")
}

/// What happens at the end of a path.
enum Edit {
    Set(Value),
    Remove,
    Splice { start: i64, delete_count: i64, insert: Vec<Value> },
}

impl Edit {
    fn read(change: &v1::Change) -> Result<Self, ValueError> {
        let (var, depth) = (&change.var, change.steps.len());
        Ok(match &change.operation {
            Some(Operation::Null(_)) => Self::Set(Value::Null),
            Some(Operation::Flag(truth)) => Self::Set(Value::Bool(*truth)),
            Some(Operation::Integer(number)) => Self::Set(Value::Int(*number)),
            Some(Operation::Number(number)) => Self::Set(Value::Float(checked_float(*number, var)?)),
            Some(Operation::Text(text)) => Self::Set(Value::Text(text.clone())),
            Some(Operation::Value(value)) => Self::Set(decode(value, var, depth)?),
            Some(Operation::Remove(_)) => Self::Remove,
            Some(Operation::Splice(splice)) => Self::Splice {
                start: splice.start,
                delete_count: splice.delete_count,
                insert: decode_items(&splice.insert, var, depth + 1)?,
            },
            None => {
                return Err(ValueError::new(var, "has no operation that this version knows; set one"));
            }
        })
    }

    fn make(self, around: Container<'_>, step: &Step, place: &str) -> Result<(), ValueError> {
        match (self, around, step) {
            (Self::Set(value), Container::Map(entries), Step::Key(key)) => {
                entries.insert(key.as_str(), value);
            }
            (Self::Set(value), around, step) => *around.at(step, place)? = value,
            (Self::Remove, Container::Map(entries), Step::Key(key)) => {
                entries.remove(key).ok_or_else(|| nowhere(place))?;
            }
            (Self::Remove, _, _) => {
                let problem = "only entries of maps are removed; items of a list are spliced away";
                return Err(ValueError::new(place, problem));
            }
            (Self::Splice { start, delete_count, insert }, around, step) => {
                let Value::List(items) = around.at(step, place)? else {
                    return Err(ValueError::new(place, "only a list can be spliced"));
                };
                splice(items, start, delete_count, insert, place)?;
            }
        }
        Ok(())
    }
}

fn splice(
    items: &mut Vec<Value>,
    start: i64,
    delete_count: i64,
    insert: Vec<Value>,
    place: &str,
) -> Result<(), ValueError> {
    let within = || {
        let (start, count) = (usize::try_from(start).ok()?, usize::try_from(delete_count).ok()?);
        let end = start.checked_add(count)?;
        (end <= items.len()).then_some(start..end)
    };
    let Some(range) = within() else {
        let problem = format!("there are no {delete_count} items at {start} in a list of {}", items.len());
        return Err(ValueError::new(place, problem));
    };
    items.splice(range, insert);
    Ok(())
}
