//! What can be wrong with access tokens.

use crate::auth::jws::JwsError;
use crate::custody::{self, RootError};
use crate::store;
use crate::turns::Crowded;

/// Why an access token is refused. This goes to the log only; the caller gets no reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AccessTokenFault {
    /// Signature or form.
    #[error("{0}")]
    Jws(#[from] JwsError),
    /// What it says is not what was issued.
    #[error("its claims are not those of a token that was issued")]
    Claims,
    /// There is no row, or none that can be believed.
    #[error("it is not known")]
    Unknown,
    /// Past its end.
    #[error("it has expired")]
    Expired,
    /// Ended before its time.
    #[error("it was revoked")]
    Revoked,
    /// No use left.
    #[error("it was used as often as it may be")]
    Spent,
    /// Another address.
    #[error("it may not be used from this address")]
    Address,
    /// Bound to another certificate than the connection's (RFC 8705 section 3).
    #[error("it is bound to another client certificate")]
    Certificate,
    /// Its identity, or the trust by which it was issued, is no longer there.
    #[error("what it was issued by is no longer there")]
    Standing,
}

/// Why tokens cannot be issued, looked at or changed now.
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
    /// The token is not good.
    #[error("{0}")]
    Fault(#[from] AccessTokenFault),
    /// There is no such token.
    #[error("there is no access token {0:?}")]
    NotFound(String),
    /// An identity has as many as it may, and none of them could be ended.
    #[error("the identity has {0} live access tokens: revoke some")]
    TooMany(i64),
    /// Too many changes of one token, or logins of one identity, wait for each other.
    #[error("access tokens: {0}")]
    Crowded(#[from] Crowded),
}
