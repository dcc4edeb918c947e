//! The reasons why a host is refused, by the codes of Conjur's log.

use std::fmt;

use crate::auth::{ClaimsError, Unauthenticated};

/// A code and its meaning in this server. It contains nothing of what the caller sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The code.
    pub code: &'static str,
    reason: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.code, self.reason)
    }
}

impl Fault {
    /// A fault with this code.
    #[must_use]
    pub fn new(code: &'static str, reason: impl Into<String>) -> Self {
        Self { code, reason: reason.into() }
    }

    /// There is no such authenticator.
    #[must_use]
    pub fn no_authenticator() -> Self {
        Self::new("CONJ00005E", "there is no such authenticator, or it is switched off")
    }

    /// The host may not use the authenticator.
    #[must_use]
    pub fn no_privilege() -> Self {
        Self::new("CONJ00006E", "the host may not use the authenticator")
    }

    /// The account has no such host.
    #[must_use]
    pub fn no_host() -> Self {
        Self::new("CONJ00007E", "there is no such host in the account")
    }

    /// The body of the request holds no JWT.
    #[must_use]
    pub fn no_token() -> Self {
        Self::new("CONJ00077E", "the body holds no JWT")
    }
}

impl From<&Unauthenticated> for Fault {
    fn from(reason: &Unauthenticated) -> Self {
        let code = match reason {
            Unauthenticated::Claims(ClaimsError::Expired) => "CONJ00016E",
            Unauthenticated::Claims(ClaimsError::Claim(_)) => "CONJ00091E",
            Unauthenticated::Claims(ClaimsError::Lacking(_)) => "CONJ00084E",
            Unauthenticated::Claims(ClaimsError::Bound(_)) => "CONJ00049E",
            Unauthenticated::NoKeys | Unauthenticated::TooManyFetches => "CONJ00087E",
            _ => "CONJ00035E",
        };
        Self::new(code, reason.to_string())
    }
}
