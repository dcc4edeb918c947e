//! Environments, folders and tags of a project, and the secrets in them according to the index of names.

use std::ops::ControlFlow;
use std::sync::{Arc, PoisonError};

use super::super::call::Call;
use super::super::error::Error;
use super::super::list::CHUNK;
use super::super::object::{Object, is_destroyed};
use super::super::object_kind::ObjectKind;
use super::super::place_fault::PlaceFault;
use super::super::secret_path::{DEFAULT_ACCOUNT, SecretPath, name_of};
use super::super::secret_place::SecretPlace;
use super::asking::{End, Whose};
use super::definitions::Definitions;
use super::fair::Place;
use super::secrets::NotAdded;
use super::service::{Grant, Kms, ServerGrant};
use crate::kmip::Attributes;
use crate::kmip::enumerations::Operation;
use crate::policy::{Action, Grants, Refusal, Resource, Rule};
use crate::store::search::{Search, Start};
use crate::store::secret_place::{self, PlaceKind, PlaceRow};
use crate::store::{Command, secret_path};

/// The permission to see or change the environments, folders and tags of a project.
pub(in crate::kms) struct PlaceGrant<'a> {
    kms: &'a Kms,
    call: &'a Call<'a>,
    action: Action,
    /// The caller, who may change only what the caller made; `None` in a project, and for administrators.
    of: Option<String>,
}

/// Outside of projects, one caller makes at most this part of the environments, folders and tags.
pub(in crate::kms) const SHARE: usize = 10;

/// The position where a list begins.
pub(in crate::kms) enum Behind {
    /// After this name; an empty name is the beginning.
    Name(String),
    /// The list is shorter than the offset.
    End,
}

