//! What leave to administer lets one do: roles, policies, users and projects, those of the policy file and those in the
//! database, each of which has a bound row.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::{Arc, PoisonError};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::super::administration::{Entry, Kind};
use super::super::secret_path::DEFAULT_ACCOUNT;
use super::super::{Error, uuid};
use super::credentials::contended;
use super::{AdministrationGrant, configuring, own};
use crate::audit::Record;
use crate::auth::AccessTokens;
use crate::custody::Custody;
use crate::policy::{
    Action, AuthenticatorDocument, Definition, Documents, Fault, Grantee, IdentityDocument, Policy, ProjectDocument,
};
use crate::store::policy_entry::{self, PolicyEntry};
use crate::store::{Store, object, secret_place};

/// What the policy is made of.
pub(super) struct Definitions {
    /// By file and command line.
    pub(super) configured: Documents,
    /// Whether nothing has to be proved.
    default_mode: bool,
    /// By administrators: the rows' versions, and what they say.
    stored: BTreeMap<(Kind, String), (i64, Option<String>)>,
}

impl Definitions {
    /// Reads the rows. One that is not what was written is left out, loudly; whose role cannot be known has none that
    /// permits anything.
    pub(super) fn read(
        store: &Store,
        custody: &Custody,
        configured: Documents,
        default_mode: bool,
    ) -> Result<Self, Error> {
        let mut stored = BTreeMap::new();
        for row in store.read(policy_entry::all)? {
            let row = match row {
                Ok(row) => row,
                Err(name) => {
                    tracing::error!(name, "ROW REFUSED: its columns make no sense, so it was changed in the database");
                    continue;
                }
            };
            let Some(kind) = Kind::from_word(&row.kind) else {
                tracing::error!(kind = row.kind, name = row.name, "ROW REFUSED: there is no such kind of definition");
                continue;
            };
            let bound = custody.is_bound(&row.bound(), &row.binding)?;
            if !bound {
                tracing::error!(
                    kind = row.kind,
                    name = row.name,
                    "ROW REFUSED: its binding is wrong, so it was changed or exchanged in the database"
                );
            }
            let document = if bound { row.document } else { kind.refused() };
            stored.insert((kind, row.name), (row.version, document));
        }
        Ok(Self { configured, default_mode, stored })
    }

    /// What holds: the configuration before the database, and without what contradicts itself.
    pub(super) fn policy(&self) -> Policy {
        let (policy, faults) = Policy::lenient(&self.documents(), self.default_mode);
        for fault in faults {
            tracing::error!(%fault, "a stored definition is left out");
        }
        policy
    }

    /// Refuses what the policy file defines.
    fn check_own(&self, kind: Kind, name: &str) -> Result<(), Error> {
        if kind.is_in(&self.configured, name) {
            return Err(Error::InPolicyFile { kind: kind.word(), name: name.to_owned() });
        }
        Ok(())
    }

    /// The version of a row, whatever it says; 0 if there is none.
    fn version(&self, kind: Kind, name: &str) -> i64 {
        self.stored.get(&(kind, name.to_owned())).map_or(0, |(version, _)| *version)
    }

    /// Whether an administrator made it, and nobody removed it.
    fn is_there(&self, kind: Kind, name: &str) -> bool {
        self.stored.get(&(kind, name.to_owned())).is_some_and(|(_, document)| document.is_some())
    }

    /// The document of a host or an authenticator that is about to be written, with the identifier that sets it apart from a former one of
    /// its name.
    /// That is made here, and kept as long as the host is one of its account.
    fn marked(&self, kind: Kind, name: &str, document: String) -> Result<String, Error> {
        if !matches!(kind, Kind::Host | Kind::Authenticator) {
            return Ok(document);
        }
        let mut next = members(kind, name, &document)?;
        let former = self.document::<Map<String, Value>>(kind, name).ok();
        let former = former.filter(|former| former.get("account") == next.get("account"));
        next.remove("id");
        let id = match former {
            Some(mut former) => former.remove("id"),
            None => Some(uuid::random()?.into()),
        };
        next.extend(id.map(|id| ("id".to_owned(), id)));
        Ok(Value::Object(next).to_string())
    }

    /// What a row says.
    fn document<T: DeserializeOwned>(&self, kind: Kind, name: &str) -> Result<T, Error> {
        let row = self.stored.get(&(kind, name.to_owned()));
        let document = row.and_then(|(_, document)| serde_json::from_str(document.as_deref()?).ok());
        document.ok_or_else(|| Error::Undefined { kind: kind.word(), name: name.to_owned() })
    }

    /// Whether a project of this name is defined, here or by the policy file, faultless or not.
    pub(super) fn has_project(&self, name: &str) -> bool {
        self.is_there(Kind::Project, name) || Kind::Project.is_in(&self.configured, name)
    }

    /// The record of what is configured.
    pub(super) fn record(&self) -> Record {
        configuring::documents_record(&self.configured)
    }

    fn documents(&self) -> Documents {
        let mut documents = Documents::default();
        for ((kind, name), (_, document)) in &self.stored {
            let Some(document) = document else { continue };
            if add(&mut documents, *kind, name, document).is_none() {
                tracing::error!(kind = kind.word(), name, "a stored definition cannot be read");
            }
        }
        documents.overridden(&self.configured)
    }
}

/// Puts what a row says in its place.
fn add(documents: &mut Documents, kind: Kind, name: &str, document: &str) -> Option<()> {
    let name = name.to_owned();
    match kind.read(document).ok()? {
        Definition::Role(document) => drop(documents.roles.insert(name, document)),
        Definition::Policy(document) => drop(documents.policies.insert(name, document)),
        Definition::User(document) => drop(documents.users.insert(name, document)),
        Definition::Project(document) => drop(documents.projects.insert(name, document)),
        Definition::Identity(document) => drop(documents.identities.insert(name, *document)),
        Definition::Authenticator(document) => drop(documents.authenticators.insert(name, document)),
        Definition::Host(document) => drop(documents.hosts.insert(name, document)),
    }
    Some(())
}

