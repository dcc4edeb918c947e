//! Access tokens: issued to those for whom a trusted issuer vouches, renewed and ended by their bearers, listed and ended by
//! those who administer.

use std::net::SocketAddr;
use std::sync::Arc;

use super::call::Call;
use super::clock::now;
use super::context::Context;
use super::error::Error;
use super::gate::Kms;
use super::list::{CHUNK, Sheet};
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

/// What the audit log calls a token.
fn object(id: &str) -> String {
    format!("token/{id}")
}

impl Kms {
    /// Issues a token to somebody for whom a trusted issuer vouched just now. The request is known by its id, address and ticket.
    ///
    /// # Errors
    /// Store, HSM or audit log are away.
    pub fn issue_token(
        &self,
        (request, peer, ticket): (&str, SocketAddr, &Ticket),
        new: &NewToken,
    ) -> Result<Issued, Error> {
        let id = AccessTokens::new_id()?;
        let method = Method::AccessToken { id: Arc::from(id.as_str()), by: Arc::from(new.vouched.as_str()) };
        let caller = Caller { username: new.subject.clone(), method, narrowing: None, role: None };
        let call = Call::new(&Context { caller: &caller, request, peer, ticket }, Operation::IssueToken);
        self.recorded(&call, || {
            let object = object(&id);
            call.trail.permitted(Action::AccessToken, Some(&object), Rule::Vouched);
            let record = call.change(Action::AccessToken, &object, 1);
            let ending = Call::new(&call.context, Operation::RevokeToken);
            ending.describe("the oldest of as many as an identity may have ends for a new one".to_owned());
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

    /// Has the token of the caller last longer. It was checked when the caller was.
    ///
    /// # Errors
    /// The caller has none, or it can live no longer, or store, HSM or audit log are away.
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

    /// Ends the token of the caller.
    ///
    /// # Errors
    /// The caller has none, or store, HSM or audit log are away.
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

    /// Ends anybody's token.
    ///
    /// # Errors
    /// The caller does not administer, there is no such token, or store, HSM or audit log are away.
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

    /// Fills a page with tokens that have not ended, of one identity or of all, by their identifiers, after `after`. A row that is
    /// not what was written is left out.
    ///
    /// # Errors
    /// The caller does not administer, or store or HSM are away.
    pub fn tokens(
        &self,
        context: &Context<'_>,
        subject: Option<&str>,
        after: &str,
        sheet: &mut Sheet<'_, AccessToken>,
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

    /// Has new tokens signed by a new key; returns its key id.
    ///
    /// # Errors
    /// The caller does not administer, or store, HSM or audit log are away, or live tokens need too many keys.
    pub fn rotate_token_key(&self, context: &Context<'_>) -> Result<String, Error> {
        let call = Call::new(context, Operation::RotateTokenKey);
        self.recorded(&call, || Ok(self.authorize_administration(&call)?.access_tokens().rotate(now())?))
    }
}

/// The caller's own token, and what the audit log calls it.
fn own<'a>(call: &Call<'a>) -> Result<(&'a str, String), Error> {
    match &call.caller().method {
        Method::AccessToken { id, .. } => Ok((id, object(id))),
        _ => Err(Error::NoAccessToken),
    }
}
