//! Commits of prepared changes: one by itself, or together with others of the same message.

use super::super::call::{Call, Gathering};
use super::super::error::Error;
use super::prepared::{After, Made, Prepared};
use super::service::Kms;
use crate::store::object::Material;
use crate::store::{self, Command};
use crate::turns::Turn;

/// Keys that are not needed after a commit. They are removed from the HSM token after the cache holds the new objects,
/// because the HSM may be slow or not answer.
#[derive(Default)]
struct Leftovers {
    /// The key that was made for a change that failed.
    made: Option<Made>,
    former: Option<Material>,
}

impl Call<'_> {
    /// The memory that the call's prepared change takes, in bytes.
    pub(in crate::kms) fn held(&self) -> usize {
        self.prepared.borrow().as_ref().map_or(0, |prepared| prepared.size)
    }

    /// Whether that change must be committed before anything else is done.
    pub(in crate::kms) fn is_urgent(&self) -> bool {
        self.prepared.borrow().as_ref().is_some_and(Prepared::is_in_token)
    }

    /// Drops the prepared change and the key that was made for it; returns false if there was no change.
    pub(in crate::kms) fn give_up(&self) -> bool {
        self.prepared.take().is_some()
    }
}

impl Kms {
    /// Commits the change of a call. Every change that a caller makes is written by this function or by one of those
    /// below. Everything that the change depends on was read and decided before, and its rows were bound by the HSM,
    /// under the lock on the changed object. The writer calls the HSM only for the head of the audit log. A change that
    /// may wait for those of later items is left in the call ([`Self::commit_all`]). A call has one change.
    pub(super) fn commit(&self, call: &Call<'_>, prepared: impl Into<Prepared>) -> Result<(), Error> {
        let prepared = prepared.into();
        if call.gathering != Gathering::No {
            for (object, ..) in &prepared.after.changed {
                // A new key is there if the former one is to be removed.
                call.uncommitted.note(object, prepared.after.former.is_some());
            }
            let before = call.prepared.replace(Some(prepared));
            debug_assert!(before.is_none(), "a call has one change");
            return Ok(());
        }
        let Prepared { command, after, .. } = prepared;
        let written = self.store.write(command);
        let (outcome, leftovers, turns) = self.settle(call, after, written);
        drop(turns);
        self.remove(leftovers);
        outcome
    }

    /// Commits the prepared changes of calls in one commit and returns the outcome of each call; a call without a
    /// change has succeeded. With `stops`, the changes after a failed one are not made: they get
    /// [`store::Error::NotBegun`], and the keys that were made for them are removed.
    pub(in crate::kms) fn commit_all(&self, calls: &[&Call<'_>], stops: bool) -> Vec<Result<(), Error>> {
        let (mut commands, mut afters) = (Vec::new(), Vec::with_capacity(calls.len()));
        for call in calls {
            afters.push(call.prepared.take().map(|Prepared { command, after, .. }| {
                commands.push(command);
                after
            }));
        }
        let mut written = self.store.write_all(commands, stops).into_iter();
        let settle = |(call, after): (&&Call<'_>, Option<After>)| {
            let Some(after) = after else { return (Ok(()), Leftovers::default()) };
            let (outcome, leftovers, _turns) =
                self.settle(call, after, written.next().unwrap_or(Err(store::Error::Stopped)));
            (outcome, leftovers)
        };
        // Settle all of them first: every caller must see what is on disk, however long the HSM takes for one of them.
        let settled: Vec<_> = calls.iter().zip(afters).map(settle).collect();
        let removed = settled.into_iter().map(|(outcome, leftovers)| {
            self.remove(leftovers);
            outcome
        });
        removed.collect()
    }

    /// Commits the prepared changes of calls, and `beside` with them: all or nothing. If it fails, the keys that were
    /// made for them are removed.
    pub(in crate::kms) fn commit_together(&self, calls: &[&Call<'_>], beside: Option<Command>) -> Result<(), Error> {
        let (mut commands, mut afters) = (Vec::with_capacity(calls.len()), Vec::with_capacity(calls.len()));
        for call in calls {
            if let Some(Prepared { command, after, .. }) = call.prepared.take() {
                commands.push(command);
                afters.push((call, after));
            }
        }
        commands.extend(beside);
        let mut failure = self.store.write(Command::all(commands)).err();
        let is_done = failure.is_none();
        let mut first = None;
        let (mut leftovers, mut turns) = (Vec::with_capacity(afters.len()), Vec::with_capacity(afters.len()));
        for (call, after) in afters {
            let written = if is_done { Ok(()) } else { Err(failure.take().unwrap_or(store::Error::NotBegun)) };
            let (outcome, left, own) = self.settle(call, after, written);
            leftovers.push(left);
            turns.push(own);
            first = first.or(outcome.err());
        }
        // An object may have been changed several times: the lock is that of the first change, and the cache must hold
        // the last one before another call changes the object.
        drop(turns);
        leftovers.into_iter().for_each(|left| self.remove(left));
        match (first, failure) {
            (Some(error), _) => Err(error),
            (None, Some(error)) => Err(error.into()),
            (None, None) => Ok(()),
        }
    }

    /// Applies the outcome of a call's change without calls of the HSM.
    fn settle(
        &self,
        call: &Call<'_>,
        after: After,
        written: Result<(), store::Error>,
    ) -> (Result<(), Error>, Leftovers, Vec<Turn>) {
        if written.is_ok() {
            call.changed();
        }
        self.apply(after, written)
    }

    /// Applies the outcome of a change without calls of the HSM. Returns also the keys that are still to be removed
    /// from it, and the locks: nothing changes the object before the cache holds it.
    fn apply(&self, after: After, written: Result<(), store::Error>) -> (Result<(), Error>, Leftovers, Vec<Turn>) {
        let After { made, mut changed, names: mut turns, former, is_gone } = after;
        for (object, size, turn) in &mut changed {
            match written {
                Ok(()) if !is_gone => self.cache.replace(object, *size),
                _ => self.cache.forget(&object.id),
            }
            turns.extend(turn.take());
        }
        match written {
            Ok(()) => {
                for (object, ..) in changed.iter().filter(|_| is_gone) {
                    self.invocations.forget(&object.id);
                }
                if let Some(made) = made {
                    made.keep();
                }
                (Ok(()), Leftovers { made: None, former }, turns)
            }
            Err(error) => (Err(error.into()), Leftovers { made, former: None }, turns),
        }
    }

    /// Commits a change that no caller has asked for.
    pub(super) fn commit_own(&self, prepared: Prepared) -> Result<(), Error> {
        let Prepared { command, after, .. } = prepared;
        let written = self.store.write(command);
        let (outcome, leftovers, turns) = self.apply(after, written);
        drop(turns);
        self.remove(leftovers);
        outcome
    }

    /// A failed removal of the former key does not fail the committed change: the removal is tried again.
    fn remove(&self, Leftovers { made, former }: Leftovers) {
        drop(made);
        if let Some(former) = former {
            self.custody.discard_or_warn(&former);
        }
    }
}
