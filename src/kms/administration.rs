//! Administration: roles, policies, users and projects.

use std::sync::Arc;

use openssl::sha::sha256;

use super::call::Call;
use super::context::Context;
use super::error::Error;
use super::gate::Kms;
use super::list::{CHUNK, Sheet};
use super::operation::Operation;
use crate::api::definitions::Entry;
use crate::hexadecimal;
pub use crate::policy::Kind;
use crate::policy::{AuthenticatorDocument, Fault, IdentityDocument};

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
            let read = kind.read(definition).and_then(|definition| serde_json::to_string(&definition));
            let document = read.map_err(|error| Fault::at(&[kind.word(), &name], error.to_string()))?;
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
