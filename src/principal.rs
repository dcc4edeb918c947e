//! Who is calling: user names and the proof behind them.

use std::fmt;
use std::sync::Arc;

use unicode_normalization::is_nfc;

use crate::kmip::enumerations::Operation;
use crate::text::is_unprintable;

/// The longest user name, in bytes of UTF-8.
pub const MAX_USERNAME: usize = 255;

/// Begins the `iss` of our own access tokens; the identifier of the database follows. No other issuer may bear such a name.
pub const OWN_ISSUER: &str = "urn:claviger:";

/// Prefixes kept for exchanged identities; no other proof may yield them.
const RESERVED_PREFIXES: [&str; 2] = ["identity:", "host/"];

/// A user name: 1 to 255 bytes of printable UTF-8 in NFC, compared byte for byte.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Username(Arc<str>);

/// Why a text is no user name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UsernameError {
    /// Nothing but white space, or nothing at all.
    #[error("it is empty or blank")]
    Blank,
    /// Over [`MAX_USERNAME`] bytes.
    #[error("it is longer than {MAX_USERNAME} bytes")]
    TooLong,
    /// `*` means everyone.
    #[error("`*` is not a user")]
    Wildcard,
    /// White space at an end is invisible in every log and list.
    #[error("it begins or ends with white space")]
    OuterSpace,
    /// Control, bidirectional or zero-width characters make two names look alike.
    #[error("it holds a control, bidirectional or invisible character")]
    Unprintable,
    /// Two spellings of one name would be two users.
    #[error("it is not in Unicode normalization form C")]
    NotNormalized,
    /// `identity:` and `host/` belong to exchanged identities.
    #[error("names that begin with `identity:` or `host/` are reserved")]
    Reserved,
    /// A name that anybody else could bear.
    #[error("an exchanged identity is written `identity:ID` or `host/ID`")]
    NotExchanged,
}

impl Username {
    /// Accepts a name proved by a certificate, a JWT or the configuration.
    ///
    /// # Errors
    /// Whatever [`UsernameError`] lists.
    pub fn new(name: &str) -> Result<Self, UsernameError> {
        if name.trim().is_empty() {
            return Err(UsernameError::Blank);
        }
        if name.len() > MAX_USERNAME {
            return Err(UsernameError::TooLong);
        }
        if name == "*" {
            return Err(UsernameError::Wildcard);
        }
        if name.trim() != name {
            return Err(UsernameError::OuterSpace);
        }
        if name.chars().any(is_unprintable) {
            return Err(UsernameError::Unprintable);
        }
        if !is_nfc(name) {
            return Err(UsernameError::NotNormalized);
        }
        if is_exchanged(name) {
            return Err(UsernameError::Reserved);
        }
        Ok(Self(Arc::from(name)))
    }

    /// Accepts the name of an exchanged identity: `identity:` or `host/`, and what follows obeys the rules of all names.
    ///
    /// # Errors
    /// Whatever [`UsernameError`] lists; [`UsernameError::NotExchanged`] for other names.
    pub fn exchanged(name: &str) -> Result<Self, UsernameError> {
        let rest = RESERVED_PREFIXES.iter().find_map(|prefix| name.strip_prefix(prefix));
        Self::new(rest.ok_or(UsernameError::NotExchanged)?)?;
        if name.len() > MAX_USERNAME { Err(UsernameError::TooLong) } else { Ok(Self(Arc::from(name))) }
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Username {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Username {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// Whether the name belongs to an exchanged identity, whatever else is wrong with it.
#[must_use]
pub fn is_exchanged(name: &str) -> bool {
    RESERVED_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// How a caller proved who they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Method {
    /// A client certificate; its SHA-256 thumbprint (RFC 8705 section 3.1 without the base64url).
    Certificate {
        /// SHA-256 of the certificate's DER.
        thumbprint: [u8; 32],
    },
    /// A JWT of this issuer.
    Jwt {
        /// Its `iss`.
        issuer: Arc<str>,
        /// The idps table by which it is trusted, if it is by one.
        table: Option<Arc<str>>,
    },
    /// The API token.
    ApiToken,
    /// An access token of ours, which a JWT of a trusted issuer bought.
    AccessToken {
        /// Its identifier, which is no secret.
        id: Arc<str>,
        /// What vouched for its bearer, for the log.
        by: Arc<str>,
    },
    /// The API key of a host, which can be changed by it and nothing else.
    ApiKey {
        /// The host's account.
        account: Arc<str>,
    },
    /// Nothing: no authentication is configured.
    Default,
}

impl Method {
    /// The word that `/whoami` and the log use.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Certificate { .. } => "certificate",
            Self::Jwt { .. } => "jwt",
            Self::ApiToken => "api-token",
            Self::AccessToken { .. } => "access-token",
            Self::ApiKey { .. } => "api-key",
            Self::Default => "default",
        }
    }
}

/// What a credential lets its bearer touch at most. It takes away and never gives: whoever issues credentials may limit
/// them, and needs no trust for that.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Narrowing {
    /// Only what this role permits.
    pub role: Option<String>,
    /// Only objects of these projects.
    pub projects: Option<Vec<String>>,
    /// Only these operations, by KMIP's names.
    pub operations: Option<Vec<Operation>>,
    /// Only objects that carry each of these properties with one of the values.
    pub properties: Vec<(String, Vec<String>)>,
}

/// Who is calling and how it was proved: an argument of every service method.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The user that the request runs as.
    pub username: Username,
    /// The proof that was checked.
    pub method: Method,
    /// What the credential takes away from what the user may do.
    pub narrowing: Option<Arc<Narrowing>>,
    /// The role that the credential gives, where its issuer is trusted to. It stands in the place of the one that the
    /// configuration gives, but makes nobody an administrator or a creator.
    pub role: Option<Arc<str>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_look_alike_or_hide_something_are_refused() {
        for (name, fault) in [
            ("", UsernameError::Blank),
            (" \t", UsernameError::Blank),
            ("*", UsernameError::Wildcard),
            (" alice", UsernameError::OuterSpace),
            ("ali\0ce", UsernameError::Unprintable),
            ("ali\u{202E}ce", UsernameError::Unprintable),
            ("ali\u{200B}ce", UsernameError::Unprintable),
            ("alice\u{E0001}", UsernameError::Unprintable),
            ("jose\u{301}", UsernameError::NotNormalized),
            ("identity:1", UsernameError::Reserved),
            ("host/db", UsernameError::Reserved),
        ] {
            assert_eq!(Username::new(name).unwrap_err(), fault, "{name:?}");
        }
        assert_eq!(Username::new(&"x".repeat(256)), Err(UsernameError::TooLong));
        for (name, fault) in [
            ("identity:", UsernameError::Blank),
            ("host/*", UsernameError::Wildcard),
            ("identity:host/1", UsernameError::Reserved),
            ("alice", UsernameError::NotExchanged),
        ] {
            assert_eq!(Username::exchanged(name).unwrap_err(), fault, "{name:?}");
        }
        assert_eq!(Username::exchanged("host/apps/db").unwrap().as_str(), "host/apps/db");
        for name in ["alice", "jos\u{e9}", "a b", "spiffe://x/y", "*.example.com", "名前"] {
            assert_eq!(Username::new(name).unwrap().as_str(), name);
        }
    }
}
