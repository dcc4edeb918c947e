//! Changes of a secret: a new value, a new name, or other details.

use std::sync::Arc;

use super::super::call::Call;
use super::super::error::Error;
use super::super::object::{Object, is_destroyed};
use super::super::place_fault::PlaceFault;
use super::super::secret_details::{DetailsChange, SecretDetails};
use super::super::secret_path::{self as path, MAX_VERSIONS, SecretPath, last_number, set_number, set_path};
use super::loading::new_object;
use super::prepared::Prepared;
use super::service::{Grant, Kms};
use crate::kmip::attributes::Name;
use crate::kmip::enumerations::Operation;
use crate::kmip::state::{self, Dates, Use};
use crate::kmip::{Attributes, Dialect};
use crate::policy::{Action, Resource};
use crate::secret::Bytes;
use crate::store::secret_version::{self, SecretVersion};
use crate::store::{Command, secret_path};

/// How long another caller's value cannot be pushed out without the right to destroy the secret, in seconds: 24 hours.
const KEPT: i64 = 24 * 60 * 60;

/// The changes to make; what is `None` stays as it is.
#[derive(Default)]
pub(in crate::kms) struct Amendment<'a> {
    /// The next value.
    pub(in crate::kms) value: Option<&'a Bytes>,
    /// The new name.
    pub(in crate::kms) to: Option<&'a SecretPath>,
    /// The changed details.
    pub(in crate::kms) details: Option<&'a DetailsChange>,
}

impl Kms {
    /// The error for a caller who wants to change a secret that does not exist: the same as for a secret to which the
    /// caller has no access. `attributes` are those that the secret would have.
    pub(in crate::kms) fn missing_secret(
        &self,
        call: &Call<'_>,
        path: &SecretPath,
        attributes: &Attributes,
    ) -> Result<Error, Error> {
        let error = Error::NotFound(path.name());
        self.record(|| call.undecided(Action::WriteSecret, None, &error))?;
        let project = self.project_of_account(path)?;
        Ok(match self.decide_adding(call, project.as_deref(), attributes) {
            Ok(_) => error,
            Err(refused) => refused.into_error(path),
        })
    }
}

