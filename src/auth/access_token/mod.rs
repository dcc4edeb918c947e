//! Access tokens: short-lived JWSs that the server itself signs by a key in the HSM (RFC 7515, RFC 9068), for callers for whom
//! a trusted issuer vouches.
//!
//! A token is a row as well: what it may do is in the row, and each use looks at it. So this is one of the places beside the
//! gate that read the store: rows of tokens, and no others.

mod binding;
mod error;
mod issuing;
mod live;
mod own_keys;
mod tokens;
mod writing;

pub use error::{AccessTokenError, AccessTokenFault};
pub use issuing::{Issued, NewToken};
pub use live::Bearer;
pub(super) use live::Live;
pub use own_keys::OwnKey;
pub(super) use tokens::Span;
pub use tokens::{AccessTokens, LONGEST_READ};
