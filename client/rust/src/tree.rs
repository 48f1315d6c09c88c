//! The state at one revision.

use std::cmp::Reverse;
use std::collections::HashMap;

use indexmap::IndexMap;

use crate::change::apply;
use crate::codec::{decode_entries, decode_items};
use crate::hash::{Digests, digest_of, hexadecimal};
use crate::{Map, Value, ValueError, v1};

/// How many ended runs of a work are kept, as many as a snapshot has.
const KEPT_RUNS: usize = 20;

/// A component and everything below it, at one revision.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// The journal that the revision counts in.
    pub journal_id: String,
    /// The revision.
    pub revision: i64,
    /// Parents before children, siblings in order of attachment.
    pub components: Vec<Component>,
    /// Newest first: of each work its unfinished runs, and its newest ended ones up to 20.
    pub runs: Vec<v1::Run>,
    /// The app's status, if it was told.
    pub app: Option<v1::AppStatus>,
}

impl State {
    /// The component of a name.
    pub fn component(&self, name: &str) -> Option<&Component> {
        self.components.iter().find(|component| component.name == name)
    }
}

/// One component at one revision, without what is below it.
#[derive(Clone, Debug, PartialEq)]
pub struct Component {
    /// Its name: `root.train`.
    pub name: String,
    /// What it is.
    pub kind: ComponentKind,
    /// Its class: `app:Train`.
    pub type_name: String,
    /// In the order of their definition; those whose names begin with `_` belong to the framework.
    pub vars: Map,
    /// How it is built again, if it is not built by its parent's constructor.
    pub recipe: Option<Recipe>,
}

/// What a component is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ComponentKind {
    /// Decides what runs when.
    Flow,
    /// Runs in a process of its own.
    Work,
    /// A list of components.
    List,
    /// A dict of components.
    Dict,
}

impl ComponentKind {
    /// Its name in hashes and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Flow => "flow",
            Self::Work => "work",
            Self::List => "list",
            Self::Dict => "dict",
        }
    }
}

/// Tells how a component is built again.
#[derive(Clone, Debug, PartialEq)]
pub struct Recipe {
    /// Its class.
    pub type_name: String,
    /// The arguments of its constructor by position.
    pub args: Vec<Value>,
    /// Those by name.
    pub kwargs: Map,
}

#[derive(Clone, Debug)]
struct Node {
    component: Component,
    digests: Digests,
}

/// What comes of folding revisions.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tree {
    nodes: IndexMap<String, Node>,
    runs: HashMap<String, v1::Run>,
    pub(crate) app: Option<v1::AppStatus>,
}

impl Tree {
    pub(crate) fn of(app: Option<v1::AppStatus>) -> Self {
        Self { app, ..Self::default() }
    }

    pub(crate) fn component(&self, name: &str) -> Option<&Component> {
        self.nodes.get(name).map(|node| &node.component)
    }

    /// Adds components; one that is split over several has all their vars.
    pub(crate) fn add(&mut self, messages: &[v1::Component]) -> Result<(), ValueError> {
        for message in messages {
            let component = Component::try_from(message)?;
            match self.nodes.get_mut(&component.name) {
                Some(known) => known.component.vars.extend(component.vars),
                None => self.put(component),
            }
        }
        Ok(())
    }

    fn put(&mut self, component: Component) {
        let node = Node { component, digests: Digests::default() };
        self.nodes.insert(node.component.name.clone(), node);
    }

    pub(crate) fn add_runs(&mut self, runs: &[v1::Run]) {
        self.runs.extend(runs.iter().map(|run| (run.run_id.clone(), run.clone())));
    }

    /// Applies a revision. If it is refused the tree is of no use any more.
    pub(crate) fn fold(&mut self, revision: &v1::Revision) -> Result<(), ValueError> {
        for delta in &revision.deltas {
            self.fold_delta(delta)?;
        }
        self.add_runs(&revision.runs);
        for id in &revision.forgotten_runs {
            self.runs.remove(id);
        }
        if revision.app.is_some() {
            self.app.clone_from(&revision.app);
        }
        if !revision.runs.is_empty() || revision.deltas.iter().any(|delta| delta.detached) {
            self.forget_runs();
        }
        Ok(())
    }

