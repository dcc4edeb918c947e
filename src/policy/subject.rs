//! Subjects: users together with the authentication method that they must use.

use std::fmt;
use std::sync::Arc;

use super::fault::{Fault, MAX_PARTS, check_count};
use crate::principal::{Caller, Method, Username, UsernameError, is_exchanged};

/// The callers that an entry of the configuration names. A name without a prefix means a client certificate: an issuer
/// of JWTs chooses the names in them, and must not be able to make its users administrators.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Subject {
    /// `NAME`, or `certificate:NAME`: the bearer of a client certificate of that name.
    Certificate(Box<str>),
    /// `jwt:ISSUER#NAME`: the bearer of a JWT of that issuer.
    Jwt {
        /// The issuer, as in `iss`.
        issuer: Box<str>,
        /// The user name.
        name: Box<str>,
    },
    /// `identity:ID` or `host/ID`: the bearer of an access token of this server.
    Exchanged(Box<str>),
    /// `api-token`: the bearer of the API token.
    ApiToken,
    /// `unauthenticated`: every caller, if the server runs without authentication.
    Unauthenticated,
    /// `role:NAME`: the users to whom the configuration gives this role.
    Role(Box<str>),
    /// `*`: every authenticated caller.
    Everyone,
}

/// The reason why a text is not a subject.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SubjectError {
    /// The part that should be a user name is not one.
    #[error("{0:?} is not a user name: {1}")]
    Username(String, UsernameError),
    /// `jwt:` is not followed by an issuer and a name.
    #[error("a JWT's user is written jwt:ISSUER#NAME")]
    Jwt,
    /// `role:` is not followed by a role.
    #[error("a role is written role:NAME")]
    Role,
    /// The text is too long.
    #[error("it is longer than {MAX_SUBJECT} bytes")]
    TooLong,
}

/// The longest subject, in bytes: an issuer and a user name.
const MAX_SUBJECT: usize = 1024;

impl Subject {
    /// Parses `NAME`, `certificate:NAME`, `jwt:ISSUER#NAME`, `identity:ID`, `host/ID`, `api-token`, `unauthenticated`,
    /// `role:NAME` or `*`.
    ///
    /// # Errors
    /// See [`SubjectError`].
    pub fn parse(text: &str) -> Result<Self, SubjectError> {
        let name = |name: &str| match Username::new(name) {
            Ok(_) => Ok(Box::from(name)),
            Err(error) => Err(SubjectError::Username(name.to_owned(), error)),
        };
        if text.len() > MAX_SUBJECT {
            return Err(SubjectError::TooLong);
        }
        if let Some(rest) = text.strip_prefix("jwt:") {
            // An issuer cannot contain a fragment (OpenID Connect Core section 2), but a user name can contain `#`.
            let (issuer, user) = rest.split_once('#').ok_or(SubjectError::Jwt)?;
            if issuer.is_empty() || user.is_empty() {
                return Err(SubjectError::Jwt);
            }
            return Ok(Self::Jwt { issuer: Box::from(issuer), name: name(user)? });
        }
        if let Some(role) = text.strip_prefix("role:") {
            return if role.is_empty() { Err(SubjectError::Role) } else { Ok(Self::Role(Box::from(role))) };
        }
        Ok(match text {
            "*" => Self::Everyone,
            "api-token" => Self::ApiToken,
            "unauthenticated" => Self::Unauthenticated,
            text if is_exchanged(text) => match Username::exchanged(text) {
                Ok(_) => Self::Exchanged(Box::from(text)),
                Err(error) => return Err(SubjectError::Username(text.to_owned(), error)),
            },
            text => Self::Certificate(name(text.strip_prefix("certificate:").unwrap_or(text))?),
        })
    }

