//! Definitions as administrators see them.

use std::collections::BTreeMap;
use std::ops::Bound;

use serde::Serialize;
use serde_json::Value;

use crate::policy::{
    AuthenticatorDocument, Documents, Fault, HostDocument, IdentityDocument, Kind, PolicyDocument, ProjectDocument,
    RoleDocument, Subject, UserDocument,
};

/// A role that nobody can define, for users and projects whose row cannot be believed: it permits nothing.
const NO_ROLE: &str = "?";

impl Kind {
    /// What stands for a row that is refused, so that nobody gains by it: what it may have denied, everyone is denied. A
    /// role or a policy that is not there does the same to those who have it.
    pub(super) fn refused(self) -> Option<String> {
        match self {
            Self::User => Some(serde_json::json!({ "role": NO_ROLE }).to_string()),
            Self::Project => Some(serde_json::json!({ "members": { "*": NO_ROLE } }).to_string()),
            // Its access tokens are then not good.
            Self::Role | Self::Policy | Self::Identity | Self::Authenticator | Self::Host => None,
        }
    }

    /// The first names of this kind after `after`, at most `limit`.
    pub(super) fn names(self, documents: &Documents, after: &str, limit: usize) -> Vec<String> {
        fn names<T>(map: &BTreeMap<String, T>, after: &str, limit: usize) -> Vec<String> {
            let later = map.range::<str, _>((Bound::Excluded(after), Bound::Unbounded));
            later.map(|(name, _)| name.clone()).take(limit).collect()
        }
        match self {
            Self::Role => names(&documents.roles, after, limit),
            Self::Policy => names(&documents.policies, after, limit),
            Self::User => names(&documents.users, after, limit),
            Self::Project => names(&documents.projects, after, limit),
            Self::Identity => names(&documents.identities, after, limit),
            Self::Authenticator => names(&documents.authenticators, after, limit),
            Self::Host => names(&documents.hosts, after, limit),
        }
    }

    /// The definition of this kind and name.
    pub(super) fn of(self, documents: &Documents, name: &str) -> Option<Value> {
        fn value<T: Serialize>(map: &BTreeMap<String, T>, name: &str) -> Option<Value> {
            map.get(name).map(|document| serde_json::to_value(document).unwrap_or_default())
        }
        match self {
            Self::Role => value(&documents.roles, name),
            Self::Policy => value(&documents.policies, name),
            Self::User => value(&documents.users, name),
            Self::Project => value(&documents.projects, name),
            Self::Identity => value(&documents.identities, name),
            Self::Authenticator => value(&documents.authenticators, name),
            Self::Host => value(&documents.hosts, name),
        }
    }

    /// The definition as it is kept, or what is wrong with it.
    pub(super) fn document(self, name: &str, definition: &[u8]) -> Result<String, Fault> {
        fn read<T: Serialize + serde::de::DeserializeOwned>(definition: &[u8]) -> Result<String, String> {
            let read: T = serde_json::from_slice(definition).map_err(|error| error.to_string())?;
            serde_json::to_string(&read).map_err(|error| error.to_string())
        }
        let read = match self {
            Self::Role => read::<RoleDocument>(definition),
            Self::Policy => read::<PolicyDocument>(definition),
            Self::User => read::<UserDocument>(definition),
            Self::Project => read::<ProjectDocument>(definition),
            Self::Identity => read::<IdentityDocument>(definition),
            Self::Authenticator => read::<AuthenticatorDocument>(definition),
            Self::Host => read::<HostDocument>(definition),
        };
        read.map_err(|problem| Fault { path: vec![self.word().to_owned(), name.to_owned()], problem })
    }

    /// The one spelling of a name.
    pub(super) fn canonical(self, name: &str) -> String {
        let subject = if self == Self::User { Subject::parse(name).ok() } else { None };
        subject.map_or_else(|| name.to_owned(), |subject| subject.to_string())
    }
}
