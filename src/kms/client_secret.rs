//! Client secrets of Universal Auth: made, listed and revoked by administrators.

use openssl::rand::rand_bytes;

use super::call::Call;
use super::clock::now;
use super::context::Context;
use super::error::Error;
use super::gate::Kms;
use super::list::{CHUNK, PageBuilder};
use super::operation::Operation;
use super::uuid;
use crate::custody::Error as CustodyError;
use crate::hexadecimal;
use crate::policy::MAX_TOKEN_TTL;
use crate::secret::Password;
use crate::store::client_secret::ClientSecret;
use crate::text::is_unprintable;

/// Length of the prefix of a client secret, in digits. The prefix is not part of the 256 random bits, and not secret.
pub(super) const PREFIX: usize = 4;

/// Maximum length of a description, in bytes.
const MAX_DESCRIPTION: usize = 255;

/// The properties of a new client secret.
#[derive(Debug, Clone)]
pub struct NewClientSecret {
    /// A description for administrators.
    pub description: String,
    /// Maximum number of uses; 0 for no limit.
    pub uses_limit: i64,
    /// Lifetime in seconds; 0 for no limit.
    pub ttl: i64,
}

/// A client secret as administrators see it: everything except the secret.
#[derive(Debug, Clone)]
pub struct ClientSecretEntry {
    /// Its identifier.
    pub id: String,
    /// The identifier of the identity's Universal Auth.
    pub auth: String,
    /// A description for administrators.
    pub description: String,
    /// The first digits of the secret.
    pub prefix: String,
    /// When it was made, in seconds since 1970-01-01 UTC.
    pub created: i64,
    /// When it was last used or changed, in seconds since 1970-01-01 UTC.
    pub updated: i64,
    /// Lifetime in seconds; 0 for no limit.
    pub ttl: i64,
    /// Maximum number of uses; 0 for no limit.
    pub uses_limit: i64,
    /// Number of uses so far.
    pub uses: i64,
    /// Whether it was revoked.
    pub revoked: bool,
}

impl From<ClientSecret> for ClientSecretEntry {
    fn from(row: ClientSecret) -> Self {
        let ClientSecret { id, auth, description, prefix, created, updated, ttl, uses_limit, uses, revoked, .. } = row;
        Self { id, auth, description, prefix, created, updated, ttl, uses_limit, uses, revoked }
    }
}

impl NewClientSecret {
    fn check(&self) -> Result<(), Error> {
        let wrong = |member, fault| Err(Error::ClientSecret { member, fault });
        if self.description.len() > MAX_DESCRIPTION || self.description.chars().any(is_unprintable) {
            return wrong("description", "it must have at most 255 bytes of printable characters");
        }
        if !(0..=i64::from(i32::MAX)).contains(&self.uses_limit) {
            return wrong("numUsesLimit", "it must be between 0 and 2147483647");
        }
        if !(0..=MAX_TOKEN_TTL).contains(&self.ttl) {
            return wrong("ttl", "it must be between 0 and 315360000 seconds");
        }
        Ok(())
    }
}

impl Kms {
    /// Makes a client secret for an identity. The secret is returned only here.
    ///
    /// # Errors
    /// The caller is not an administrator, the identity does not exist, has no Universal Auth or too many secrets, a
    /// field is out of bounds, or store, HSM or audit log is unavailable.
    pub fn create_client_secret(
        &self,
        context: &Context<'_>,
        identity: &str,
        new: NewClientSecret,
    ) -> Result<(Password, ClientSecretEntry), Error> {
        let call = secret_call(context, Operation::IssueClientSecret, identity);
        self.recorded(&call, || {
            let grant = self.authorize_administration(&call)?;
            let auth = grant.universal_auth(identity)?;
            new.check()?;
            let mut prefix = [0; PREFIX / 2];
            rand_bytes(&mut prefix).map_err(CustodyError::Random)?;
            let NewClientSecret { description, uses_limit, ttl } = new;
            let row = ClientSecret {
                id: uuid::random()?,
                version: 1,
                identity: identity.to_owned(),
                auth: auth.id,
                description,
                prefix: hexadecimal::lower(&prefix),
                mac: Vec::new(),
                created: now(),
                updated: now(),
                ttl,
                uses_limit,
                uses: 0,
                revoked: false,
                binding: Vec::new(),
            };
            let (secret, row) = grant.add_client_secret(row)?;
            Ok((secret, row.into()))
        })
    }

    /// Fills a page with the client secrets of an identity that are not revoked. A row that is not what the server
    /// wrote is left out.
    ///
    /// # Errors
    /// The caller is not an administrator, the identity does not exist or has no Universal Auth, or store or HSM is
    /// unavailable.
    pub fn client_secrets(
        &self,
        context: &Context<'_>,
        identity: &str,
        sheet: &mut PageBuilder<'_, ClientSecretEntry>,
    ) -> Result<(), Error> {
        let call = secret_call(context, Operation::ListClientSecrets, identity);
        self.recorded(&call, || {
            let grant = self.authorize_administration(&call)?;
            let auth = grant.universal_auth(identity)?.id;
            let read = |last: Option<&String>| grant.client_secrets(&auth, last.map_or("", String::as_str), CHUNK);
            let entry = |id: &String| match grant.client_secret(&auth, id) {
                Ok(row) => Ok(Some(row.into())),
                Err(Error::Integrity(_) | Error::Undefined { .. }) => Ok(None),
                Err(error) => Err(error),
            };
            sheet.fill(read, entry).map(drop)
        })
    }

    /// A client secret of an identity, revoked or not.
    ///
    /// # Errors
    /// As for [`Self::client_secrets`], or there is no such secret.
    pub fn client_secret(&self, context: &Context<'_>, identity: &str, id: &str) -> Result<ClientSecretEntry, Error> {
        let call = secret_call(context, Operation::ListClientSecrets, identity);
        self.recorded(&call, || {
            let grant = self.authorize_administration(&call)?;
            let auth = grant.universal_auth(identity)?.id;
            Ok(grant.client_secret(&auth, id)?.into())
        })
    }

    /// Revokes a client secret. Access tokens that were issued for it stay valid.
    ///
    /// # Errors
    /// As for [`Self::client_secret`], or the audit log is unavailable.
    pub fn revoke_client_secret(
        &self,
        context: &Context<'_>,
        identity: &str,
        id: &str,
    ) -> Result<ClientSecretEntry, Error> {
        let call = secret_call(context, Operation::RevokeClientSecret, identity);
        self.recorded(&call, || {
            let grant = self.authorize_administration(&call)?;
            let auth = grant.universal_auth(identity)?.id;
            Ok(grant.revoke_client_secret(&auth, id)?.into())
        })
    }

    /// Removes all lockouts of an identity's client; returns the number of networks that were locked out.
    ///
    /// # Errors
    /// The caller is not an administrator, or the identity does not exist or has no Universal Auth.
    pub fn clear_lockouts(&self, context: &Context<'_>, identity: &str) -> Result<usize, Error> {
        let call = secret_call(context, Operation::ClearLockouts, identity);
        self.recorded(&call, || {
            let grant = self.authorize_administration(&call)?;
            let auth = grant.universal_auth(identity)?.id;
            Ok(grant.clear_lockouts(&auth))
        })
    }
}

fn secret_call<'a>(context: &Context<'a>, operation: Operation, identity: &str) -> Call<'a> {
    let call = Call::new(context, operation);
    call.describe(format!("identity {identity:?}"));
    call
}
