//! Changes of the secrets of a project: one, or many of which all are made or none. Each secret is authorized
//! separately.

use std::collections::HashSet;

use super::bounds::MAX_SECRET;
use super::call::{Call, Gathering};
use super::context::Context;
use super::error::Error;
use super::gate::{Amendment, Kms};
use super::operation::Operation;
use super::place_fault::PlaceFault;
use super::project_secret::ProjectSecret;
use super::secret_details::{DetailsChange, SecretDetails};
use super::secret_path::{SecretPath, new_id};
use super::secret_place::SecretPlace;
use super::secrets::{attributes, destroy};
use crate::kmip::enumerations::Operation as Kmip;
use crate::policy::Action;
use crate::secret::Bytes;
use crate::store::Command;

/// Maximum number of secrets that one request may change.
pub const MAX_TOGETHER: usize = 500;

/// A change of a secret.
#[derive(Debug)]
pub enum SecretChange {
    /// Makes the secret, which must not exist.
    Create {
        /// Its place.
        place: SecretPlace,
        /// Its name.
        name: String,
        /// Its first value.
        value: Bytes,
        /// Its comment, tags and other details.
        details: DetailsChange,
    },
    /// Changes the secret, which must exist.
    Update {
        /// Its place.
        place: SecretPlace,
        /// Its name.
        name: String,
        /// Its next value; `None` if it stays.
        value: Option<Bytes>,
        /// Its new place and name; `None` if they stay.
        to: Option<(SecretPlace, String)>,
        /// The change of its comment, tags and other details.
        details: DetailsChange,
    },
    /// Removes the secret with all its values. It must exist.
    Remove {
        /// Its place.
        place: SecretPlace,
        /// Its name.
        name: String,
    },
}

impl SecretChange {
    fn operation(&self) -> Operation {
        match self {
            Self::Create { .. } | Self::Update { .. } => Operation::WriteSecret,
            Self::Remove { .. } => Operation::RemoveSecret,
        }
    }

    /// The present path of the secret, and the new one if it differs.
    fn paths(&self) -> Result<(SecretPath, Option<SecretPath>), Error> {
        Ok(match self {
            Self::Create { place, name, .. } => (place.new_secret(name)?, None),
            Self::Remove { place, name } => (place.secret(name)?, None),
            Self::Update { place, name, to, .. } => {
                let path = place.secret(name)?;
                let to = match to {
                    // Renaming a folder moves its secrets even if their names could not be given to a new secret.
                    Some((place, new)) if new == name => Some(place.secret(new)?),
                    Some((place, new)) => Some(place.new_secret(new)?),
                    None => None,
                };
                let to = to.filter(|to| *to != path);
                (path, to)
            }
        })
    }

    fn value(&self) -> Option<&Bytes> {
        match self {
            Self::Create { value, .. } => Some(value),
            Self::Update { value, .. } => value.as_ref(),
            Self::Remove { .. } => None,
        }
    }
}

impl Kms {
    /// Makes all of the changes, or none. Returns each secret as it is after the change, with the value of the request;
    /// a removed secret as it was.
    ///
    /// # Errors
    /// The error of the first change that cannot be made.
    pub fn change_secrets(&self, context: &Context<'_>, changes: &[SecretChange]) -> Result<Vec<ProjectSecret>, Error> {
        self.change_secrets_with(context, changes, None)
    }

    /// Makes all of the changes and `beside` in one commit, or none.
    pub(super) fn change_secrets_with(
        &self,
        context: &Context<'_>,
        changes: &[SecretChange],
        beside: Option<Command>,
    ) -> Result<Vec<ProjectSecret>, Error> {
        let paths = self.check_changes(changes)?;
        let calls: Vec<Call<'_>> =
            changes
                .iter()
                .zip(&paths)
                .enumerate()
                .map(|(number, (change, (path, to)))| {
                    let gathering = if number == 0 { Gathering::First } else { Gathering::BesideOthers };
                    let call = Call { gathering, ..Call::new(context, change.operation()) };
                    call.describe(to.as_ref().map_or_else(
                        || path.described(),
                        |to| format!("{} becomes {}", path.described(), to.described()),
                    ));
                    call
                })
                .collect();
        match calls.first() {
            Some(first) => self.begin(first)?,
            None => context.go_on()?,
        }
        let prepared: Result<Vec<ProjectSecret>, Error> = calls
            .iter()
            .zip(changes.iter().zip(&paths))
            .map(|(call, (change, (path, to)))| {
                call.go_on()?;
                self.prepare(call, change, path, to.as_ref())
            })
            .collect();
        let each: Vec<&Call<'_>> = calls.iter().collect();
        let answer = prepared.and_then(|shown| self.commit_together(&each, beside).map(|()| shown));
        let answer = answer.map_err(|error| match error {
            Error::Exists(name) => PlaceFault::SecretExists(short(&name)).into(),
            // The secret was removed in the meantime.
            Error::Destroyed(id) => Error::NotFound(id),
            error => error,
        });
        if answer.is_err() {
            for call in &calls {
                call.give_up();
            }
        }
        self.conclude_all(&calls, answer)
    }

