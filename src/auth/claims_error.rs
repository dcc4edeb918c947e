//! The reasons for which the claims of a JWT are refused.

use crate::principal::UsernameError;
use crate::text::Part;

/// The maximum length of a role's name in an error, in bytes.
const MAX_ROLE: usize = 128;

/// Formats the name of a role for a message.
fn quoted(role: &str) -> String {
    Part(format_args!("{role:?}"), MAX_ROLE).to_string()
}

/// The reason for which claims are refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClaimsError {
    /// The payload is not a JSON object without repeated members.
    #[error("its payload is not a set of claims")]
    Malformed,
    /// A required claim is missing, or has another type.
    #[error("its claim `{0}` is missing or has the wrong type")]
    Claim(String),
    /// The token is past its `exp`.
    #[error("it has expired")]
    Expired,
    /// The token is before its `nbf`, or `iat` is in the future.
    #[error("it is not valid yet")]
    NotYet,
    /// `aud` is not an expected audience.
    #[error("its audience is not the expected one")]
    Audience,
    /// `iss` is not the expected issuer.
    #[error("its issuer is not the expected one")]
    Issuer,
    /// `sub` is not the expected subject.
    #[error("its subject is not the expected one")]
    Subject,
    /// A claim that is bound to a value is missing.
    #[error("its claim `{0}`, which is bound to a value, is missing")]
    Lacking(String),
    /// A claim that is bound to a value has another value.
    #[error("its claim `{0}` is not the value that it is bound to")]
    Bound(String),
    /// The claim has no role, several roles, or is not a text.
    #[error("its roles claim does not contain exactly one role")]
    NotOneRole,
    /// The role is not defined.
    #[error("its role {role} is not defined: define [roles.NAME] in the IAM file", role = quoted(.0))]
    NoSuchRole(String),
    /// The role is defined, but not allowed for this issuer.
    #[error("its role {role} is not among the allowed_roles of its table", role = quoted(.0))]
    Role(String),
    /// `email` names the user, and the address is not verified.
    #[error("its e-mail address is not verified")]
    EmailNotVerified,
    /// The claim that names the user does not contain a user name.
    #[error("it names no user: {0}")]
    Username(#[from] UsernameError),
    /// The name begins with the prefix of another issuer or of an authority.
    #[error("its user name begins with the prefix of another issuer or authority")]
    ForeignPrefix,
    /// A token must not name the default user, as whom the API token authenticates.
    #[error("it names the default user")]
    DefaultUser,
}
