//! The sources of the policy: the policy file, and the definitions in the database, each of which has a bound row.

use std::collections::BTreeMap;

use openssl::sha::sha256;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::super::error::Error;
use super::super::uuid;
use crate::audit::Record;
use crate::custody::Custody;
use crate::hexadecimal;
use crate::policy::{Documents, Fault, Kind, Policy};
use crate::store::Store;
use crate::store::policy_entry::{self, PolicyEntry};

/// The sources of the policy.
pub(super) struct Definitions {
    /// The definitions of the policy file and the command line.
    pub(super) configured: Documents,
    /// Whether the server runs in default mode: no authentication is required.
    pub(super) default_mode: bool,
    /// The definitions that administrators made: version and document of each row.
    pub(super) stored: BTreeMap<(Kind, String), (i64, Option<String>)>,
}

impl Definitions {
    /// Reads the rows. A row that is not what the server wrote is left out and logged as an error. A role that cannot
    /// be read permits nothing.
    pub(super) fn read(
        store: &Store,
        custody: &Custody,
        configured: Documents,
        default_mode: bool,
    ) -> Result<Self, Error> {
        let mut stored = BTreeMap::new();
        for row in policy_entry::all(store)? {
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
            let document = Self::believed(custody, kind, &row)?;
            stored.insert((kind, row.name), (row.version, document));
        }
        Ok(Self { configured, default_mode, stored })
    }

    /// The document of a row; if it is not what the server wrote, the one that permits nothing.
    pub(super) fn believed(custody: &Custody, kind: Kind, row: &PolicyEntry) -> Result<Option<String>, Error> {
        if custody.is_bound(&row.bound(), &row.binding)? {
            return Ok(row.document.clone());
        }
        tracing::error!(
            kind = row.kind,
            name = row.name,
            "ROW REFUSED: its binding is wrong, so it was changed or exchanged in the database"
        );
        Ok(kind.refused())
    }

    /// Returns the policy in force: the configuration has priority over the database, and contradictory definitions are
    /// left out.
    pub(super) fn policy(&self) -> Policy {
        let (policy, faults) = Policy::lenient(&self.documents(), self.default_mode);
        for fault in faults {
            tracing::error!(%fault, "a stored definition is left out");
        }
        policy
    }

    /// Refuses to change what the policy file defines.
    pub(super) fn check_own(&self, kind: Kind, name: &str) -> Result<(), Error> {
        if kind.is_in(&self.configured, name) {
            return Err(Error::InPolicyFile { kind: kind.word(), name: name.to_owned() });
        }
        Ok(())
    }

    /// The version of a row, whatever its content; 0 if there is no row.
    pub(super) fn version(&self, kind: Kind, name: &str) -> i64 {
        self.stored.get(&(kind, name.to_owned())).map_or(0, |(version, _)| *version)
    }

    /// Whether an administrator made the definition and it was not removed.
    pub(super) fn is_there(&self, kind: Kind, name: &str) -> bool {
        self.stored.get(&(kind, name.to_owned())).is_some_and(|(_, document)| document.is_some())
    }

    /// Returns the document of a host or an authenticator that is about to be written, with the identifier that
    /// distinguishes it from a former one of the same name. The identifier is made here, and kept as long as the
    /// account stays the same.
    pub(super) fn marked(&self, kind: Kind, name: &str, document: String) -> Result<String, Error> {
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

    /// The document of a row.
    pub(super) fn document<T: DeserializeOwned>(&self, kind: Kind, name: &str) -> Result<T, Error> {
        let row = self.stored.get(&(kind, name.to_owned()));
        let document = row.and_then(|(_, document)| serde_json::from_str(document.as_deref()?).ok());
        document.ok_or_else(|| Error::Undefined { kind: kind.word(), name: name.to_owned() })
    }

    /// Whether a project of this name is defined in the database or the policy file, even if its definition is faulty.
    pub(super) fn has_project(&self, name: &str) -> bool {
        self.is_there(Kind::Project, name) || Kind::Project.is_in(&self.configured, name)
    }

    /// The audit record of the configuration.
    pub(super) fn record(&self) -> Record {
        documents_record(&self.configured)
    }

    fn documents(&self) -> Documents {
        let mut documents = Documents::default();
        for ((kind, name), (_, document)) in &self.stored {
            let Some(document) = document else { continue };
            match kind.read(document.as_bytes()) {
                Ok(definition) => documents.put(name.clone(), definition),
                Err(_) => tracing::error!(kind = kind.word(), name, "a stored definition cannot be read"),
            }
        }
        documents.overridden(&self.configured)
    }
}

/// The members of a JSON document.
fn members(kind: Kind, name: &str, document: &str) -> Result<Map<String, Value>, Error> {
    serde_json::from_str(document).map_err(|error| Fault::at(&[kind.word(), name], error.to_string()).into())
}

/// The audit record of a configuration that is written outside of the server: its hash, and the administrators,
/// auditors and recoverers.
pub(super) fn documents_record(documents: &Documents) -> Record {
    let text = serde_json::to_vec(documents).unwrap_or_default();
    let hash = hexadecimal::lower(&sha256(&text));
    let administrators =
        documents.administrators.as_ref().map_or_else(|| "none named".to_owned(), |all| all.join(", "));
    let mut text = format!("permission as configured: sha256:{hash}, administrators: {administrators}");
    for (duty, names) in [("auditors", &documents.auditors), ("recoverers", &documents.recoverers)] {
        if let Some(names) = names {
            text.push_str(&format!(", {duty}: {}", names.join(", ")));
        }
    }
    Record::note(&text)
}
