//! The kinds of definitions.

/// A kind of definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Kind {
    /// Names for sets of capabilities and policies
    Roles,
    /// Rules that allow or deny operations
    Policies,
    /// Users with their roles
    Users,
    /// Sets of objects, with the roles of their members
    Projects,
    /// Applications that log in by JWTs or client secrets (as in Infisical)
    Identities,
    /// Issuers whose JWTs authenticate hosts (as in Conjur)
    Authenticators,
    /// Applications that log in by JWTs or API keys (as in Conjur)
    Hosts,
}

impl Kind {
    /// Returns the path of the definitions of this kind.
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
