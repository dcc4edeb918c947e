//! Environments, folders and tags of a project, and the secrets that are in them by the index of names.

use std::ops::ControlFlow;
use std::sync::{Arc, PoisonError};

use super::super::call::Call;
use super::super::error::Error;
use super::super::list::CHUNK;
use super::super::object::{Object, is_destroyed};
use super::super::object_kind::ObjectKind;
use super::super::secret_path::{DEFAULT_ACCOUNT, SecretPath, name_of};
use super::super::secret_place::SecretPlace;
use super::asking::{End, Sweep, Whose};
use super::definitions::Definitions;
use super::secrets::NotAdded;
use super::service::{Grant, Kms, ServerGrant};
use crate::kmip::Attributes;
use crate::kmip::enumerations::Operation;
use crate::policy::{Action, Grants, Resource, Rule};
use crate::store::search::{Search, Start};
use crate::store::secret_place::{self, PlaceKind, PlaceRow};
use crate::store::{Command, secret_path};

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

    /// Leave to make, change and remove the environments of a project, which hold nothing by themselves: for those who administer, as
    /// they make projects. `None` for other callers.
    pub(in crate::kms) fn administer_places<'a>(
        &'a self,
        call: &'a Call<'a>,
        project: &str,
    ) -> Result<Option<PlaceGrant<'a>>, Error> {
        let Ok(rule) = self.policy.load().decide_administer(call.caller()) else { return Ok(None) };
        if !self.definitions.lock().unwrap_or_else(PoisonError::into_inner).has_project(project) {
            return Err(Error::Undefined { kind: "project", name: project.to_owned() });
        }
        call.trail.permitted(Action::Administer, None, rule);
        Ok(Some(PlaceGrant { kms: self, call, action: Action::Administer }))
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
        Ok(secret_path::page(&self.store, &place.prefix(), after, direct, limit)?)
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
        let found = secret_path::nth(&self.store, &place.prefix(), direct, count)?;
        Ok(Some(found.map_or(Behind::End, Behind::Name)))
    }

    /// Whether the caller may see what a project has, whatever that is: if not, a list looks only at what is theirs.
    pub(in crate::kms) fn sees_project(
        &self,
        call: &Call<'_>,
        sample: &SecretPath,
        attributes: &Attributes,
    ) -> Result<bool, Error> {
        let project = self.project_of_account(sample)?;
        // What is in no project belongs to many.
        Ok(project.is_some() && self.decide_seeing(call, project.as_deref(), attributes).is_ok())
    }

    /// Names of the secrets in a place that the caller may read, with their objects, in the order of the names: found by what the
    /// caller owns, was granted or has by a role, so that it costs nothing what others have there.
    ///
    /// # Errors
    /// [`Error::AnswerTooLarge`]: they are too many to be looked at.
    pub(in crate::kms) fn reachable_secrets(
        &self,
        call: &Call<'_>,
        place: &SecretPlace,
        direct: bool,
    ) -> Result<Vec<(String, String)>, Error> {
        // What the default account has may be in no project.
        let project = Some(place.project()).filter(|own| *own != DEFAULT_ACCOUNT).map(str::to_owned);
        let object_type = Some(ObjectKind::type_of_secrets());
        let search = Search { now: call.now.0, project, object_type, ..Search::default() };
        let (prefix, mut found) = (place.prefix(), Vec::new());
        let walked =
            ServerGrant { kms: self, call }.walk(Whose::Reachable, &search, Start::default(), CHUNK, |id| {
                let Some(object) = self.found(id)? else { return Ok(ControlFlow::Continue(())) };
                let name = name_of(&object.attributes).filter(|name| is_within(name, &prefix, direct));
                if let Some(name) = name.filter(|_| self.permitted(call, Action::ReadSecret, &object)) {
                    call.context.ticket.hold(name.len() + id.len()).map_err(|_| Error::NoRoom)?;
                    found.push((name.clone(), id.to_owned()));
                }
                Ok(ControlFlow::Continue(()))
            })?;
        // Of a project of which the caller may know nothing, nothing is said.
        if walked.end == End::Bound && !found.is_empty() {
            return Err(Error::AnswerTooLarge);
        }
        found.sort();
        Ok(found)
    }

    /// Leave to look at many secrets that may not be the caller's, one by one.
    pub(in crate::kms) fn sweep_secrets<'a>(&'a self, call: &'a Call<'a>) -> Result<Sweep<'a>, Error> {
        ServerGrant { kms: self, call }.sweep()
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
        // Only what is used has a place in the cache.
        if let Some((size, before)) = read.filter(|_| keep) {
            self.cache.put(&object, size, before);
        }
        Ok(Some(object))
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

    /// Removes the environments, folders and tags of projects that are not defined any more and hold nothing: who is a member of a
    /// later project of the same name must not find them there. What fails is done at the next start.
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

    /// Whether a project has the environments of a new one until one is made or removed.
    pub(in crate::kms) fn has_default_environments(&self, project: &str) -> bool {
        self.policy.load().has_default_environments(project)
    }

    /// The account with secrets of which `is_wanted` holds: a project, or the default account. All of them are looked at, so that the
    /// time that it takes does not tell which there are.
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

    /// The error of a call that found nothing to decide about, recorded as a refusal is: the time that an answer takes does not tell
    /// what is there.
    pub(in crate::kms) fn nothing_there(&self, call: &Call<'_>, error: Error) -> Error {
        match self.record(|| call.undecided(call.operation.action(), None, &error)) {
            Ok(()) => error,
            Err(failed) => failed,
        }
    }

    /// Whether a folder is there: by a row of its own, or because a secret is in it.
    pub(in crate::kms) fn has_folder(&self, place: &SecretPlace) -> Result<bool, Error> {
        Ok(secret_place::has_folder(&self.store, place.project(), &place.key(), &place.prefix())?)
    }

    /// Rows of a kind, environments or tags: they decide nothing, and tell what people called things.
    pub(in crate::kms) fn place_rows(
        &self,
        project: &str,
        kind: PlaceKind,
        limit: usize,
    ) -> Result<Vec<PlaceRow>, Error> {
        Ok(secret_place::list(&self.store, project, kind, "", "", false, limit)?)
    }

    /// Rows of the folders in a place, behind the path `after`, likewise: a chunk of them. `direct`: not those in them.
    pub(in crate::kms) fn folder_rows(
        &self,
        place: &SecretPlace,
        after: &str,
        direct: bool,
    ) -> Result<Vec<PlaceRow>, Error> {
        let (project, prefix) = (place.project(), format!("{}/", place.key()));
        Ok(secret_place::list(&self.store, project, PlaceKind::Folder, &prefix, after, direct, CHUNK)?)
    }

    /// The row of an identifier, likewise.
    pub(in crate::kms) fn place_row(&self, kind: PlaceKind, id: &str) -> Result<Option<PlaceRow>, Error> {
        Ok(secret_place::find(&self.store, kind, id)?)
    }

    /// The row of a path, likewise.
    pub(in crate::kms) fn place_row_at(
        &self,
        project: &str,
        kind: PlaceKind,
        path: &str,
    ) -> Result<Option<PlaceRow>, Error> {
        Ok(secret_place::find_path(&self.store, project, kind, path)?)
    }
}

/// Whether a name of a secret begins with `prefix`; `direct`: and has no slash behind it.
fn is_within(name: &str, prefix: &str, direct: bool) -> bool {
    name.strip_prefix(prefix).is_some_and(|rest| !direct || !rest.contains('/'))
}

impl PlaceGrant<'_> {
    /// A change of the rows with its record.
    pub(in crate::kms) fn recorded(&self, command: Command) -> Command {
        command.recorded(vec![self.call.change_beside(self.action)])
    }

    /// Makes a change of the rows by itself.
    pub(in crate::kms) fn change(&self, command: Command) -> Result<(), Error> {
        self.kms.commit(self.call, self.recorded(command))
    }
}
