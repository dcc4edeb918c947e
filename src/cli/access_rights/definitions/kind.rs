//! The kinds of definitions.

/// A kind of definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Kind {
    /// Capabilities and policies under one name
    Roles,
    /// What is allowed or denied
    Policies,
    /// The role of a user
    Users,
    /// What holds objects, with its members
    Projects,
    /// Applications that log in by JWTs or client secrets, as Infisical has them
    Identities,
    /// Issuers that vouch for hosts, as Conjur has them
    Authenticators,
    /// Applications, as Conjur has them
    Hosts,
}

impl Kind {
    /// Where the server has the definitions of this kind.
    pub(super) fn path(self) -> &'static str {
        match self {
            Self::Roles => "/access/definitions/roles",
            Self::Policies => "/access/definitions/policies",
            Self::Users => "/access/definitions/users",
            Self::Projects => "/access/definitions/projects",
            Self::Identities => "/access/definitions/identities",
            Self::Authenticators => "/access/definitions/authenticators",
            Self::Hosts => "/access/definitions/hosts",
        }
    }
}