/// A role as the table of grantees has it.
fn role_index(name: &str) -> String {
    Grantee::Role(name.to_owned()).index()
}

impl AdministrationGrant<'_> {
    /// Everybody's access tokens.
    pub(in crate::kms) fn access_tokens(&self) -> &AccessTokens {
        &self.kms.tokens
    }

    /// The first names of definitions of a kind after `after`, at most `limit`.
    pub(in crate::kms) fn names(&self, kind: Kind, after: &str, limit: usize) -> Vec<String> {
        let definitions = self.kms.definitions.lock().unwrap_or_else(PoisonError::into_inner);
        let later = definitions.stored.range((Bound::Excluded((kind, after.to_owned())), Bound::Unbounded));
        let of_kind = later.take_while(|((own, _), _)| *own == kind).filter(|(_, (_, document))| document.is_some());
        let mut names: BTreeSet<String> = of_kind.map(|((_, name), _)| name.clone()).take(limit).collect();
        names.extend(kind.names(&definitions.configured, after, limit));
        names.into_iter().take(limit).collect()
    }

    /// A definition, if it is there.
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

    /// An identity with its version, 0 for one of the policy file.
    pub(in crate::kms) fn identity(&self, id: &str) -> Result<(i64, IdentityDocument), Error> {
        self.one(Kind::Identity, id, |documents| documents.identities.get(id))
    }

    /// An authenticator with its version, 0 for one of the policy file.
    pub(in crate::kms) fn authenticator(&self, name: &str) -> Result<(i64, AuthenticatorDocument), Error> {
        self.one(Kind::Authenticator, name, |documents| documents.authenticators.get(name))
    }

    /// The text of the IAM file that is in force, if there is one.
    pub(in crate::kms) fn iam_file(&self) -> Option<Arc<str>> {
        let definitions = self.kms.definitions.lock().unwrap_or_else(PoisonError::into_inner);
        definitions.configured.iam_file.clone()
    }

    /// A project with its version, 0 for one of the policy file.
    pub(in crate::kms) fn project(&self, name: &str) -> Result<(i64, ProjectDocument), Error> {
        self.one(Kind::Project, name, |documents| documents.projects.get(name))
    }

    /// The version of a row, whatever it says; 0 if there is none.
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

    /// Writes a definition, or removes it; only in the place of the one of version `expected`, if that is given, 0 for none.
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

    /// Changes a definition that administrators made. `change` sees it as it is: changes of definitions take turns.
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

    /// The definitions are held over the write: what is checked is what is written.
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
        let mut policy = Policy::clone(&self.kms.policy.load());
        let faults = match &document {
            Some(document) => policy.put(name, read(kind, name, document)?),
            None => policy.remove(kind, name),
        };
        if let Some(fault) = faults.into_iter().next() {
            return Err(fault.into());
        }
        let version = definitions.version(kind, name) + 1;
        let stored = document.clone();
        let mut row =
            PolicyEntry { kind: kind.word().to_owned(), name: name.to_owned(), version, document, binding: Vec::new() };
        row.binding = self.kms.custody.bind(&row.bound())?;
        let object = format!("{}/{name}", kind.word());
        if own::concerns(&self.kms.policy.load(), self.call.caller(), kind, name, row.document.as_deref()) {
            self.call.concerns_caller();
        }
        let mut records = vec![self.call.change(Action::Administer, &object, version)];
        let is_host_gone = kind == Kind::Host && row.document.is_none();
        // Nobody issues a key before the host is gone.
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
        // Where there is no project the default account has its own.
        let is_new = !is_there && name != DEFAULT_ACCOUNT;
        let is_forgotten = kind == Kind::Project && (row.document.is_none() || is_new);
        let written = self.kms.store.write_recorded(records, move |transaction| {
            row.write(transaction)?;
            if is_forgotten {
                secret_place::forget(transaction, &row.name)?;
            }
            taken.map_or(Ok(()), |key| key.write(transaction))
        });
        written.map_err(contended)?;
        self.call.changed();
        definitions.stored.insert((kind, name.to_owned()), (version, stored));
        self.kms.policy.store(Arc::new(policy));
        Ok(version)
    }

    /// Refuses to remove what objects need, and to make a project in which objects were left: whoever is a member of a new one
    /// must not find in it what was left in one of the same name.
    fn check_unused(&self, kind: Kind, name: &str, is_removed: bool, is_there: bool) -> Result<(), Error> {
        let store = &self.kms.store;
        if kind == Kind::Role
            && is_removed
            && store.read(|connection| object::any_grant(connection, &role_index(name)))?
        {
            return Err(Error::RoleInUse(name.to_owned()));
        }
        if kind == Kind::Project
            && (is_removed || !is_there)
            && store.read(|connection| object::any_in_project(connection, name))?
        {
            return Err(Error::ProjectInUse(name.to_owned()));
        }
        Ok(())
    }
}

/// A definition that was written as JSON here.
fn read(kind: Kind, name: &str, document: &str) -> Result<Definition, Error> {
    kind.read(document).map_err(|error| Fault::at(&[kind.word(), name], error.to_string()).into())
}

/// The members of one.
fn members(kind: Kind, name: &str, document: &str) -> Result<Map<String, Value>, Error> {
    serde_json::from_str(document).map_err(|error| Fault::at(&[kind.word(), name], error.to_string()).into())
}
