//! The kinds of definitions.

use clap::ValueEnum as _;
use clap::builder::PossibleValue;

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
    pub(super) fn path(self) -> String {
        let word = self.to_possible_value();
        format!("/access/definitions/{}", word.as_ref().map_or("", PossibleValue::get_name))
    }
}