impl Kms {
    /// Decides whether the caller may see the environments, folders and tags of a project (`Locate`) or change them
    /// (`WriteSecret`). A caller may see them who has access to secrets of other owners in the project, and change them
    /// who may add a secret. `sample` is the path of a secret in the place, and `attributes` are those that it would
    /// have.
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
                Ok(PlaceGrant { kms: self, call, action, of: self.limited_to_own(call, sample.account())? })
            }
            Err(refused) => {
                self.refused(call, action, None, &refused.refusal)?;
                Err(match refused.into_error(sample) {
                    Error::NotFound(_) => Error::Undefined { kind: "project", name: sample.account().to_owned() },
                    error => error,
                })
            }
        }
    }

    /// The permission to make, change and remove environments of a project: for administrators, because environments
    /// hold no secrets by themselves and administrators make projects. `None` for other callers.
    pub(in crate::kms) fn administer_places<'a>(
        &'a self,
        call: &'a Call<'a>,
        project: &str,
    ) -> Result<Option<PlaceGrant<'a>>, Error> {
        let Ok(rule) = self.policy.load().decide_administer(call.caller()) else { return Ok(None) };
        if self.is_open(project)? {
            return Ok(None);
        }
        if !self.definitions.lock().unwrap_or_else(PoisonError::into_inner).has_project(project) {
            return Err(Error::Undefined { kind: "project", name: project.to_owned() });
        }
        call.trail.permitted(Action::Administer, None, rule);
        Ok(Some(PlaceGrant { kms: self, call, action: Action::Administer, of: None }))
    }

    /// Decides whether the caller has access to secrets of the project that other users own.
    pub(super) fn decide_seeing(
        &self,
        call: &Call<'_>,
        project: Option<&str>,
        attributes: &Attributes,
    ) -> Result<Rule, NotAdded> {
        // Outside of projects, a caller may see these if the caller may add to them.
        if project.is_none() {
            return self.decide_adding(call, project, attributes);
        }
        let grants = Grants::default();
        let others = Resource { id: "", owner: "", project, grants: &grants, properties: attributes };
        let locate = Action::Operation(Operation::Locate);
        let decided = self.policy.load().decide(call.caller(), locate, &others);
        decided.map_err(|refusal| NotAdded { refusal, may_know: false })
    }

    /// Names of secrets in a place according to the index, after the name `after`, with the identifiers of their
    /// objects; at most `limit`.
    pub(in crate::kms) fn indexed_secrets(
        &self,
        place: &SecretPlace,
        after: &str,
        direct: bool,
        limit: usize,
    ) -> Result<Vec<(String, String)>, Error> {
        Ok(secret_path::page(&self.store, &place.prefix(), after, direct, limit)?)
    }

    /// The name after which a list of a place begins that skips `count` secrets. `None` if the list must check each
    /// secret, because the caller may not read all of them.
    pub(in crate::kms) fn place_behind(
        &self,
        call: &Call<'_>,
        place: &SecretPlace,
        direct: bool,
        count: usize,
    ) -> Result<Option<Behind>, Error> {
        // The default account also has secrets that are in no project.
        let is_permitted = place.project() != DEFAULT_ACCOUNT
            && self.policy.load().permits_with_all(call.caller(), place.project(), Action::ReadSecret);
        if !is_permitted {
            return Ok(None);
        }
        let found = secret_path::nth(&self.store, &place.prefix(), direct, count)?;
        Ok(Some(found.map_or(Behind::End, Behind::Name)))
    }

    /// Whether the caller may see everything of a project. If not, a list covers only the secrets that the caller can
    /// reach.
    pub(in crate::kms) fn sees_project(
        &self,
        call: &Call<'_>,
        sample: &SecretPath,
        attributes: &Attributes,
    ) -> Result<bool, Error> {
        let project = self.project_of_account(sample)?;
        // Secrets outside of projects belong to different users.
        Ok(project.is_some() && self.decide_seeing(call, project.as_deref(), attributes).is_ok())
    }

    /// Names of the secrets in a place that the caller may read, or owns ([`Whose::Owned`]), with the identifiers of
    /// their objects, sorted by name. The search covers what the caller owns, was granted or has by a role, so that its
    /// cost does not depend on the secrets of other users.
    ///
    /// # Errors
    /// [`Error::AnswerTooLarge`]: there are too many secrets to check.
    pub(in crate::kms) fn reachable_secrets(
        &self,
        call: &Call<'_>,
        whose: Whose,
        place: &SecretPlace,
        direct: bool,
    ) -> Result<Vec<(String, String)>, Error> {
        // The secrets of the default account may be in no project.
        let project = Some(place.project()).filter(|own| *own != DEFAULT_ACCOUNT).map(str::to_owned);
        let object_type = Some(ObjectKind::type_of_secrets());
        let search = Search { now: call.now.0, project, object_type, ..Search::default() };
        let (prefix, mut found) = (place.prefix(), Vec::new());
        let walked = ServerGrant { kms: self, call }.walk(whose, &search, Start::default(), CHUNK, |id| {
            let Some(object) = self.found(id)? else { return Ok(ControlFlow::Continue(())) };
            let name = name_of(&object.attributes).filter(|name| is_within(name, &prefix, direct));
            let is_shown = match whose {
                _ if is_destroyed(object.attributes.state) => false,
                Whose::Owned => object.is_of(call.caller()),
                _ => self.permitted(call, Action::ReadSecret, &object),
            };
            if let Some(name) = name.filter(|_| is_shown) {
                call.context.ticket.hold(name.len() + id.len()).map_err(|_| Error::NoRoom)?;
                found.push((name.clone(), id.to_owned()));
            }
            Ok(ControlFlow::Continue(()))
        })?;
        // If the caller may know nothing of the project, the error must not reveal that it has many secrets.
        if walked.end == End::Bound && !found.is_empty() {
            return Err(Error::AnswerTooLarge);
        }
        found.sort();
        Ok(found)
    }

    /// Takes a place for a long search of secrets that may belong to other users.
    pub(in crate::kms) fn sweep_secrets<'a>(&'a self, call: &'a Call<'a>) -> Result<Place<'a>, Error> {
        ServerGrant { kms: self, call }.sweep()
    }

    /// The object that the index has for a secret, if the caller may read its values. `keep`: the object is about to be
    /// used, so it is put into the cache. Returns `None` for a row that is not what the server wrote.
    pub(in crate::kms) fn sighted_secret(
        &self,
        call: &Call<'_>,
        path: &SecretPath,
        id: &str,
        keep: bool,
    ) -> Result<Option<Arc<Object>>, Error> {
        let (object, read) = match self.cache.get(id) {
            Ok(object) => (object, None),
            Err(before) => match self.read(id) {
                Err(Error::Integrity(_)) | Ok(None) => return Ok(None),
                Ok(Some((object, size))) => (Arc::new(object), Some((size, before))),
                Err(error) => return Err(error),
            },
        };
        let is_shown = path.is_of(&object)
            && !is_destroyed(object.attributes.state)
            && self.permitted(call, Action::ReadSecret, &object);
        if !is_shown {
            return Ok(None);
        }
        // Only objects that are used are put into the cache.
        if let Some((size, before)) = read.filter(|_| keep) {
            self.cache.put(&object, size, before);
        }
        Ok(Some(object))
    }

    /// The permission to read the value of a secret that was just found.
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

    /// Removes the environments, folders and tags of projects that are not defined any more and contain nothing.
    /// Otherwise the members of a later project with the same name would see them. What fails is tried again at the
    /// next start.
    pub(super) fn forget_places(&self, definitions: &Definitions) {
        let forget = || -> Result<(), Error> {
            for project in secret_place::projects(&self.store)? {
                if project == DEFAULT_ACCOUNT || definitions.has_project(&project) {
                    continue;
                }
                self.store.write(secret_place::forget_unused(project))?;
            }
            Ok(())
        };
        if let Err(error) = forget() {
            tracing::error!(%error, "environments, folders and tags of projects that are gone could not be removed");
        }
    }

    /// Whether a project has the default environments, because none was made or removed yet.
    pub(in crate::kms) fn has_default_environments(&self, project: &str) -> bool {
        self.policy.load().has_default_environments(project)
    }

    /// The account with secrets for which `is_wanted` returns true: a project, or the default account. All accounts are
    /// checked, so that the response time does not reveal which ones exist.
    pub(in crate::kms) fn account_where(
        &self,
        call: &Call<'_>,
        is_wanted: impl Fn(&str) -> bool,
    ) -> Result<Option<String>, Error> {
        let policy = self.policy.load();
        let mut found = None;
        for account in policy.projects().chain(std::iter::once(DEFAULT_ACCOUNT)) {
            call.go_on()?;
            if is_wanted(account) {
                found = Some(account.to_owned());
            }
        }
        Ok(found)
    }

    /// Records the error of a call that found nothing to decide about, as a refusal is recorded, so that the response
    /// time does not reveal what exists. Returns the error.
    pub(in crate::kms) fn nothing_there(&self, call: &Call<'_>, error: Error) -> Error {
        match self.record(|| call.undecided(call.operation.action(), None, &error)) {
            Ok(()) => error,
            Err(failed) => failed,
        }
    }

    /// Whether a folder exists: it has a row of its own, or a secret is in it. Outside of projects only secrets that the
    /// caller may read count, so that the answer does not reveal those of other users.
    pub(in crate::kms) fn has_folder(&self, call: &Call<'_>, place: &SecretPlace) -> Result<bool, Error> {
        if self.limited_to_own(call, place.project())?.is_none() {
            return Ok(secret_place::has_folder(&self.store, place.project(), &place.key(), &place.prefix())?);
        }
        Ok(self.place_row_at(place.project(), PlaceKind::Folder, &place.key())?.is_some()
            || !self.reachable_secrets(call, Whose::Reachable, place, false)?.is_empty())
    }

    /// The caller, if the account is no project: there, a caller who is not an administrator may change only what the
    /// caller made, and learns nothing of the secrets of others.
    fn limited_to_own(&self, call: &Call<'_>, account: &str) -> Result<Option<String>, Error> {
        let is_limited = self.is_open(account)? && self.policy.load().decide_administer(call.caller()).is_err();
        Ok(is_limited.then(|| call.caller().username.as_str().to_owned()))
    }

    /// Rows of a kind, environments or tags. They hold names only and decide nothing about permission.
    pub(in crate::kms) fn place_rows(
        &self,
        project: &str,
        kind: PlaceKind,
        limit: usize,
    ) -> Result<Vec<PlaceRow>, Error> {
        Ok(secret_place::list(&self.store, project, kind, "", "", false, limit)?)
    }

    /// A chunk of the rows of the folders in a place, after the path `after`. `direct`: without the folders in these
    /// folders.
    pub(in crate::kms) fn folder_rows(
        &self,
        place: &SecretPlace,
        after: &str,
        direct: bool,
    ) -> Result<Vec<PlaceRow>, Error> {
        let (project, prefix) = (place.project(), format!("{}/", place.key()));
        Ok(secret_place::list(&self.store, project, PlaceKind::Folder, &prefix, after, direct, CHUNK)?)
    }

    /// The row with an identifier.
    pub(in crate::kms) fn place_row(&self, kind: PlaceKind, id: &str) -> Result<Option<PlaceRow>, Error> {
        Ok(secret_place::find(&self.store, kind, id)?)
    }

    /// The row of a path.
    pub(in crate::kms) fn place_row_at(
        &self,
        project: &str,
        kind: PlaceKind,
        path: &str,
    ) -> Result<Option<PlaceRow>, Error> {
        Ok(secret_place::find_path(&self.store, project, kind, path)?)
    }
}

