//! Administration: roles, policies, users and projects.

use std::sync::Arc;

use openssl::sha::sha256;

use super::call::Call;
use super::context::Context;
use super::error::Error;
use super::gate::Kms;
use super::list::{CHUNK, PageBuilder};
use super::operation::Operation;
use crate::api::definitions::Entry;
use crate::hexadecimal;
pub use crate::policy::Kind;
use crate::policy::{AuthenticatorDocument, Fault, IdentityDocument};

/// What a caller wants to do with the issuers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IssuerUse {
    /// List them.
    List,
    /// Test a token with them.
    Test,
}

/// The issuers of exchanged callers.
#[derive(Debug, Default)]
pub struct Vouching {
    /// The identities with JWT or OIDC authentication, with their identifiers.
    pub identities: Vec<(String, Arc<IdentityDocument>)>,
    /// The authenticators, with account and service.
    pub authenticators: Vec<(String, String, Arc<AuthenticatorDocument>)>,
}

impl Kms {
    /// Fills a page with definitions of a kind, sorted by name, after `after`.
    ///
    /// # Errors
    /// The caller is not an administrator.
    pub fn definitions(
        &self,
        context: &Context<'_>,
        kind: Kind,
        after: &str,
        sheet: &mut PageBuilder<'_, Entry>,
    ) -> Result<(), Error> {
        let call = Call::new(context, Operation::ListDefinitions);
        call.describe(kind.word().to_owned());
        self.recorded(&call, || {
            let grant = self.authorize_administration(&call)?;
            let read = |last: Option<&String>| Ok(grant.names(kind, last.map_or(after, String::as_str), CHUNK));
            sheet.fill(read, |name| Ok(grant.entry(kind, name))).map(drop)
        })
    }

    /// Refuses callers who are not administrators.
    ///
    /// # Errors
    /// The caller is not an administrator.
    pub fn check_administers(&self, context: &Context<'_>) -> Result<(), Error> {
        let call = Call::new(context, Operation::ListDefinitions);
        self.recorded(&call, || self.authorize_administration(&call).map(drop))
    }

    /// The text of the IAM file that is in force, if the server has one.
    ///
    /// # Errors
    /// The caller is not an administrator.
    pub fn iam_file(&self, context: &Context<'_>) -> Result<Option<Arc<str>>, Error> {
        let call = Call::new(context, Operation::ListDefinitions);
        call.describe("the IAM file".to_owned());
        self.recorded(&call, || Ok(self.authorize_administration(&call)?.iam_file()))
    }

    /// Returns all issuers of exchanged callers.
    ///
    /// # Errors
    /// The caller is not an administrator.
    pub fn exchange_issuers(&self, context: &Context<'_>, asked: IssuerUse) -> Result<Vouching, Error> {
        let operation = match asked {
            IssuerUse::List => Operation::ListIssuers,
            IssuerUse::Test => Operation::TestIssuers,
        };
        let call = Call::new(context, operation);
        self.recorded(&call, || {
            self.authorize_administration(&call)?;
            let (identities, authenticators) = self.vouching();
            Ok(Vouching { identities, authenticators })
        })
    }

    /// Makes a definition, or replaces the one with this name. Returns its version.
    ///
    /// # Errors
    /// The caller is not an administrator, the definition is faulty, or the policy file defines this name.
    pub fn define(&self, context: &Context<'_>, kind: Kind, name: &str, definition: &[u8]) -> Result<i64, Error> {
        let call = Call::new(context, Operation::Define);
        let name = kind.canonical(name);
        call.describe(format!("{} {name:?}", kind.word()));
        self.recorded(&call, || {
            let grant = self.authorize_administration(&call)?;
            let read = kind.read(definition).and_then(|definition| serde_json::to_string(&definition));
            let document = read.map_err(|error| Fault::at(&[kind.word(), &name], error.to_string()))?;
            // The hash is recorded too, because the log keeps only the beginning of a long text.
            call.describe(format!("sha256:{} {document}", hexadecimal::lower(&sha256(document.as_bytes()))));
            grant.define(kind, &name, Some(document), None)
        })
    }

    /// Removes a definition.
    ///
    /// # Errors
    /// The caller is not an administrator, there is no such definition, the policy file defines it, or it is still in
    /// use.
    pub fn undefine(&self, context: &Context<'_>, kind: Kind, name: &str) -> Result<i64, Error> {
        let call = Call::new(context, Operation::Undefine);
        let name = kind.canonical(name);
        call.describe(format!("{} {name:?}", kind.word()));
        self.recorded(&call, || self.authorize_administration(&call)?.define(kind, &name, None, None))
    }
}