    /// Checks the names and lengths of all changes before anything is done.
    fn check_changes(&self, changes: &[SecretChange]) -> Result<Vec<(SecretPath, Option<SecretPath>)>, Error> {
        if changes.len() > MAX_TOGETHER {
            return Err(PlaceFault::TooMany(MAX_TOGETHER).into());
        }
        let mut paths = Vec::with_capacity(changes.len());
        let mut named = HashSet::new();
        for change in changes {
            let (path, to) = change.paths()?;
            for path in std::iter::once(&path).chain(&to) {
                if !named.insert(path.name()) {
                    return Err(PlaceFault::Repeated(short(&path.name())).into());
                }
            }
            if let Some(value) = change.value() {
                if value.len() > MAX_SECRET {
                    return Err(Error::SecretTooLong);
                }
                self.expect_fits(value)?;
            }
            paths.push((path, to));
        }
        Ok(paths)
    }

    /// Prepares a change in its call.
    fn prepare(
        &self,
        call: &Call<'_>,
        change: &SecretChange,
        path: &SecretPath,
        to: Option<&SecretPath>,
    ) -> Result<ProjectSecret, Error> {
        match change {
            SecretChange::Create { place, name, value, details } => self
                .prepare_creation(call, place, path, value, details)
                .map(|attributes| ProjectSecret::new(place.clone(), name, &attributes, Some(value.clone()))),
            SecretChange::Update { place, name, value, to: target, details } => {
                let grant = self.authorize_secret(call, Action::WriteSecret, path)?;
                let Some(grant) = grant else {
                    return Err(self.missing_secret(call, path, &attributes(path, &new_id()?, call))?);
                };
                self.expect_tags(place, details)?;
                if let Some(to) = to {
                    self.authorize_moving(call, path, to)?;
                }
                let attributes =
                    grant.amend_secret(&Amendment { value: value.as_ref(), to, details: Some(details) })?;
                let (place, name) = target.as_ref().map_or((place, name), |(place, name)| (place, name));
                let mut shown = ProjectSecret::new(place.clone(), name, &attributes, value.clone());
                if !grant.may_be_shown(&attributes) {
                    shown.details = SecretDetails::default().changed(details);
                }
                Ok(shown)
            }
            SecretChange::Remove { place, name } => {
                let action = Action::Operation(Kmip::Destroy);
                let grant = self.authorize_secret(call, action, path)?;
                let grant = grant.ok_or_else(|| Error::NotFound(path.name()))?;
                let attributes = &grant.object().attributes;
                let mut shown = ProjectSecret::new(place.clone(), name, attributes, None);
                if !grant.may_be_shown(attributes) {
                    shown.details = SecretDetails::default();
                }
                destroy(call, path, &grant)?;
                Ok(shown)
            }
        }
    }

    fn prepare_creation(
        &self,
        call: &Call<'_>,
        place: &SecretPlace,
        path: &SecretPath,
        value: &Bytes,
        details: &DetailsChange,
    ) -> Result<crate::kmip::Attributes, Error> {
        if self.authorize_secret(call, Action::WriteSecret, path)?.is_some() {
            return Err(PlaceFault::SecretExists(short(&path.name())).into());
        }
        let id = new_id()?;
        let mut attributes = attributes(path, &id, call);
        SecretDetails::default().changed(details).put(&mut attributes)?;
        let grant = self.authorize_new_secret(call, path, &attributes)?;
        self.expect_tags(place, details)?;
        grant.insert_secret(path, &id, attributes.clone(), value)?;
        Ok(attributes)
    }

    /// Renaming a secret needs the permission to remove it at its present path, and to add it at the new one.
    fn authorize_moving(&self, call: &Call<'_>, path: &SecretPath, to: &SecretPath) -> Result<(), Error> {
        let leaving = self.authorize_secret(call, Action::Operation(Kmip::Destroy), path)?;
        leaving.ok_or_else(|| Error::NotFound(path.name()))?;
        if self.authorize_secret(call, Action::WriteSecret, to)?.is_some() {
            return Err(PlaceFault::SecretExists(short(&to.name())).into());
        }
        self.authorize_new_secret(call, to, &attributes(to, &new_id()?, call)).map(drop)
    }
}

/// The name of a secret in its folder.
fn short(variable: &str) -> String {
    SecretPlace::of_variable(variable).map_or(variable, |(_, name)| name).to_owned()
}
