//! Access tokens: short-lived JWSs that the server signs with a key in the HSM (RFC 7515, RFC 9068), for callers for
//! whom a trusted issuer vouches.
//!
//! Each access token has a row, which holds its rights, and each use checks it. So this module is one of the places
//! outside the gate that read the store, but only the rows of access tokens.

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