    /// Returns the subject of a caller, from their user name and authentication method.
    #[must_use]
    pub fn of(caller: &Caller) -> Self {
        let name = || Box::from(caller.username.as_str());
        match &caller.method {
            Method::Certificate { .. } => Self::Certificate(name()),
            Method::Jwt { issuer, .. } => Self::Jwt { issuer: Box::from(&**issuer), name: name() },
            Method::ApiToken => Self::ApiToken,
            Method::AccessToken { .. } | Method::ApiKey { .. } => Self::Exchanged(name()),
            Method::Default => Self::Unauthenticated,
        }
    }
}

impl Subject {
    /// The user name; `None` for subjects without one.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Certificate(name) | Self::Jwt { name, .. } | Self::Exchanged(name) => Some(name),
            Self::ApiToken | Self::Unauthenticated | Self::Role(_) | Self::Everyone => None,
        }
    }

    /// The authentication method of the subject, without the properties of one credential; `None` for subjects that are
    /// several users.
    #[must_use]
    pub fn method(&self) -> Option<Method> {
        match self {
            Self::Certificate(_) => Some(Method::Certificate { thumbprint: [0; 32] }),
            Self::Jwt { issuer, .. } => Some(Method::Jwt { issuer: Arc::from(&**issuer), table: None }),
            Self::Exchanged(_) => Some(Method::AccessToken { id: Arc::from(""), by: Arc::from("") }),
            Self::ApiToken => Some(Method::ApiToken),
            Self::Unauthenticated => Some(Method::Default),
            Self::Role(_) | Self::Everyone => None,
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Certificate(name) if Self::parse(name).as_ref() == Ok(self) => f.write_str(name),
            Self::Certificate(name) => write!(f, "certificate:{name}"),
            Self::Jwt { issuer, name } => write!(f, "jwt:{issuer}#{name}"),
            Self::Exchanged(name) => f.write_str(name),
            Self::ApiToken => f.write_str("api-token"),
            Self::Unauthenticated => f.write_str("unauthenticated"),
            Self::Role(role) => write!(f, "role:{role}"),
            Self::Everyone => f.write_str("*"),
        }
    }
}

/// Parses a list of subjects in the policy file; `key` is the key of the list.
pub(super) fn subjects(key: &str, texts: Option<&[String]>) -> Result<Option<Vec<Subject>>, Fault> {
    let Some(texts) = texts else { return Ok(None) };
    check_count(&[key], texts.len(), MAX_PARTS)?;
    let parse = |text: &String| Subject::parse(text).map_err(|error| Fault::at(&[key], format!("{text:?}: {error}")));
    texts.iter().map(parse).collect::<Result<_, _>>().map(Some)
}

/// Parses the subject of a user or member, to whom a role is given. It cannot be a role.
pub(super) fn person(path: &[&str], text: &str) -> Result<Subject, Fault> {
    match Subject::parse(text) {
        Ok(Subject::Role(_)) => Err(Fault::at(path, "a role has no role: name its users")),
        Ok(Subject::Everyone) if path.first() == Some(&"users") => {
            Err(Fault::at(path, "`*` cannot have a role of its own: make it a member of a project"))
        }
        Ok(subject) => Ok(subject),
        Err(error) => Err(Fault::at(path, error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_what_is_read() {
        for text in [
            "alice",
            "jwt:https://issuer.example/#bob@example.com",
            "jwt:i#a#b",
            "api-token",
            "role:ops",
            "*",
            "identity:1",
            "host/db",
        ] {
            assert_eq!(Subject::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(Subject::parse("certificate:alice").unwrap().to_string(), "alice");
    }

    #[test]
    fn what_names_nobody_is_refused() {
        for text in [
            "",
            " alice",
            "jwt:",
            "jwt:issuer",
            "jwt:#bob",
            "jwt:i#",
            "role:",
            "certificate:*",
            "certificate:host/db",
            "certificate:api-token",
            "certificate:role:ops",
            "jwt:i#certificate:bob",
            "host/",
        ] {
            assert!(Subject::parse(text).is_err(), "{text:?}");
        }
    }
}
