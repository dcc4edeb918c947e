//! Access tokens: issued to callers whom a trusted issuer vouches for, renewed and revoked by their bearers, listed and
//! revoked by administrators.

use std::net::SocketAddr;
use std::sync::Arc;

use super::call::Call;
use super::clock::now;
use super::context::{Context, Way};
use super::error::Error;
use super::gate::Kms;
use super::list::{CHUNK, PageBuilder};
use super::operation::Operation;
use crate::api::tokens::AccessToken;
use crate::auth::{AccessTokens, Issued, NewToken};
use crate::desk::Ticket;
use crate::policy::{Action, Rule};
use crate::principal::{Caller, Method};
use crate::store::access_token::AccessToken as Row;

impl From<Row> for AccessToken {
    fn from(row: Row) -> Self {
        let Row { id, subject, vouched, created, expires, max_expires, uses_limit, uses, .. } = row;
        let trusted = row.trusted.split(',').map(str::to_owned).collect();
        let (bound, revoked) = (row.thumbprint.is_some(), row.revoked);
        Self { id, subject, vouched, created, expires, max_expires, uses_limit, uses, trusted, bound, revoked }
    }
}

/// The name of an access token in the audit log.
fn object(id: &str) -> String {
    format!("token/{id}")
}

impl Kms {
    /// Issues an access token to a caller whom a trusted issuer has just vouched for. The tuple has the request's id,
    /// its peer address and its ticket.
    ///
    /// # Errors
    /// Store, HSM or audit log is unavailable.
    pub fn issue_token(
        &self,
        (request, peer, ticket): (&str, SocketAddr, &Ticket),
        new: &NewToken,
    ) -> Result<Issued, Error> {
        let id = AccessTokens::new_id()?;
        let method = Method::AccessToken { id: Arc::from(id.as_str()), by: Arc::from(new.vouched.as_str()) };
        let caller = Caller { username: new.subject.clone(), method, narrowing: None, role: None };
        let call =
            Call::new(&Context { caller: &caller, request, peer, ticket, way: Way::default() }, Operation::IssueToken);
        self.recorded(&call, || {
            let object = object(&id);
            call.trail.permitted(Action::AccessToken, Some(&object), Rule::Vouched);
            let record = call.change(Action::AccessToken, &object, 1);
            let ending = Call::new(&call.context, Operation::RevokeToken);
            ending.describe(
                "the identity has the maximum number of access tokens: the oldest one is revoked for a new one"
                    .to_owned(),
            );
            let ended = |id: &str, version| {
                let object = self::object(id);
                ending.trail.permitted(Action::AccessToken, Some(&object), Rule::Vouched);
                ending.change(Action::AccessToken, &object, version)
            };
            let issued = self.access_tokens().issue(&id, new, now(), record, &ended)?;
            call.changed();
            Ok(issued)
        })
    }

    /// Extends the lifetime of the caller's access token. The token was checked when the caller was authenticated.
    ///
    /// # Errors
    /// The caller has no access token, it has reached its maximum lifetime, or store, HSM or audit log is unavailable.
    pub fn renew_token(&self, context: &Context<'_>) -> Result<Issued, Error> {
        let call = Call::new(context, Operation::RenewToken);
        self.recorded(&call, || {
            let (id, object) = own(&call)?;
            call.trail.permitted(Action::AccessToken, Some(&object), Rule::Vouched);
            let records = |version| vec![call.change(Action::AccessToken, &object, version)];
            let terms = |subject: &str, basis: &str| self.terms_of(subject, basis);
            let issued = self.access_tokens().renew(id, now(), terms, records)?;
            call.changed();
            Ok(issued)
        })
    }

    /// Revokes the caller's access token.
    ///
    /// # Errors
    /// The caller has no access token, or store, HSM or audit log is unavailable.
    pub fn revoke_own_token(&self, context: &Context<'_>) -> Result<(), Error> {
        let call = Call::new(context, Operation::RevokeToken);
        self.recorded(&call, || {
            let (id, object) = own(&call)?;
            call.trail.permitted(Action::AccessToken, Some(&object), Rule::Vouched);
            let records = |version| vec![call.change(Action::AccessToken, &object, version)];
            self.access_tokens().revoke(id, records)?;
            call.changed();
            Ok(())
        })
    }

    /// Revokes the access token of any caller.
    ///
    /// # Errors
    /// The caller is not an administrator, the access token does not exist, or store, HSM or audit log is unavailable.
    pub fn end_token(&self, context: &Context<'_>, id: &str) -> Result<(), Error> {
        let call = Call::new(context, Operation::EndToken);
        self.recorded(&call, || {
            let grant = self.authorize_administration(&call)?;
            let object = object(id);
            let records = |version| vec![call.change(Action::Administer, &object, version)];
            grant.access_tokens().revoke(id, records)?;
            call.changed();
            Ok(())
        })
    }

    /// Fills a page with valid access tokens of one identity or of all, sorted by identifier, after `after`. A row that
    /// is not what the server wrote is left out.
    ///
    /// # Errors
    /// The caller is not an administrator, or store or HSM is unavailable.
    pub fn tokens(
        &self,
        context: &Context<'_>,
        subject: Option<&str>,
        after: &str,
        sheet: &mut PageBuilder<'_, AccessToken>,
    ) -> Result<(), Error> {
        let call = Call::new(context, Operation::ListTokens);
        call.describe(subject.unwrap_or("all").to_owned());
        self.recorded(&call, || {
            let grant = self.authorize_administration(&call)?;
            let (tokens, now) = (grant.access_tokens(), now());
            let read = |last: Option<&(String, Option<Row>)>| {
                Ok(tokens.list(subject, last.map_or(after, |(id, _)| id.as_str()), now, CHUNK)?)
            };
            let last = sheet.fill(read, |(_, row)| match row {
                Some(row) if tokens.is_written(row)? => Ok(Some(AccessToken::from(row.clone()))),
                _ => Ok(None),
            })?;
            drop(last);
            Ok(())
        })
    }

    /// Makes a new key that signs new access tokens from now on; returns its key id.
    ///
    /// # Errors
    /// The caller is not an administrator, store, HSM or audit log is unavailable, or the valid access tokens need too
    /// many keys.
    pub fn rotate_token_key(&self, context: &Context<'_>) -> Result<String, Error> {
        let call = Call::new(context, Operation::RotateTokenKey);
        self.recorded(&call, || Ok(self.authorize_administration(&call)?.access_tokens().rotate(now())?))
    }
}

/// The identifier of the caller's own access token, and its name in the audit log.
fn own<'a>(call: &Call<'a>) -> Result<(&'a str, String), Error> {
    match &call.caller().method {
        Method::AccessToken { id, .. } => Ok((id, object(id))),
        _ => Err(Error::NoAccessToken),
    }
}
