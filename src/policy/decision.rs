//! The outcome of a decision, and the rule that decided.

use std::fmt;

use super::action::{Action, Capability};
use super::grants::Grantee;
use super::subject::Subject;

/// The reason why an action is allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rule {
    /// The caller owns the object.
    Owner,
    /// The owner granted the action to this grantee.
    Grant(Grantee),
    /// The caller's role in the project that holds the object allows the action.
    Member {
        /// The project.
        project: String,
        /// The role in the project.
        role: String,
        /// The policy of the role.
        policy: String,
    },
    /// The caller's own role allows the action, and the object is in a project.
    Role {
        /// The role.
        role: String,
        /// The policy of the role.
        policy: String,
    },
    /// Every authenticated caller may do it.
    Everyone,
    /// The configuration names the caller.
    Named(Subject),
    /// The caller is an exchanged identity whose organization role is admin.
    Administrator,
    /// A trusted issuer vouches for the caller, or the caller has a client secret or API key of the server.
    Vouched,
    /// No authentication is configured and no administrator is named: the default user may do everything.
    DefaultMode,
    /// The owner offered the object to the caller.
    Offered,
}

/// The reason why an action is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The caller does not own the object, and no grant or role gives access to it.
    Nothing,
    /// The credential is limited to other projects, operations or properties.
    Narrowed(&'static str),
    /// The caller's role, or the role that the credential is limited to, is not defined.
    UnknownRole(String),
    /// The project does not exist, or no role there lets the caller add objects.
    UnknownProject,
    /// The secret belongs to this project, which is not defined.
    NoProject(String),
    /// The caller is a host, and the secret belongs to another account.
    OtherAccount,
    /// The role does not have the capability.
    Capability {
        /// The role.
        role: String,
        /// The capability that the role lacks; `None` for an action that no role can include.
        capability: Option<Capability>,
    },
    /// A policy of the role denies it.
    Policy {
        /// The role.
        role: String,
        /// The policy.
        policy: String,
    },
    /// No policy of the role allows it.
    Silent {
        /// The role.
        role: String,
    },
    /// The configuration does not name the caller.
    NotNamed,
    /// The organization role of the identity is no-access.
    NoAccess,
    /// The caller would grant an action that they may not do themselves.
    NotOwn(Action),
    /// The object is not offered to the caller.
    NotOffered,
    /// The caller would become the owner by their own approval of a recovery.
    Beneficiary,
}

/// The outcome of a decision.
pub type Decision = Result<Rule, Refusal>;

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Owner => f.write_str("the caller owns the object"),
            Self::Grant(to) => write!(f, "the owner granted it to {to}"),
            Self::Member { project, role, policy } => {
                write!(f, "policy {policy:?} of the role {role:?} that the caller has in the project {project:?}")
            }
            Self::Role { role, policy } => write!(f, "policy {policy:?} of the caller's role {role:?}"),
            Self::Everyone => f.write_str("every authenticated caller may"),
            Self::Named(subject) => write!(f, "the configuration names {subject}"),
            Self::Administrator => f.write_str("the identity's own role is admin"),
            Self::Vouched => f.write_str("a trusted issuer vouches for it, or a client secret or API key"),
            Self::DefaultMode => f.write_str("no authentication is configured, and no one is named"),
            Self::Offered => f.write_str("the owner offered it to the caller"),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("the caller does not own it, and neither grant nor project gives it"),
            Self::Narrowed(to) => write!(f, "the credential is limited to other {to}"),
            Self::UnknownRole(role) => write!(f, "the role {role:?} is not defined"),
            Self::UnknownProject => {
                f.write_str("there is no such project, or no role there lets the caller add objects")
            }
            Self::NoProject(name) => write!(f, "the project {name:?}, which decides about the secret, is not defined"),
            Self::OtherAccount => f.write_str("a host reaches the secrets of its own account only"),
            Self::Capability { role, capability: Some(capability) } => {
                write!(f, "the role {role:?} lacks the capability {capability:?}", capability = capability.word())
            }
            Self::Capability { role, capability: None } => write!(f, "the role {role:?} cannot permit it: no role can"),
            Self::Policy { role, policy } => write!(f, "policy {policy:?} of the role {role:?} denies it"),
            Self::Silent { role } => write!(f, "no policy of the role {role:?} allows it"),
            Self::NotOwn(action) => write!(f, "the caller may not {action}, and so cannot grant it"),
            Self::NoAccess => f.write_str("the identity's own role is no-access, and no project gives it"),
            Self::NotNamed => f.write_str("the configuration does not name the caller for it"),
            Self::NotOffered => f.write_str("it is not offered to the caller"),
            Self::Beneficiary => f.write_str("the caller would become the owner, and others have to decide that"),
        }
    }
}
