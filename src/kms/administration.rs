//! Administration: roles, policies, users and projects.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use openssl::sha::sha256;
use serde::Serialize;
use serde_json::Value;

use super::list::CHUNK;
use super::operation::Operation;
use super::{Call, Context, Error, Kms, Sheet};
use crate::hexadecimal;
pub use crate::policy::Kind;
use crate::policy::{
    AuthenticatorDocument, Documents, Fault, HostDocument, IdentityDocument, PolicyDocument, ProjectDocument,
    RoleDocument, Subject, UserDocument,
};

/// A definition.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Entry {
    /// Its name among its kind.
    pub name: String,
    /// Its version in the database; absent for one of the policy file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<i64>,
    /// What it says.
    pub definition: Value,
}

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
    fn document(self, name: &str, definition: &[u8]) -> Result<String, Fault> {
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
    fn canonical(self, name: &str) -> String {
        let subject = if self == Self::User { Subject::parse(name).ok() } else { None };
        subject.map_or_else(|| name.to_owned(), |subject| subject.to_string())
    }
}

/// What somebody wants with the issuers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// To see them.
    List,
    /// To see what they make of a token.
    Test,
}

/// What vouches for exchanged callers.
#[derive(Debug, Default)]
pub struct Vouching {
    /// Identities that are known by JWTs, with their identifiers.
    pub identities: Vec<(String, Arc<IdentityDocument>)>,
    /// Authenticators, with account and service.
    pub authenticators: Vec<(String, String, Arc<AuthenticatorDocument>)>,
}

impl Kms {
    /// Fills a page with definitions of a kind, by name, after `after`.
    ///
    /// # Errors
    /// The caller does not administer.
    pub fn definitions(
        &self,
        context: &Context<'_>,
        kind: Kind,
        after: &str,
        sheet: &mut Sheet<'_, Entry>,
    ) -> Result<(), Error> {
        let call = Call::new(context, Operation::ListDefinitions);
        call.describe(kind.word().to_owned());
        self.recorded(&call, || {
            let grant = self.authorize_administration(&call)?;
            let read = |last: Option<&String>| Ok(grant.names(kind, last.map_or(after, String::as_str), CHUNK));
            sheet.fill(read, |name| Ok(grant.entry(kind, name))).map(drop)
        })
    }

    /// Refuses those who do not administer.
    ///
    /// # Errors
    /// The caller does not.
    pub fn check_administers(&self, context: &Context<'_>) -> Result<(), Error> {
        let call = Call::new(context, Operation::ListDefinitions);
        self.recorded(&call, || self.authorize_administration(&call).map(drop))
    }

    /// The text of the IAM file that is in force, if the server has one.
    ///
    /// # Errors
    /// The caller does not administer.
    pub fn iam_file(&self, context: &Context<'_>) -> Result<Option<Arc<str>>, Error> {
        let call = Call::new(context, Operation::ListDefinitions);
        call.describe("the IAM file".to_owned());
        self.recorded(&call, || Ok(self.authorize_administration(&call)?.iam_file()))
    }

    /// Whatever vouches for exchanged callers, to those who administer.
    ///
    /// # Errors
    /// The caller does not.
    pub fn exchange_issuers(&self, context: &Context<'_>, asked: Asked) -> Result<Vouching, Error> {
        let operation = match asked {
            Asked::List => Operation::ListIssuers,
            Asked::Test => Operation::TestIssuers,
        };
        let call = Call::new(context, operation);
        self.recorded(&call, || {
            self.authorize_administration(&call)?;
            let (identities, authenticators) = self.vouching();
            Ok(Vouching { identities, authenticators })
        })
    }

    /// Makes a definition, or puts it in the place of the one of this name. Returns its version.
    ///
    /// # Errors
    /// The caller does not administer, or the definition is faulty, or it is the policy file's.
    pub fn define(&self, context: &Context<'_>, kind: Kind, name: &str, definition: &[u8]) -> Result<i64, Error> {
        let call = Call::new(context, Operation::Define);
        let name = kind.canonical(name);
        call.describe(format!("{} {name:?}", kind.word()));
        self.recorded(&call, || {
            let grant = self.authorize_administration(&call)?;
            let document = kind.document(&name, definition)?;
            // The hash, for the log keeps the beginning alone of what is long.
            call.describe(format!("sha256:{} {document}", hexadecimal::lower(&sha256(document.as_bytes()))));
            grant.define(kind, &name, Some(document), None)
        })
    }

    /// Removes a definition.
    ///
    /// # Errors
    /// The caller does not administer, there is none, it is the policy file's, or something still needs it.
    pub fn undefine(&self, context: &Context<'_>, kind: Kind, name: &str) -> Result<i64, Error> {
        let call = Call::new(context, Operation::Undefine);
        let name = kind.canonical(name);
        call.describe(format!("{} {name:?}", kind.word()));
        self.recorded(&call, || self.authorize_administration(&call)?.define(kind, &name, None, None))
    }
}