    fn fold_delta(&mut self, delta: &v1::Delta) -> Result<(), ValueError> {
        let name = &delta.component;
        if name.is_empty() {
            return Err(ValueError::new("delta", "names no component; set Delta.component"));
        }
        if let Some(attached) = &delta.attached {
            self.put(attached.try_into()?);
        }
        self.change(name, &delta.changes)?;
        if delta.detached {
            let below = format!("{name}.");
            self.nodes.retain(|known, _| known != name && !known.starts_with(&below));
        }
        Ok(())
    }

    fn change(&mut self, name: &str, changes: &[v1::Change]) -> Result<(), ValueError> {
        if changes.is_empty() {
            return Ok(());
        }
        let node = self.nodes.get_mut(name).ok_or_else(|| ValueError::new(name, "no such component"))?;
        for change in changes {
            apply(&mut node.component.vars, change)?;
            node.digests.forget(&change.var);
        }
        Ok(())
    }

    /// Keeps memory bounded: the newest ended runs of each work, and none of works that are gone.
    fn forget_runs(&mut self) {
        self.runs.retain(|_, run| self.nodes.contains_key(&run.work));
        let mut kept: HashMap<String, usize> = HashMap::new();
        for run in self.newest_runs() {
            let count = kept.entry(run.work).or_default();
            if run.status >= v1::RunStatus::Succeeded as i32 {
                *count += 1;
                if *count > KEPT_RUNS {
                    self.runs.remove(&run.run_id);
                }
            }
        }
    }

    fn newest_runs(&self) -> Vec<v1::Run> {
        let mut runs: Vec<v1::Run> = self.runs.values().cloned().collect();
        let time = |run: &v1::Run| run.requested_at.map_or((0, 0), |time| (time.seconds, time.nanos));
        runs.sort_by_cached_key(|run| (Reverse(time(run)), run.run_id.clone()));
        runs
    }

    /// Hashes components in the order of their names' UTF-8 bytes, which is how Rust compares text.
    pub(crate) fn hash(&mut self) -> String {
        let mut nodes: Vec<&mut Node> = self.nodes.values_mut().collect();
        nodes.sort_by(|one, other| one.component.name.cmp(&other.component.name));
        let digests = nodes.into_iter().flat_map(|node| node.digests.of(&node.component));
        hexadecimal(digest_of(&digests.collect::<Vec<u8>>()))
    }

    pub(crate) fn to_state(&self, journal_id: &str, revision: i64) -> State {
        State {
            journal_id: journal_id.to_owned(),
            revision,
            components: self.nodes.values().map(|node| node.component.clone()).collect(),
            runs: self.newest_runs(),
            app: self.app.clone(),
        }
    }
}

impl TryFrom<&v1::Component> for Component {
    type Error = ValueError;

    fn try_from(message: &v1::Component) -> Result<Self, ValueError> {
        let name = message.name.clone();
        if name.is_empty() {
            return Err(ValueError::new("component", "has no name; set Component.name"));
        }
        let recipe = message.recipe.as_ref().map(|recipe| Recipe::read(recipe, &name)).transpose()?;
        Ok(Self {
            kind: ComponentKind::read(message, &name)?,
            type_name: message.r#type.clone(),
            vars: decode_entries(&message.vars, &name, 0)?,
            recipe,
            name,
        })
    }
}

impl ComponentKind {
    fn read(message: &v1::Component, name: &str) -> Result<Self, ValueError> {
        match message.kind() {
            v1::ComponentKind::Flow => Ok(Self::Flow),
            v1::ComponentKind::Work => Ok(Self::Work),
            v1::ComponentKind::List => Ok(Self::List),
            v1::ComponentKind::Dict => Ok(Self::Dict),
            v1::ComponentKind::Unspecified => {
                let problem = format!("is of a kind that this version does not know: {}", message.kind);
                Err(ValueError::new(name, problem))
            }
        }
    }
}

impl Recipe {
    fn read(message: &v1::Recipe, name: &str) -> Result<Self, ValueError> {
        Ok(Self {
            type_name: message.r#type.clone(),
            args: decode_items(&message.args, &format!("{name}.args"), 0)?,
            kwargs: decode_entries(&message.kwargs, &format!("{name}.kwargs"), 0)?,
        })
    }
}
