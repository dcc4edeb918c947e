//! Why the claims of a JWT are refused.

use crate::principal::UsernameError;
use crate::text::Part;

/// The most of a role's name that an error quotes, in bytes.
const MAX_ROLE: usize = 128;

/// The name of a role as a message tells it.
fn quoted(role: &str) -> String {
    Part(format_args!("{role:?}"), MAX_ROLE).to_string()
}

/// Why claims are refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClaimsError {
    /// The payload is no JSON object without repeated members.
    #[error("its payload is not a set of claims")]
    Malformed,
    /// A claim that must be there is not, or has another type.
    #[error("its claim `{0}` is missing or has the wrong type")]
    Claim(String),
    /// Past `exp`.
    #[error("it has expired")]
    Expired,
    /// Before `nbf`, or `iat` is in the future.
    #[error("it is not valid yet")]
    NotYet,
    /// Another `aud`.
    #[error("its audience is another")]
    Audience,
    /// Another `iss`.
    #[error("its issuer is another")]
    Issuer,
    /// Another `sub`.
    #[error("its subject is another")]
    Subject,
    /// A claim that is bound to a value is missing.
    #[error("its claim `{0}`, which is bound to a value, is missing")]
    Lacking(String),
    /// A claim that is bound to a value has another.
    #[error("its claim `{0}` is not the value that it is bound to")]
    Bound(String),
    /// No role, or several, or no text.
    #[error("its claim of roles does not hold exactly one role")]
    NotOneRole,
    /// A role that is not defined.
    #[error("its role {role} is not defined: define [roles.NAME] in the IAM file", role = quoted(.0))]
    NoSuchRole(String),
    /// A role that is defined, and not allowed to this issuer.
    #[error("its role {role} is not among the allowed_roles of its table", role = quoted(.0))]
    Role(String),
    /// `email` names the user and is not known to be theirs.
    #[error("its e-mail address is not verified")]
    EmailNotVerified,
    /// The claim that names the user holds no user name.
    #[error("it names no user: {0}")]
    Username(#[from] UsernameError),
    /// The name begins with the prefix of another issuer or of an authority.
    #[error("its user name begins with the prefix of another issuer or authority")]
    ForeignPrefix,
    /// A token must not become the user whom the API token stands for.
    #[error("it names the default user")]
    DefaultUser,
}
