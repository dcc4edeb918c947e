//! `claviger access-rights`: grants, owners, projects and definitions.

mod accept;
mod decline;
mod definitions;
mod explain;
mod grant;
mod grantee;
mod list;
mod obtained;
mod offers;
mod owned;
mod pages;
mod project;
mod recover;
mod revoke;
mod transfer;

pub(super) use pages::{all, list_of, text};

use super::error::Error;
use super::report::Report;
use crate::client::Client;

/// Manage access: grants on objects, their owners and projects, and definitions of roles, policies and applications
#[derive(clap::Subcommand)]
pub(super) enum AccessRights {
    Grant(grant::Grant),
    Revoke(revoke::Revoke),
    List(list::List),
    Owned(owned::Owned),
    Obtained(obtained::Obtained),
    Transfer(transfer::Transfer),
    Accept(accept::Accept),
    Decline(decline::Decline),
    Offers(offers::Offers),
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
