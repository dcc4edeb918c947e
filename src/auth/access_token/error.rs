//! Errors of access tokens.

use crate::auth::jws::JwsError;
use crate::custody::{self, RootError};
use crate::store;
use crate::turns::Crowded;

/// The reason for which an access token is refused. It is only logged; the caller does not receive it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AccessTokenFault {
    /// The signature or the form is wrong.
    #[error("{0}")]
    Jws(#[from] JwsError),
    /// The claims are not those that were issued.
    #[error("its claims are not those of a token that was issued")]
    Claims,
    /// The token has no row, or its row has no valid binding.
    #[error("it is not known")]
    Unknown,
    /// The token is past its end.
    #[error("it has expired")]
    Expired,
    /// The token was revoked, or ended by a later login.
    #[error("it was revoked")]
    Revoked,
    /// The token has no use left.
    #[error("it was used as often as it may be")]
    Spent,
    /// The token may not be used from this address.
    #[error("it may not be used from this address")]
    Address,
    /// The token is bound to another certificate than that of the connection (RFC 8705 section 3).
    #[error("it is bound to another client certificate")]
    Certificate,
    /// The identity of the token, or the trust by which it was issued, no longer exists.
    #[error("the identity or the trust that it was issued by no longer exists")]
    Standing,
}

/// The reason for which access tokens cannot be issued, read or changed.
#[derive(Debug, thiserror::Error)]
pub enum AccessTokenError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The HSM failed.
    #[error(transparent)]
    Custody(#[from] custody::Error),
    /// A new signing key could not be made.
    #[error(transparent)]
    Root(#[from] RootError),
    /// OpenSSL failed.
    #[error("OpenSSL: {0}")]
    OpenSsl(#[from] openssl::error::ErrorStack),
    /// The token is not valid.
    #[error("{0}")]
    Fault(#[from] AccessTokenFault),
    /// There is no such token.
    #[error("there is no access token {0:?}")]
    NotFound(String),
    /// The identity has the maximum number of live tokens, and none of them could be ended.
    #[error("the identity has {0} live access tokens: revoke some")]
    TooMany(i64),
    /// Too many changes of one token, or too many logins of one identity, wait for each other.
    #[error("access tokens: {0}")]
    Crowded(#[from] Crowded),
}