/// Whether the name of a secret begins with `prefix`. `direct`: and the rest has no slash.
fn is_within(name: &str, prefix: &str, direct: bool) -> bool {
    name.strip_prefix(prefix).is_some_and(|rest| !direct || !rest.contains('/'))
}

impl PlaceGrant<'_> {
    /// The caller, if the caller may change only what the caller made.
    pub(in crate::kms) fn of(&self) -> Option<String> {
        self.of.clone()
    }

    /// Name of the caller, for a new row.
    pub(in crate::kms) fn maker(&self) -> String {
        self.call.caller().username.as_str().to_owned()
    }

    /// How many of `most` rows the caller may make: a tenth outside of projects, where every caller may make some.
    pub(in crate::kms) fn share(&self, most: usize) -> Option<usize> {
        self.of.as_ref().map(|_| most / SHARE)
    }

    /// Refuses to change a row that the caller may not change.
    ///
    /// # Errors
    /// [`PlaceFault::NotYours`]; the refusal is recorded.
    pub(in crate::kms) fn check_own(&self, what: &'static str, row: &PlaceRow) -> Result<(), Error> {
        if self.of.as_ref().is_none_or(|own| *own == row.owner) {
            return Ok(());
        }
        self.kms.refused(self.call, self.action, None, &Refusal::Nothing)?;
        Err(PlaceFault::NotYours { what, name: row.path.clone() }.into())
    }

    /// Adds the audit record to a change of the rows.
    pub(in crate::kms) fn recorded(&self, command: Command) -> Command {
        command.recorded(vec![self.call.change_beside(self.action)])
    }

    /// Commits a change of the rows.
    pub(in crate::kms) fn change(&self, command: Command) -> Result<(), Error> {
        self.kms.commit(self.call, self.recorded(command))
    }
}
