//! `claviger access-rights definitions`

mod list;
mod put;
mod remove;

use crate::cli::{Error, Report};
use crate::client::Client;

/// Roles, policies, users, projects, identities, authenticators and hosts; for administrators
#[derive(clap::Subcommand)]
pub(in crate::cli) enum Definitions {
    List(list::List),
    Put(put::Put),
    Remove(remove::Remove),
}

/// A kind of definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Kind {
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
    fn path(self) -> &'static str {
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

impl Definitions {
    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        match self {
            Self::List(command) => command.run(client).await,
            Self::Put(command) => command.run(client).await,
            Self::Remove(command) => command.run(client).await,
        }
    }
}
