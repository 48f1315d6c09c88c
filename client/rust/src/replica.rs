//! Replicas of an app's state.

use std::time::Duration;

use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::sleep;

use crate::backoff::Pauses;
use crate::fold::{Fold, Interruption};
use crate::v1::flow_service_client::FlowServiceClient;
use crate::{Component, Connection, Error, Map, MismatchError, Result, State, Value};

/// After how many states in a row whose hash is not the app's a replica gives up.
const DISTRUSTED: u32 = 3;
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Follows a component and everything below it until it is dropped.
///
/// A watch that breaks is begun again where it was, after a pause; the hashes that the app tells are compared, and a replica
/// that differs begins anew.
#[derive(Debug)]
pub struct Replica {
    shared: watch::Sender<Shared>,
    task: AbortHandle,
}

#[derive(Debug, Default)]
struct Shared {
    fold: Fold,
    mismatches: u64,
    error: Option<Error>,
}

/// Looks at a replica without copying.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    fold: &'a Fold,
}

impl<'a> View<'a> {
    /// The revision that the replica is at.
    pub fn revision(&self) -> i64 {
        self.fold.revision
    }

    /// A component, if it is there.
    pub fn component(&self, name: &str) -> Option<&'a Component> {
        self.fold.state.component(name)
    }

    /// A var of a component, if both are there.
    pub fn var(&self, component: &str, name: &str) -> Option<&'a Value> {
        self.component(component)?.vars.get(name)
    }
}

impl Replica {
    pub(crate) fn begin(stub: FlowServiceClient<Connection>, component: String) -> Self {
        let shared = watch::Sender::new(Shared::default());
        let task = tokio::spawn(follow(stub, component, shared.clone())).abort_handle();
        Self { shared, task }
    }

    /// The revision that the replica is at; 0 before the first snapshot.
    pub fn revision(&self) -> i64 {
        self.shared.borrow().fold.revision
    }

    /// How often the replica was found to differ from the app's state.
    pub fn mismatches(&self) -> u64 {
        self.shared.borrow().mismatches
    }

    /// A copy of the state; without components before the first snapshot.
    pub fn state(&self) -> State {
        let Fold { state, journal_id, revision, .. } = &self.shared.borrow().fold;
        state.to_state(journal_id, *revision)
    }

    /// A copy of the vars of a component, if it is there.
    pub fn vars(&self, component: &str) -> Option<Map> {
        self.look(|view| view.component(component).map(|found| found.vars.clone()))
    }

    /// Looks at the replica without copying; it takes no messages meanwhile.
    pub fn look<T>(&self, look: impl FnOnce(View<'_>) -> T) -> T {
        look(View { fold: &self.shared.borrow().fold })
    }

    /// Hashes the replica: equal to the app's, asked for at the same revision.
    pub fn state_hash(&self) -> String {
        let mut hash = String::new();
        self.shared.send_if_modified(|shared| {
            hash = shared.fold.state.hash();
            false // what it remembers of hashes is nobody's news
        });
        hash
    }

    /// Waits until something holds of the replica; it is asked after each message of the app. `tokio::time::timeout` limits
    /// the wait.
    ///
    /// # Errors
    ///
    /// Why the replica follows no more.
    pub async fn wait(&self, mut holds: impl FnMut(View<'_>) -> bool) -> Result<()> {
        let mut held = false;
        let mut changes = self.shared.subscribe();
        let asked = changes.wait_for(|shared| {
            held = shared.fold.ready && holds(View { fold: &shared.fold });
            held || shared.error.is_some()
        });
        let error = asked.await.ok().and_then(|shared| shared.error.clone());
        match error {
            Some(error) if !held => Err(error),
            _ => Ok(()),
        }
    }

    /// Waits until the replica has seen a revision, such as that of an answer.
    ///
    /// # Errors
    ///
    /// Why the replica follows no more.
    pub async fn wait_for(&self, revision: i64) -> Result<()> {
        self.wait(|view| view.revision() >= revision).await
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Why one watch is over.
enum Break {
    /// Another one goes on.
    Again,
    /// Another one begins anew.
    Mismatch(MismatchError),
    /// There is nothing more to follow.
    Over(Error),
}

impl From<Error> for Break {
    fn from(error: Error) -> Self {
        if error.is_not_reachable() { Self::Again } else { Self::Over(error) }
    }
}

impl From<Interruption> for Break {
    fn from(interruption: Interruption) -> Self {
        match interruption {
            Interruption::Stopping => Self::Again,
            Interruption::Mismatch(error) => Self::Mismatch(error),
            Interruption::Refused(error) => Self::Over(error.into()),
        }
    }
}

async fn follow(mut stub: FlowServiceClient<Connection>, component: String, shared: watch::Sender<Shared>) {
    let mut pauses = Pauses::up_to(LONGEST_PAUSE);
    let mut distrusted = 0;
    loop {
        let mut told = false;
        let Err(broken) = read(&mut stub, &component, &shared, &mut told).await;
        if told {
            pauses = Pauses::up_to(LONGEST_PAUSE);
        }
        match broken {
            Break::Over(error) => return finish(&shared, error),
            Break::Mismatch(error) => {
                distrusted += 1;
                shared.send_modify(|shared| shared.mismatches += 1);
                if distrusted >= DISTRUSTED {
                    return finish(&shared, Error::Mismatch(error));
                }
            }
            Break::Again if told => distrusted = 0,
            Break::Again => {}
        }
        sleep(pauses.next()).await;
    }
}

/// Reads one watch to its end, and marks when it told anything.
async fn read(
    stub: &mut FlowServiceClient<Connection>,
    component: &str,
    shared: &watch::Sender<Shared>,
    told: &mut bool,
) -> Result<std::convert::Infallible, Break> {
    let mut request = None;
    shared.send_if_modified(|shared| {
        request = Some(shared.fold.resume(component));
        false
    });
    let request = request.expect("it was just made");
    let mut watch = stub.watch_state(request).await.map_err(Error::from)?.into_inner();
    while let Some(message) = watch.message().await.map_err(Error::from)? {
        let mut taken = Ok(());
        let mut end = None;
        shared.send_modify(|shared| {
            taken = shared.fold.take(message);
            end.clone_from(&shared.fold.end);
        });
        taken?;
        *told = true;
        if let Some(end) = end {
            return Err(Break::Over(Error::Ended(end.message)));
        }
    }
    Err(Break::Again)
}

fn finish(shared: &watch::Sender<Shared>, error: Error) {
    shared.send_modify(|shared| shared.error = Some(error));
}
