//! What leave to administer lets one do: roles, policies, users and projects, those of the policy file and those in the
//! database, each of which has a bound row.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

use data_encoding::HEXLOWER;
use openssl::sha::sha256;
use serde::de::DeserializeOwned;

use super::super::Error;
use super::super::administration::{Entry, Kind};
use super::{AdministrationGrant, Kms};
use crate::audit::Record;
use crate::audit::search::{self, Filter, Found};
use crate::auth::AccessTokens;
use crate::custody::Custody;
use crate::policy::{Action, Documents, Fault, Grantee, IdentityDocument, Policy, ProjectDocument};
use crate::store::policy_entry::{self, PolicyEntry};
use crate::store::{Store, audit_head, object};

/// How much of the audit log one search reads, in bytes, and then to the end of the file.
const MAX_SEARCHED: u64 = 1 << 30;

/// What the policy is made of.
pub(super) struct Definitions {
    /// By file and command line.
    configured: Documents,
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

    /// The record of what is configured.
    pub(super) fn record(&self) -> Record {
        documents_record(&self.configured)
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

    /// What a change would make wrong that is not wrong already.
    fn fault_of(&self, changed: &Self) -> Option<Fault> {
        let (_, before) = Policy::lenient(&self.documents(), self.default_mode);
        let (_, after) = Policy::lenient(&changed.documents(), self.default_mode);
        after.into_iter().find(|fault| !before.contains(fault))
    }
}

/// Puts what a row says in its place.
fn add(documents: &mut Documents, kind: Kind, name: &str, document: &str) -> Option<()> {
    fn read<T: DeserializeOwned>(document: &str) -> Option<T> {
        serde_json::from_str(document).ok()
    }
    let name = name.to_owned();
    match kind {
        Kind::Role => drop(documents.roles.insert(name, read(document)?)),
        Kind::Policy => drop(documents.policies.insert(name, read(document)?)),
        Kind::User => drop(documents.users.insert(name, read(document)?)),
        Kind::Project => drop(documents.projects.insert(name, read(document)?)),
        Kind::Identity => drop(documents.identities.insert(name, read(document)?)),
        Kind::Authenticator => drop(documents.authenticators.insert(name, read(document)?)),
        Kind::Host => drop(documents.hosts.insert(name, read(document)?)),
    }
    Some(())
}

impl Kms {
    /// Puts other documents in the place of the configured ones.
    ///
    /// # Errors
    /// The change cannot be recorded, and is not made.
    pub fn configure_policy(&self, documents: Documents) -> Result<(), Error> {
        self.record(|| documents_record(&documents))?;
        let mut definitions = self.definitions.lock().unwrap_or_else(PoisonError::into_inner);
        definitions.configured = documents;
        self.policy.store(Arc::new(definitions.policy()));
        Ok(())
    }
}

/// What an auditor should know of a configuration that somebody else writes: which one holds, and who administers.
fn documents_record(documents: &Documents) -> Record {
    let text = serde_json::to_vec(documents).unwrap_or_default();
    let hash = HEXLOWER.encode(&sha256(&text));
    let administrators =
        documents.administrators.as_ref().map_or_else(|| "none named".to_owned(), |all| all.join(", "));
    Record::note(&format!("permission as configured: sha256:{hash}, administrators: {administrators}"))
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

    /// All definitions of a kind.
    pub(in crate::kms) fn all(&self, kind: Kind) -> Vec<Entry> {
        let definitions = self.kms.definitions.lock().unwrap_or_else(PoisonError::into_inner);
        let of_kind = definitions.stored.iter().filter(|((own, _), _)| *own == kind);
        let stored = of_kind.filter_map(|((_, name), (version, document))| {
            let definition = serde_json::from_str(document.as_deref()?).unwrap_or_default();
            Some((name.clone(), Entry { name: name.clone(), version: Some(*version), definition }))
        });
        let mut all: BTreeMap<String, Entry> = stored.collect();
        for (name, definition) in kind.of(&definitions.configured) {
            all.insert(name.clone(), Entry { name, version: None, definition });
        }
        all.into_values().collect()
    }

    /// The last checkpoint of the audit log that the database knows.
    pub(in crate::kms) fn audit_head(&self) -> Result<Option<String>, Error> {
        let known = self.kms.store.read(|connection| Ok(audit_head::read(connection)?))?;
        Ok(known.and_then(|known| known.signed_line))
    }

    /// Lines of the audit log.
    pub(in crate::kms) fn search_audit(&self, filter: &Filter, limit: usize) -> Result<Found, Error> {
        let audit = self.kms.audit.as_ref().ok_or(Error::NoAudit)?;
        let _alone = self.kms.searching.try_lock().map_err(|_| Error::Searching)?;
        Ok(search::search(&audit.files()?, filter, limit, MAX_SEARCHED, &|| self.call.go_on().is_err())?)
    }

    /// An identity with its version, 0 for one of the policy file.
    pub(in crate::kms) fn identity(&self, id: &str) -> Result<(i64, IdentityDocument), Error> {
        self.one(Kind::Identity, id, |documents| documents.identities.get(id))
    }

    /// A project with its version, 0 for one of the policy file.
    pub(in crate::kms) fn project(&self, name: &str) -> Result<(i64, ProjectDocument), Error> {
        self.one(Kind::Project, name, |documents| documents.projects.get(name))
    }

    /// The version of a row, whatever it says; 0 if there is none.
    pub(in crate::kms) fn version(&self, kind: Kind, name: &str) -> i64 {
        let definitions = self.kms.definitions.lock().unwrap_or_else(PoisonError::into_inner);
        definitions.stored.get(&(kind, name.to_owned())).map_or(0, |(version, _)| *version)
    }

    fn one<T: Clone + DeserializeOwned>(
        &self,
        kind: Kind,
        name: &str,
        configured: impl for<'a> Fn(&'a Documents) -> Option<&'a T>,
    ) -> Result<(i64, T), Error> {
        let missing = || Error::Undefined { kind: kind.word(), name: name.to_owned() };
        let definitions = self.kms.definitions.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(document) = configured(&definitions.configured) {
            return Ok((0, document.clone()));
        }
        let (version, document) = definitions.stored.get(&(kind, name.to_owned())).ok_or_else(missing)?;
        let document = document.as_deref().and_then(|document| serde_json::from_str(document).ok());
        Ok((*version, document.ok_or_else(missing)?))
    }

