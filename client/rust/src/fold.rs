//! A replica without a stream: it is told message by message.

use crate::tree::Tree;
use crate::v1::watch_state_response::Update;
use crate::{MismatchError, ValueError, v1};

/// Why a watch cannot go on with a message.
#[derive(Clone, Debug)]
pub(crate) enum Interruption {
    /// The message cannot be what the app means.
    Refused(ValueError),
    /// The replica is not the app's state.
    Mismatch(MismatchError),
    /// The service stops, and the app goes on when it is served again.
    Stopping,
}

impl From<ValueError> for Interruption {
    fn from(error: ValueError) -> Self {
        Self::Refused(error)
    }
}

/// The state that the messages of watches come to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fold {
    pub(crate) state: Tree,
    pub(crate) revision: i64,
    pub(crate) journal_id: String,
    /// Whether there is a state that is trusted.
    pub(crate) ready: bool,
    pub(crate) end: Option<v1::WatchEnd>,
    /// The snapshot of which not all parts are here.
    snapshot: Option<Tree>,
    /// The revision of which not all parts are here.
    partial: Option<v1::Revision>,
}

impl Fold {
    /// Makes the request that goes on where the fold is, and drops what came in parts without an end.
    pub(crate) fn resume(&mut self, component: &str) -> v1::WatchStateRequest {
        self.snapshot = None;
        self.partial = None;
        v1::WatchStateRequest {
            component: component.to_owned(),
            after_revision: self.ready.then_some(self.revision),
            journal_id: if self.ready { self.journal_id.clone() } else { String::new() },
        }
    }

    /// Takes the next message of a watch.
    pub(crate) fn take(&mut self, message: v1::WatchStateResponse) -> Result<(), Interruption> {
        if !matches!(message.update, Some(Update::Revision(_))) {
            self.partial = None; // a snapshot takes its place
        }
        match message.update {
            Some(Update::Snapshot(part)) => self.take_snapshot(&part),
            Some(Update::Revision(part)) => self.take_revision(part, message.more),
            Some(Update::Bookmark(bookmark)) => self.take_bookmark(&bookmark),
            Some(Update::End(end)) => self.take_end(end),
            None => Ok(()), // a newer service may say what this version does not know
        }
    }

    fn take_snapshot(&mut self, part: &v1::Snapshot) -> Result<(), Interruption> {
        let begun = self.snapshot.take().filter(|_| !part.first);
        let mut snapshot = begun.unwrap_or_else(|| Tree::of(part.app.clone()));
        snapshot.add(&part.components)?;
        snapshot.add_runs(&part.runs);
        if !part.last {
            self.snapshot = Some(snapshot); // the old state stays until the last part is here
            return Ok(());
        }
        self.state = snapshot;
        self.revision = part.revision;
        self.journal_id.clone_from(&part.journal_id);
        self.ready = true;
        self.compare(&part.state_hash)
    }

    fn take_revision(&mut self, part: v1::Revision, more: bool) -> Result<(), Interruption> {
        self.check_revision(&part)?;
        let whole = match self.partial.take() {
            Some(begun) => joined(begun, part),
            None => part,
        };
        if more {
            self.partial = Some(whole);
            return Ok(());
        }
        if let Err(error) = self.state.fold(&whole) {
            self.ready = false;
            return Err(error.into());
        }
        self.revision = whole.number;
        Ok(())
    }

    fn check_revision(&self, part: &v1::Revision) -> Result<(), ValueError> {
        let problem = match &self.partial {
            _ if part.number < 1 || part.time.is_none() => "has no number or no time; set both".to_owned(),
            Some(begun) if begun.number != part.number => {
                format!("comes before the end of {}; watch again", begun.number)
            }
            _ if !self.ready || part.number <= self.revision => {
                format!("does not follow {}; watch again", self.revision)
            }
            _ => return Ok(()),
        };
        Err(ValueError::new(format!("revision {}", part.number), problem))
    }

    fn take_bookmark(&mut self, bookmark: &v1::Bookmark) -> Result<(), Interruption> {
        let place = format!("bookmark {}", bookmark.revision);
        if !self.ready || bookmark.revision < self.revision {
            let problem = format!("is before {}; watch again", self.revision);
            return Err(ValueError::new(place, problem).into());
        }
        if bookmark.journal_id != self.journal_id {
            let problem = format!("is of another journal, {}; watch again", bookmark.journal_id);
            return Err(ValueError::new(place, problem).into());
        }
        self.revision = bookmark.revision;
        self.compare(&bookmark.state_hash)
    }

    fn take_end(&mut self, end: v1::WatchEnd) -> Result<(), Interruption> {
        if end.reason() == v1::WatchEndReason::ServiceStopping {
            return Err(Interruption::Stopping);
        }
        if end.app.is_some() {
            self.state.app.clone_from(&end.app);
        }
        self.end = Some(end);
        Ok(())
    }

    fn compare(&mut self, told: &str) -> Result<(), Interruption> {
        if told.is_empty() {
            return Ok(());
        }
        let own = self.state.hash();
        if own == told {
            return Ok(());
        }
        self.ready = false;
        let mismatch = MismatchError { revision: self.revision, own, told: told.to_owned() };
        Err(Interruption::Mismatch(mismatch))
    }
}

/// Adds up the lists of two parts.
fn joined(mut begun: v1::Revision, part: v1::Revision) -> v1::Revision {
    begun.deltas.extend(part.deltas);
    begun.runs.extend(part.runs);
    begun.forgotten_runs.extend(part.forgotten_runs);
    begun.app = begun.app.or(part.app);
    begun
}
