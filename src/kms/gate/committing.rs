//! Changes of objects that are ready to be committed: by themselves, or together with others of the same message.

use std::sync::Arc;

use super::super::{Call, Error, Gathering};
use super::Kms;
use crate::custody::Custody;
use crate::store::object::Material;
use crate::store::{self, Change};
use crate::turns::Turn;

/// A key that was made for an object whose row is not committed yet. Dropping it removes the key from the token.
pub(super) struct Made {
    custody: Arc<Custody>,
    material: Option<Material>,
}

/// A change of the database, and what is done once it is known whether it was committed.
pub(in crate::kms) struct Prepared {
    change: Change,
    after: After,
}

/// What is done after a commit.
#[derive(Default)]
struct After {
    /// What was made for the change.
    made: Option<Made>,
    /// The object that is not any more what the cache holds, and the turn to change it.
    changed: Option<(String, Turn)>,
    /// What the token holds for the version before, which is then not needed.
    former: Option<Material>,
}

impl Made {
    /// The key of `material`.
    pub(super) fn new(kms: &Kms, material: &Material) -> Self {
        Self { custody: Arc::clone(&kms.custody), material: Some(material.clone()) }
    }

    fn keep(mut self) {
        self.material = None;
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        if let Some(material) = self.material.take() {
            discard(&self.custody, &material);
        }
    }
}

impl Prepared {
    /// A change that adds an object, and the key that was made for it.
    pub(super) fn addition(change: Change, made: Made) -> Self {
        Self { change, after: After { made: Some(made), ..After::default() } }
    }

    /// A change of the object with this identifier: nobody else changes it until this one is on disk.
    pub(super) fn succession(change: Change, id: &str, turn: Turn) -> Self {
        Self { change, after: After { changed: Some((id.to_owned(), turn)), ..After::default() } }
    }

    /// The object has another key then, `made`, or none, and the one of before is not needed.
    pub(super) fn with_keys(mut self, made: Option<Made>, former: Option<Material>) -> Self {
        (self.after.made, self.after.former) = (made, former);
        self
    }

    /// Whether the token holds an object of its own for it. If the server ended now, nobody would know that object.
    fn is_in_token(&self) -> bool {
        let made = self.after.made.as_ref().and_then(|made| made.material.as_ref());
        matches!(made, Some(Material::Token { .. }))
    }
}

impl Kms {
    /// Commits the change of a call; one that may wait for those of later items is left in the call ([`Self::commit_all`]).
    pub(super) fn commit(&self, call: &Call<'_>, prepared: Prepared) -> Result<(), Error> {
        if call.gathering != Gathering::No {
            call.prepared.replace(Some(prepared));
            return Ok(());
        }
        let Prepared { change, after } = prepared;
        let written = self.store.change(change);
        self.settle(call, after, written)
    }

    /// Commits in one commit what calls have left, and returns the outcome of each call; a call that left nothing has succeeded.
    /// With `stops`, what comes after a change that failed is not done, and what was made for it is removed.
    pub(in crate::kms) fn commit_all(&self, calls: &[&Call<'_>], stops: bool) -> Vec<Result<(), Error>> {
        let (mut changes, mut afters) = (Vec::new(), Vec::with_capacity(calls.len()));
        for call in calls {
            afters.push(call.prepared.take().map(|Prepared { change, after }| {
                changes.push(change);
                after
            }));
        }
        let mut written = self.store.change_all(changes, stops).into_iter();
        let settled = calls.iter().zip(afters).map(|(call, after)| {
            let Some(after) = after else { return Ok(()) };
            self.settle(call, after, written.next().unwrap_or(Err(store::Error::Stopped)))
        });
        settled.collect()
    }

    /// Whether what a call has left has to be committed before anything else is done.
    pub(in crate::kms) fn is_urgent(&self, call: &Call<'_>) -> bool {
        call.prepared.borrow().as_ref().is_some_and(Prepared::is_in_token)
    }

    /// What follows from the outcome of a change.
    fn settle(&self, call: &Call<'_>, after: After, written: Result<(), store::Error>) -> Result<(), Error> {
        let After { made, changed, former } = after;
        if let Some((id, _)) = &changed {
            self.cache.forget(id);
        }
        written.map_err(|error| match error {
            store::Error::Exists(id) => Error::Exists(id),
            // Changes made here take turns: somebody else writes into the database.
            store::Error::Conflict => Error::Contention,
            error => error.into(),
        })?;
        call.changed();
        if let Some(made) = made {
            made.keep();
        }
        // It is committed, and what is left in the token is tried again.
        if let Some(former) = former {
            self.discard(&former);
        }
        Ok(())
    }

    /// Removes a key that no row names from the token, or says that it is left there.
    pub(super) fn discard(&self, material: &Material) {
        discard(&self.custody, material);
    }
}

fn discard(custody: &Custody, material: &Material) {
    if let Err(error) = custody.discard(material) {
        tracing::warn!(%error, "a key that is not wanted any more is still in the token");
    }
}
