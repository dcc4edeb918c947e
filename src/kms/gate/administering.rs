//! The operations of administrators: changes of roles, policies, users and projects. Definitions come from the
//! policy file and from the database; each one in the database has a bound row.

use std::collections::BTreeSet;
use std::ops::Bound;
use std::sync::{Arc, PoisonError};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::super::error::Error;
use super::super::secret_path::DEFAULT_ACCOUNT;
use super::definitions::Definitions;
use super::service::AdministrationGrant;
use crate::api::definitions::Entry;
use crate::auth::AccessTokens;
use crate::policy::{
    Action, AuthenticatorDocument, Definition, Documents, Fault, Grantee, IdentityDocument, Kind, Policy,
    ProjectDocument,
};
use crate::store::api_key::ApiKey;
use crate::store::policy_entry::PolicyEntry;
use crate::store::{Command, object, secret_place};

/// The name of a role in the table of grantees.
fn role_index(name: &str) -> String {
    Grantee::Role(name.to_owned()).index()
}

impl AdministrationGrant<'_> {
    /// The access tokens of all callers.
    pub(in crate::kms) fn access_tokens(&self) -> &AccessTokens {
        &self.kms.tokens
    }

    /// The names of the definitions of a kind that follow `after`, at most `limit`.
    pub(in crate::kms) fn names(&self, kind: Kind, after: &str, limit: usize) -> Vec<String> {
        let definitions = self.kms.definitions.lock().unwrap_or_else(PoisonError::into_inner);
        let later = definitions.stored.range((Bound::Excluded((kind, after.to_owned())), Bound::Unbounded));
        let of_kind = later.take_while(|((own, _), _)| *own == kind).filter(|(_, (_, document))| document.is_some());
        let mut names: BTreeSet<String> = of_kind.map(|((_, name), _)| name.clone()).take(limit).collect();
        names.extend(kind.names(&definitions.configured, after, limit));
        names.into_iter().take(limit).collect()
    }

    /// A definition, or `None` if it does not exist.
    pub(in crate::kms) fn entry(&self, kind: Kind, name: &str) -> Option<Entry> {
        let definitions = self.kms.definitions.lock().unwrap_or_else(PoisonError::into_inner);
        let name = name.to_owned();
        if let Some(definition) = kind.of(&definitions.configured, &name) {
            return Some(Entry { name, version: None, definition });
        }
        let (version, document) = definitions.stored.get(&(kind, name.clone()))?;
        let definition = serde_json::from_str(document.as_deref()?).unwrap_or_default();
        Some(Entry { name, version: Some(*version), definition })
    }

    /// An identity with its version; version 0 if the policy file defines it.
    pub(in crate::kms) fn identity(&self, id: &str) -> Result<(i64, IdentityDocument), Error> {
        self.one(Kind::Identity, id, |documents| documents.identities.get(id))
    }

    /// An authenticator with its version; version 0 if the policy file defines it.
    pub(in crate::kms) fn authenticator(&self, name: &str) -> Result<(i64, AuthenticatorDocument), Error> {
        self.one(Kind::Authenticator, name, |documents| documents.authenticators.get(name))
    }

    /// The text of the IAM file that is in force, if there is one.
    pub(in crate::kms) fn iam_file(&self) -> Option<Arc<str>> {
        let definitions = self.kms.definitions.lock().unwrap_or_else(PoisonError::into_inner);
        definitions.configured.iam_file.clone()
    }

    /// A project with its version; version 0 if the policy file defines it.
    pub(in crate::kms) fn project(&self, name: &str) -> Result<(i64, ProjectDocument), Error> {
        self.one(Kind::Project, name, |documents| documents.projects.get(name))
    }

    /// The version of a row, whatever its content; 0 if there is no row.
    pub(in crate::kms) fn version(&self, kind: Kind, name: &str) -> i64 {
        let definitions = self.kms.definitions.lock().unwrap_or_else(PoisonError::into_inner);
        definitions.version(kind, name)
    }

    fn one<T: Clone + DeserializeOwned>(
        &self,
        kind: Kind,
        name: &str,
        configured: impl for<'a> Fn(&'a Documents) -> Option<&'a T>,
    ) -> Result<(i64, T), Error> {
        let definitions = self.kms.definitions.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(document) = configured(&definitions.configured) {
            return Ok((0, document.clone()));
        }
        Ok((definitions.version(kind, name), definitions.document(kind, name)?))
    }

    /// Writes or removes a definition. If `expected` is given, the present version must be equal to it; 0 means that
    /// there is no row. Otherwise returns [`Error::Contention`].
    pub(in crate::kms) fn define(
        &self,
        kind: Kind,
        name: &str,
        document: Option<String>,
        expected: Option<i64>,
    ) -> Result<i64, Error> {
        let mut definitions = self.kms.definitions.lock().unwrap_or_else(PoisonError::into_inner);
        let present = definitions.version(kind, name);
        if expected.is_some_and(|expected| expected != present) {
            return Err(Error::Contention);
        }
        self.write(&mut definitions, kind, name, document)
    }

    /// Changes a definition of the database. `change` receives the present definition; changes of definitions are
    /// serialized.
    pub(in crate::kms) fn revise<T: DeserializeOwned + Serialize, A>(
        &self,
        kind: Kind,
        name: &str,
        change: impl FnOnce(&mut T) -> Result<A, Error>,
    ) -> Result<A, Error> {
        let mut definitions = self.kms.definitions.lock().unwrap_or_else(PoisonError::into_inner);
        definitions.check_own(kind, name)?;
        let mut document: T = definitions.document(kind, name)?;
        let answer = change(&mut document)?;
        let text = serde_json::to_string(&document).unwrap_or_default();
        self.write(&mut definitions, kind, name, Some(text))?;
        Ok(answer)
    }

    /// The lock on the definitions is held during the write, so that the checked state is the written state.
    fn write(
        &self,
        definitions: &mut Definitions,
        kind: Kind,
        name: &str,
        document: Option<String>,
    ) -> Result<i64, Error> {
        definitions.check_own(kind, name)?;
        let document = document.map(|document| definitions.marked(kind, name, document)).transpose()?;
        let is_there = definitions.is_there(kind, name);
        if document.is_none() && !is_there {
            return Err(Error::Undefined { kind: kind.word(), name: name.to_owned() });
        }
        self.check_unused(kind, name, document.is_none(), is_there)?;
        let definition = document.as_deref().map(|document| read(kind, name, document)).transpose()?;
        let mut policy = Policy::clone(&self.kms.policy.load());
        let concerns_caller = policy.concerns(self.call.caller(), kind, name, definition.as_ref());
        let faults = match definition {
            Some(definition) => policy.put(name, definition),
            None => policy.remove(kind, name),
        };
        if let Some(fault) = faults.into_iter().next() {
            return Err(fault.into());
        }
        if concerns_caller {
            self.call.concerns_caller();
        }
        let version = definitions.version(kind, name) + 1;
        let stored = document.clone();
        let mut row =
            PolicyEntry { kind: kind.word().to_owned(), name: name.to_owned(), version, document, binding: Vec::new() };
        row.binding = self.kms.custody.bind(&row.bound())?;
        let object = format!("{}/{name}", kind.word());
        let mut records = vec![self.call.change(Action::Administer, &object, version)];
        let is_host_gone = kind == Kind::Host && row.document.is_none();
        // No API key can be issued until the host is removed.
        let turn = is_host_gone.then(|| self.kms.key_turn(name)).transpose()?;
        let record = |object: &str, version| self.call.change(Action::Administer, object, version);
        let taken = match &turn {
            Some(turn) => self.kms.without_api_key(turn, self.call.now.0, record)?,
            None => None,
        };
        let taken = taken.map(|(key, record)| {
            records.push(record);
            key
        });
        // As long as no project is named like the default account, the default account has environments of its own.
        let is_new = !is_there && name != DEFAULT_ACCOUNT;
        let is_forgotten = kind == Kind::Project && (row.document.is_none() || is_new);
        let forgotten = is_forgotten.then(|| secret_place::forget(row.name.clone()));
        let beside = forgotten.into_iter().chain(taken.map(ApiKey::write));
        self.kms.commit(self.call, row.write().then(Command::all(beside)).recorded(records))?;
        definitions.stored.insert((kind, name.to_owned()), (version, stored));
        self.kms.policy.store(Arc::new(policy));
        Ok(version)
    }

    /// Refuses to remove a role or project that objects need, and to create a project while objects of a former project
    /// of the same name exist: the members of the new project must not get access to them.
    fn check_unused(&self, kind: Kind, name: &str, is_removed: bool, is_there: bool) -> Result<(), Error> {
        let store = &self.kms.store;
        if kind == Kind::Role && is_removed && object::any_grant(store, &role_index(name))? {
            return Err(Error::RoleInUse(name.to_owned()));
        }
        if kind == Kind::Project && (is_removed || !is_there) && object::any_in_project(store, name)? {
            return Err(Error::ProjectInUse(name.to_owned()));
        }
        Ok(())
    }
}

/// Reads a definition that was written as JSON by this server.
fn read(kind: Kind, name: &str, document: &str) -> Result<Definition, Error> {
    kind.read(document.as_bytes()).map_err(|error| Fault::at(&[kind.word(), name], error.to_string()).into())
}
