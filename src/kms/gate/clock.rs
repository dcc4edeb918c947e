//! What the clock does to objects without a request: it activates and deactivates them at their dates, and replaces keys
//! that rotate. The state of an
//! object follows its dates in every answer at once ([`crate::kmip::state`]); here the rows follow, and the audit log
//! gets a line.

use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use super::super::error::Error;
use super::super::object::Object;
use super::loading::new_object;
use super::replacing::Former;
use super::service::Kms;
use super::shares::Sweep;
use crate::audit::Record;
use crate::kmip::enumerations::State;
use crate::kmip::ttlv::DateTime;
use crate::store::due::{self, Due, Rotation};
use crate::store::{self, Command};
use crate::turns::Turn;

/// Number of objects that are changed in one commit.
const PAGE: usize = 64;

/// Largest number of objects that are remembered because they cannot be changed by the clock.
const MOST_PASSED_OVER: usize = 10_000;

/// How long one sweep makes new keys.
const SWEEP: Duration = Duration::from_secs(5);

/// A change that is ready to be committed.
struct Step {
    object: Arc<Object>,
    size: usize,
    _turn: Turn,
}

impl Kms {
    /// Activates and deactivates the objects whose dates were reached by `now`; each change has a line in the audit log.
    /// Objects that another call is changing, and rows that are refused, are passed over.
    ///
    /// # Errors
    /// Database, HSM token or audit log cannot be used. The rest is done by the next call.
    pub fn follow_dates(&self, now: i64) -> Result<(), Error> {
        for due in [Due::Activation, Due::Deactivation] {
            let mut after = (i64::MIN, i64::MIN);
            loop {
                let page = due::page(&self.store, due, now, after, PAGE)?;
                let Some((date, number, _)) = page.last() else { break };
                after = (*date, *number);
                self.advance(page.iter().map(|(.., id)| id.as_str()), DateTime(now))?;
            }
        }
        Ok(())
    }

    fn advance<'a>(&self, ids: impl Iterator<Item = &'a str>, now: DateTime) -> Result<(), Error> {
        let (mut steps, mut commands) = (Vec::new(), Vec::new());
        for id in ids {
            match self.step(id, now) {
                Ok(Some((step, command))) => {
                    steps.push(step);
                    commands.push(command);
                }
                Ok(None) => {}
                // The log says which row was refused.
                Err(Error::Integrity(_)) => self.pass_over(id),
                Err(error) => return Err(error),
            }
        }
        if commands.is_empty() {
            return Ok(());
        }
        let mut failure = None;
        for (Step { object, size, _turn }, written) in steps.into_iter().zip(self.store.write_all(commands, false)) {
            match written {
                Ok(()) => self.cache.replace(&object, size),
                Err(error) => {
                    self.cache.forget(&object.id);
                    failure = failure.or_else(|| (!matches!(error, store::Error::Conflict)).then_some(error));
                }
            }
        }
        failure.map_or(Ok(()), |error| Err(error.into()))
    }

    /// The change of an object to its state at `now`; `None` if it has this state, or if another call is changing it.
    fn step(&self, id: &str, now: DateTime) -> Result<Option<(Step, Command)>, Error> {
        if self.is_passed_over(id) {
            return Ok(None);
        }
        let Ok(turn) = self.turns.take_free(id) else { return Ok(None) };
        // Not put into the cache: many objects may be due at one time.
        let Some(present) = self.found_or_refused(id)? else { return Ok(None) };
        let (stored, state) = (present.attributes.state, present.state(now));
        if stored == Some(state) {
            return Ok(None);
        }
        let mut attributes = present.attributes.clone();
        (attributes.state, attributes.last_change_date) = (Some(state), Some(now));
        let version = present.version + 1;
        let (access, material) = (present.access.clone(), present.material.clone());
        let object = new_object(version, access, id, attributes, present.class, material)?;
        let (row, index) = (self.bind(&object)?, object.index());
        let (object, size) = Self::successor(&row, &present)?;
        let operation = if state == State::Active { "Activate" } else { "Deactivate" };
        let records = vec![Record::clock(operation, id, version, None)];
        let step = Step { object: Arc::new(object), size, _turn: turn };
        Ok(Some((step, row.update(index).recorded(records))))
    }

    /// Replaces the keys whose Rotate Interval has passed at `now`; each replacement has a line in the audit log for both
    /// keys. A key that another call is changing, and one whose owner has had its share, is passed over until the next call, one
    /// that cannot be replaced until the next start.
    ///
    /// # Errors
    /// Database, HSM token or audit log cannot be used. The rest is done by the next call.
    pub fn rotate_keys(&self, now: i64) -> Result<(), Error> {
        let mut after = (i64::MIN, String::new());
        let (began, mut sweep) = (Instant::now(), Sweep::default());
        loop {
            let page = due::rotations(&self.store, now, &after, PAGE)?;
            let Some(last) = page.last() else { return Ok(()) };
            after.clone_from(&last.place);
            for Rotation { place: (_, id), owner } in &page {
                // Dates are followed between the sweeps.
                if began.elapsed() > SWEEP {
                    return Ok(());
                }
                if self.is_passed_over(id) {
                    continue;
                }
                let now = DateTime(now);
                match sweep.make(&self.shares, (owner, now), || self.rotate(id, now)) {
                    None | Some(Ok(()) | Err(Error::Crowded | Error::Contention | Error::Pairs(_))) => {}
                    Some(Err(error)) if is_of_the_server(&error) => return Err(error),
                    Some(Err(error)) => {
                        tracing::warn!(id, %error, detail = error.detail(), "the key is not rotated: replace it by Re-key");
                        self.pass_over(id);
                    }
                }
            }
        }
    }

    fn rotate(&self, id: &str, now: DateTime) -> Result<(), Error> {
        let turn = self.turns.take_free(id)?;
        let Some(present) = self.found_or_refused(id)? else { return Ok(()) };
        // The table of times is not bound; the object is.
        let is_due = present.rotation().is_some_and(|due| due <= now);
        if !is_due || present.state(now) != State::Active {
            return Ok(());
        }
        match self.rotated(Former { present, turn: Some(turn) }, now)? {
            Some(prepared) => self.commit_own(prepared),
            None => Ok(()),
        }
    }

    fn pass_over(&self, id: &str) {
        let mut passed_over = self.passed_over.lock().unwrap_or_else(PoisonError::into_inner);
        if passed_over.len() < MOST_PASSED_OVER {
            passed_over.insert(id.to_owned());
        }
    }

    fn is_passed_over(&self, id: &str) -> bool {
        self.passed_over.lock().unwrap_or_else(PoisonError::into_inner).contains(id)
    }

    /// An object from the cache or from its row.
    fn found_or_refused(&self, id: &str) -> Result<Option<Arc<Object>>, Error> {
        match self.cache.get(id) {
            Ok(object) => Ok(Some(object)),
            Err(_) => self.read(id).map(|found| found.map(|(object, _)| Arc::new(object))),
        }
    }
}

/// Whether the error concerns every key, and not one of them.
fn is_of_the_server(error: &Error) -> bool {
    matches!(error, Error::Hsm(_) | Error::Store(_) | Error::Audit(_) | Error::Unbound(_))
}
