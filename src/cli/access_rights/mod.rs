//! `claviger access-rights`: grants, owners, projects and definitions.

mod definitions;
mod explain;
mod grant;
mod held;
mod list;
mod ownership;
mod pages;
mod project;
mod recover;
mod which;

pub(super) use pages::{all, list_of};

use super::error::Error;
use super::report::Report;
use crate::client::Client;

/// Manage access: grants on objects, their owners and projects, and definitions of roles, policies and applications
#[derive(clap::Subcommand)]
pub(super) enum AccessRights {
    Grant(grant::Grant),
    Revoke(grant::Revoke),
    List(list::List),
    #[command(hide = true)]
    Owned(held::Owned),
    #[command(hide = true)]
    Obtained(held::Obtained),
    Transfer(ownership::Transfer),
    Accept(ownership::Accept),
    Decline(ownership::Decline),
    #[command(hide = true)]
    Offers(ownership::Offers),
    #[command(subcommand)]
    Recover(recover::Recover),
    Project(project::Project),
    Explain(explain::Explain),
    #[command(subcommand)]
    Definitions(definitions::Definitions),
}

impl AccessRights {
    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        match self {
            Self::Grant(command) => command.run(client).await,
            Self::Revoke(command) => command.run(client).await,
            Self::List(command) => command.run(client).await,
            Self::Owned(command) => command.run(client).await,
            Self::Obtained(command) => command.run(client).await,
            Self::Transfer(command) => command.run(client).await,
            Self::Accept(command) => command.run(client).await,
            Self::Decline(command) => command.run(client).await,
            Self::Offers(command) => command.run(client).await,
            Self::Recover(command) => command.run(client).await,
            Self::Project(command) => command.run(client).await,
            Self::Explain(command) => command.run(client).await,
            Self::Definitions(command) => command.run(client).await,
        }
    }
}
