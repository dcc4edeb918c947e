//! Environments, folders and tags of a project, and the secrets that are in them by the index of names.

use std::sync::Arc;

use super::super::object::Object;
use super::super::secret_path::{DEFAULT_ACCOUNT, SecretPath};
use super::super::{Call, Error, SecretPlace};
use super::secrets::NotAdded;
use super::{Grant, Kms, is_destroyed};
use crate::kmip::Attributes;
use crate::kmip::enumerations::Operation;
use crate::policy::{Action, Grants, Resource, Rule};
use crate::store::secret_place::{self, PlaceKind, PlaceRow};
use crate::store::{self, Change, Transaction, secret_path};

/// Leave to see what a project has of environments, folders and tags, or to change it.
pub(in crate::kms) struct PlaceGrant<'a> {
    kms: &'a Kms,
    call: &'a Call<'a>,
    action: Action,
}

/// Where a list begins.
pub(in crate::kms) enum Behind {
    /// Behind this name; an empty one for the beginning.
    Name(String),
    /// There are not so many.
    End,
}

impl Kms {
    /// Decides whether the caller may see the environments, folders and tags of a project (`Locate`), or change them
    /// (`WriteSecret`): those may who could do something with its secrets, or add one. `sample` is where one would be, with the
    /// attributes that it would have.
    pub(in crate::kms) fn authorize_place<'a>(
        &'a self,
        call: &'a Call<'a>,
        action: Action,
        sample: &SecretPath,
        attributes: &Attributes,
    ) -> Result<PlaceGrant<'a>, Error> {
        let project = self.project_of_account(sample)?;
        let decided = if action == Action::WriteSecret {
            self.decide_adding(call, project.as_deref(), attributes)
        } else {
            self.decide_seeing(call, project.as_deref(), attributes)
        };
        match decided {
            Ok(rule) => {
                call.trail.permitted(action, None, rule);
                Ok(PlaceGrant { kms: self, call, action })
            }
            Err(refused) => {
                self.refused(call, action, None, &refused.refusal)?;
                Err(match refused.told(sample) {
                    Error::NotFound(_) => Error::Undefined { kind: "project", name: sample.account().to_owned() },
                    error => error,
                })
            }
        }
    }

    /// Whether the caller could do something with secrets of the project that others own.
    fn decide_seeing(&self, call: &Call<'_>, project: Option<&str>, attributes: &Attributes) -> Result<Rule, NotAdded> {
        // What is in no project is seen by whoever may add to it.
        if project.is_none() {
            return self.decide_adding(call, project, attributes);
        }
        let grants = Grants::default();
        let others = Resource { id: "", owner: "", project, grants: &grants, properties: attributes };
        let locate = Action::Operation(Operation::Locate);
        let decided = self.policy.load().decide(call.caller(), locate, &others);
        decided.map_err(|refusal| NotAdded { refusal, may_know: false })
    }

    /// Names of secrets in a place by the index, behind the name `after`, with their objects: a chunk of them.
    pub(in crate::kms) fn indexed_secrets(
        &self,
        place: &SecretPlace,
        after: &str,
        direct: bool,
        limit: usize,
    ) -> Result<Vec<(String, String)>, Error> {
        let prefix = place.prefix();
        Ok(self.store.read(|connection| secret_path::page(connection, &prefix, after, direct, limit))?)
    }

    /// The name behind which a list of a place begins that passes over so many secrets; `None` if it has to look at each of them,
    /// because the caller may not read all.
    pub(in crate::kms) fn place_behind(
        &self,
        call: &Call<'_>,
        place: &SecretPlace,
        direct: bool,
        count: usize,
    ) -> Result<Option<Behind>, Error> {
        // In the default account there are secrets that no project holds.
        let is_permitted = place.project() != DEFAULT_ACCOUNT
            && self.policy.load().permits_with_all(call.caller(), place.project(), Action::ReadSecret);
        if !is_permitted {
            return Ok(None);
        }
        let prefix = place.prefix();
        let found = self.store.read(|connection| secret_path::nth(connection, &prefix, direct, count))?;
        Ok(Some(found.map_or(Behind::End, Behind::Name)))
    }

    /// The object that the index has for a secret, if the caller may read its values; `keep`: it is about to be used. A row that
    /// cannot be believed is not shown.
    pub(in crate::kms) fn sighted_secret(
        &self,
        call: &Call<'_>,
        path: &SecretPath,
        id: &str,
        keep: bool,
    ) -> Result<Option<Arc<Object>>, Error> {
        let found = if keep { self.load(id) } else { self.found(id) };
        let object = match found {
            Err(Error::Integrity(_)) | Ok(None) => return Ok(None),
            Ok(Some(object)) => object,
            Err(error) => return Err(error),
        };
        let is_shown = path.is_of(&object)
            && !is_destroyed(object.attributes.state)
            && self.permitted(call, Action::ReadSecret, &object);
        Ok(is_shown.then_some(object))
    }

    /// Leave to read the value of a secret that was just found.
    pub(in crate::kms) fn authorize_sighted<'a>(
        &'a self,
        call: &'a Call<'a>,
        object: Arc<Object>,
    ) -> Result<Grant<'a>, Error> {
        let action = Action::ReadSecret;
        let rule = self.decide(call, action, &object)?;
        call.trail.permitted(action, Some(&object.id), rule);
        Ok(Grant { kms: self, call, action, object })
    }

    /// Whether something is in a place: a secret by the index, whoever may know of it, or a folder.
    pub(in crate::kms) fn is_in_use(&self, place: &SecretPlace) -> Result<bool, Error> {
        let (prefix, key) = (place.prefix(), format!("{}/", place.key()));
        Ok(self.store.read(|connection| {
            let secrets = secret_path::page(connection, &prefix, "", false, 1)?;
            let folders = secret_place::list(connection, place.project(), PlaceKind::Folder, &key, 1)?;
            Ok(!secrets.is_empty() || !folders.is_empty())
        })?)
    }

    /// Whether a folder is there: by a row of its own, or because a secret is in it.
    pub(in crate::kms) fn has_folder(&self, place: &SecretPlace) -> Result<bool, Error> {
        let (prefix, key) = (place.prefix(), place.key());
        Ok(self.store.read(|connection| {
            let row = secret_place::find_path(connection, place.project(), PlaceKind::Folder, &key)?;
            Ok(row.is_some() || !secret_path::page(connection, &prefix, "", false, 1)?.is_empty())
        })?)
    }

    /// Rows of a kind whose path begins with `prefix`: they decide nothing, and tell what people called things.
    pub(in crate::kms) fn place_rows(
        &self,
        project: &str,
        kind: PlaceKind,
        prefix: &str,
        limit: usize,
    ) -> Result<Vec<PlaceRow>, Error> {
        Ok(self.store.read(|connection| secret_place::list(connection, project, kind, prefix, limit))?)
    }

    /// The row of an identifier, likewise.
    pub(in crate::kms) fn place_row(&self, kind: PlaceKind, id: &str) -> Result<Option<PlaceRow>, Error> {
        Ok(self.store.read(|connection| secret_place::find(connection, kind, id))?)
    }

    /// The row of a path, likewise.
    pub(in crate::kms) fn place_row_at(
        &self,
        project: &str,
        kind: PlaceKind,
        path: &str,
    ) -> Result<Option<PlaceRow>, Error> {
        Ok(self.store.read(|connection| secret_place::find_path(connection, project, kind, path))?)
    }
}

impl PlaceGrant<'_> {
    /// The change that `job` makes of the rows, with its record.
    pub(in crate::kms) fn prepared<F>(&self, job: F) -> Change
    where
        F: FnOnce(&Transaction<'_>) -> Result<(), store::Error> + Send + 'static,
    {
        Change::new(vec![self.call.change_beside(self.action)], job)
    }

    /// Makes that change by itself.
    pub(in crate::kms) fn change<F>(&self, job: F) -> Result<(), Error>
    where
        F: FnOnce(&Transaction<'_>) -> Result<(), store::Error> + Send + 'static,
    {
        self.kms.store.change(self.prepared(job)).map_err(|error| match error {
            store::Error::Exists(path) => Error::Exists(path),
            store::Error::Conflict => Error::Contention,
            error => error.into(),
        })?;
        self.call.changed();
        Ok(())
    }
}