    /// Writes a definition, or removes it; in the place of the one of version `expected` alone, if that is given, 0 for none.
    pub(in crate::kms) fn define(
        &self,
        kind: Kind,
        name: &str,
        document: Option<String>,
        expected: Option<i64>,
    ) -> Result<i64, Error> {
        // Held over the write: what is checked is what is written.
        let mut definitions = self.kms.definitions.lock().unwrap_or_else(PoisonError::into_inner);
        if kind.of(&definitions.configured).iter().any(|(own, _)| own == name) {
            return Err(Error::InPolicyFile { kind: kind.word(), name: name.to_owned() });
        }
        let key = (kind, name.to_owned());
        let present = definitions.stored.get(&key);
        if expected.is_some_and(|expected| expected != present.map_or(0, |(version, _)| *version)) {
            return Err(Error::Contention);
        }
        if document.is_none() {
            if present.is_none_or(|(_, document)| document.is_none()) {
                return Err(Error::Undefined { kind: kind.word(), name: name.to_owned() });
            }
            if kind == Kind::Role
                && self.kms.store.read(|connection| object::any_grant(connection, &role_index(name)))?
            {
                return Err(Error::RoleInUse(name.to_owned()));
            }
            if kind == Kind::Project && self.kms.store.read(|connection| object::any_in_project(connection, name))? {
                return Err(Error::ProjectInUse(name.to_owned()));
            }
        }
        // Whoever is a member of a new project must not find in it what was left in one of the same name.
        let is_new = kind == Kind::Project && present.is_none_or(|(_, document)| document.is_none());
        if is_new && self.kms.store.read(|connection| object::any_in_project(connection, name))? {
            return Err(Error::ProjectInUse(name.to_owned()));
        }
        let version = present.map_or(0, |(version, _)| *version) + 1;
        let mut changed = definitions.stored.clone();
        changed.insert(key, (version, document.clone()));
        let configured = definitions.configured.clone();
        let changed = Definitions { configured, default_mode: definitions.default_mode, stored: changed };
        if let Some(fault) = definitions.fault_of(&changed) {
            return Err(fault.into());
        }
        let mut row =
            PolicyEntry { kind: kind.word().to_owned(), name: name.to_owned(), version, document, binding: Vec::new() };
        row.binding = self.kms.custody.bind(&row.bound())?;
        let object = format!("{}/{name}", kind.word());
        let record = self.call.change(Action::Administer, &object, version);
        self.kms.store.write_recorded(vec![record], move |transaction| row.write(transaction))?;
        self.call.changed();
        *definitions = changed;
        self.kms.policy.store(Arc::new(definitions.policy()));
        Ok(version)
    }
}