impl Grant<'_> {
    /// Whether the caller may read the details of the secret, both with its present attributes and with these.
    pub(in crate::kms) fn may_be_shown(&self, attributes: &Attributes) -> bool {
        let resources = [self.object.resource(), Resource { properties: attributes, ..self.object.resource() }];
        let policy = self.kms.policy.load();
        resources.iter().all(|own| policy.decide(self.call.caller(), Action::ReadSecret, own).is_ok())
    }

    /// Adds a value and returns its number.
    pub(in crate::kms) fn write_secret(&self, value: &Bytes) -> Result<i64, Error> {
        let amendment = Amendment { value: Some(value), ..Amendment::default() };
        let attributes = self.amend_secret(&amendment)?;
        last_number(&attributes).ok_or_else(|| Error::NotASecret(self.object.id.clone()))
    }

    /// Changes a secret and returns its new attributes. Only the last twenty values can be read; older ones are removed
    /// from the database's files soon after ([`Kms::erase`]). Returns [`Error::Destroyed`] if the secret was removed in
    /// the meantime.
    pub(in crate::kms) fn amend_secret(&self, amendment: &Amendment<'_>) -> Result<Attributes, Error> {
        let (kms, id) = (self.kms, &self.object.id);
        let (turn, present) = self.turn()?;
        let attributes = self.amended(&present, amendment)?;
        let version = present.version + 1;
        let (access, material) = (present.access.clone(), present.material.clone());
        let object = new_object(version, access, id, attributes, present.class, material)?;
        let number = last_number(&object.attributes).unwrap_or_default();
        let oldest = number - MAX_VERSIONS;
        if amendment.value.is_some() {
            self.check_pushing_out(&present, oldest)?;
        }
        let mut sealed = match amendment.value {
            Some(value) => Some(kms.seal(&present, number, self.call.written(), value)?),
            None => None,
        };
        let (mut row, index) = (object.to_row(), object.index());
        match &mut sealed {
            Some(sealed) => {
                [row.binding, sealed.binding] = kms.custody.bind_together([&row.bound(), &sealed.bound()])?;
            }
            None => row.binding = kms.custody.bind(&row.bound())?,
        }
        let erasure = (sealed.is_some() && oldest > 0).then(|| kms.erasure(&object, None)).transpose()?;
        let shown = object.attributes.clone();
        let (object, size) = Kms::successor(&row, &present)?;
        let renamed = amendment.to.map(|to| secret_path::rename(id.clone(), to.name()));
        let beside = renamed.into_iter().chain(sealed.map(|sealed| sealed.insert(oldest)));
        let command = row.update(index).then(Command::all(beside)).erasing(erasure);
        let command = command.recorded(vec![self.call.change(self.action, id, version)]);
        kms.commit(self.call, Prepared::succession(command, object, size, turn))?;
        Ok(shown)
    }

    /// Refuses a new value that would push out a value that another caller wrote in the last 24 hours, of a caller who wrote
    /// more than half of the kept values in this time: otherwise a caller who may only write could remove all values. The
    /// owner, and callers who may destroy the secret, may do it.
    fn check_pushing_out(&self, present: &Arc<Object>, oldest: i64) -> Result<(), Error> {
        let (kms, caller, now) = (self.kms, self.call.caller(), self.call.now.0);
        if oldest < 1
            || present.is_of(caller)
            || kms.permitted(self.call, Action::Operation(Operation::Destroy), present)
        {
            return Ok(());
        }
        let pushed_out = secret_version::find(&kms.store, &present.id, oldest)?;
        let is_kept = |row: &SecretVersion| {
            let is_of_others = !row.writer.is_empty() && row.writer != caller.username.as_str();
            is_of_others && now.saturating_sub(row.created) < KEPT
        };
        if !pushed_out.as_ref().is_some_and(is_kept) {
            return Ok(());
        }
        let own = secret_version::count(&kms.store, &present.id, caller.username.as_str(), now.saturating_sub(KEPT))?;
        if own > MAX_VERSIONS / 2 { Err(PlaceFault::Kept(oldest).into()) } else { Ok(()) }
    }

    /// Returns the attributes after the change, or an error if the secret cannot be changed like this.
    fn amended(&self, present: &Arc<Object>, amendment: &Amendment<'_>) -> Result<Attributes, Error> {
        let (id, now) = (&self.object.id, self.call.now);
        if is_destroyed(present.attributes.state) {
            return Err(Error::Destroyed(id.clone()));
        }
        if amendment.to.is_some() {
            // The object may have changed since the permission to rename it was checked.
            self.kms.decide(self.call, Action::Operation(Operation::Destroy), present)?;
        }
        let mut attributes = present.attributes.clone();
        let last = last_number(&attributes).ok_or_else(|| Error::NotASecret(id.clone()))?;
        if amendment.value.is_some() {
            let (state, dates) = (present.state(now), Dates::of(&attributes));
            state::permit(state, &dates, Use::Protect, now)
                .map_err(|_| Error::SecretEnded(state.name(Dialect::Oasis)))?;
            set_number(&mut attributes, last + 1);
        }
        if let Some(to) = amendment.to {
            let former = path::path_of(&attributes).is_none();
            if former {
                let name = attributes.names.first().map(|name| name.value.clone()).unwrap_or_default();
                return Err(PlaceFault::Former(name).into());
            }
            attributes.names = vec![Name::text(to.name())];
            set_path(&mut attributes, to);
        }
        if let Some(change) = amendment.details {
            SecretDetails::of(&attributes).changed(change).put(&mut attributes)?;
        }
        attributes.last_change_date = Some(now);
        // A credential may be limited to some names.
        if amendment.to.is_some() {
            self.check_outcome(present, &attributes)?;
        }
        Ok(attributes)
    }
}
