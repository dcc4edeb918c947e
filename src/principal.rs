//! Callers: user names and authentication methods.

use std::fmt;
use std::sync::Arc;

use unicode_normalization::is_nfc;

use crate::kmip::enumerations::Operation;
use crate::text::is_unprintable;

/// The longest user name, in bytes of UTF-8.
pub const MAX_USERNAME: usize = 255;

/// The beginning of the `iss` of the server's own access tokens; the identifier of the database follows. No other
/// issuer may have such a name.
pub const OWN_ISSUER: &str = "urn:claviger:";

/// The prefixes of the names of exchanged identities. Other authentication methods cannot yield such names.
const RESERVED_PREFIXES: [&str; 2] = ["identity:", "host/"];

/// The prefixes by which the configuration names principals that are not users of that name.
const PRINCIPAL_PREFIXES: [&str; 3] = ["certificate:", "jwt:", "role:"];

/// The principals that the configuration names by a word.
const PRINCIPALS: [&str; 2] = ["api-token", "unauthenticated"];

/// A user name: 1 to 255 bytes of printable UTF-8 in NFC, compared byte for byte.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Username(Arc<str>);

/// The reason why a text is not a user name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UsernameError {
    /// It is empty or consists of white space.
    #[error("it is empty or blank")]
    Blank,
    /// It is longer than [`MAX_USERNAME`] bytes.
    #[error("it is longer than {MAX_USERNAME} bytes")]
    TooLong,
    /// It is `*`, which means everyone.
    #[error("`*` is not a user")]
    Wildcard,
    /// It begins or ends with white space, which would be invisible in logs and lists.
    #[error("it begins or ends with white space")]
    OuterSpace,
    /// It contains a control, bidirectional or zero-width character, which can make two names look alike.
    #[error("it holds a control, bidirectional or invisible character")]
    Unprintable,
    /// It is not in NFC. Two spellings of one name would be two users.
    #[error("it is not in Unicode normalization form C")]
    NotNormalized,
    /// It begins with `identity:` or `host/`, which are reserved for exchanged identities.
    #[error("names that begin with `identity:` or `host/` are reserved")]
    Reserved,
    /// It is how the configuration names a principal. A user of such a name could be taken for that principal.
    #[error(
        "`api-token`, `unauthenticated` and names that begin with `certificate:`, `jwt:` or `role:` are reserved for principals \
         of the configuration"
    )]
    Principal,
    /// It is not the name of an exchanged identity.
    #[error("the name of an exchanged identity must be `identity:ID` or `host/ID`")]
    NotExchanged,
}

impl Username {
    /// Checks a name from a certificate, a JWT or the configuration.
    ///
    /// # Errors
    /// See [`UsernameError`].
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
        if is_principal(name) {
            return Err(UsernameError::Principal);
        }
        Ok(Self(Arc::from(name)))
    }

    /// Checks the name of an exchanged identity: `identity:` or `host/`, and a text that obeys the rules of all user
    /// names.
    ///
    /// # Errors
    /// See [`UsernameError`]; [`UsernameError::NotExchanged`] for other names.
    pub fn exchanged(name: &str) -> Result<Self, UsernameError> {
        let rest = RESERVED_PREFIXES.iter().find_map(|prefix| name.strip_prefix(prefix));
        match Self::new(rest.ok_or(UsernameError::NotExchanged)?) {
            // The prefix is there, so it is no principal of the configuration.
            Ok(_) | Err(UsernameError::Principal) => {}
            Err(error) => return Err(error),
        }
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

/// Whether the name is how the configuration names a principal, and not a user name.
#[must_use]
pub fn is_principal(name: &str) -> bool {
    PRINCIPALS.contains(&name) || PRINCIPAL_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// Whether the name begins like that of an exchanged identity. It is not checked further.
#[must_use]
pub fn is_exchanged(name: &str) -> bool {
    RESERVED_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// The authentication method of a caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Method {
    /// A client certificate.
    Certificate {
        /// The SHA-256 of the certificate's DER (RFC 8705 section 3.1, without the base64url).
        thumbprint: [u8; 32],
    },
    /// A JWT of this issuer.
    Jwt {
        /// The issuer, as in `iss`.
        issuer: Arc<str>,
        /// The `idps` table by which the issuer is trusted; `None` if it is trusted in another way.
        table: Option<Arc<str>>,
    },
    /// The API token.
    ApiToken,
    /// An access token of this server.
    AccessToken {
        /// The identifier of the access token, which is not secret.
        id: Arc<str>,
        /// The credential or issuer for which the server issued the access token, for the log.
        by: Arc<str>,
    },
    /// The API key of a host. It permits only logging in and changing the key.
    ApiKey {
        /// The account of the host.
        account: Arc<str>,
    },
    /// None: no authentication is configured.
    Default,
}

impl Method {
    /// The name of the method in `/whoami` and the audit log.
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

/// The limits of a credential. They only restrict what its bearer may do and never permit more, so every issuer may set
/// them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Narrowing {
    /// Only what this role permits.
    pub role: Option<String>,
    /// Only objects of these projects.
    pub projects: Option<Vec<String>>,
    /// Only these operations, by KMIP's names.
    pub operations: Option<Vec<Operation>>,
    /// Only objects that have, for each of these properties, one of the values.
    pub properties: Vec<(String, Vec<String>)>,
}

/// A caller: the user and the authentication method. Every service method takes it as an argument.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The user that the request runs as.
    pub username: Username,
    /// The authentication method.
    pub method: Method,
    /// The limits of the credential.
    pub narrowing: Option<Arc<Narrowing>>,
    /// The role from the credential, if its issuer may give roles. It replaces the role from the configuration. It is
    /// not considered when the configuration names a role as administrator or creator.
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
            ("certificate:bob", UsernameError::Principal),
            ("jwt:https://issuer.example/#bob", UsernameError::Principal),
            ("role:lead", UsernameError::Principal),
            ("api-token", UsernameError::Principal),
            ("unauthenticated", UsernameError::Principal),
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
