//! `claviger access-rights definitions`

mod delete;
mod kind;
mod list;
mod put;

use crate::cli::error::Error;
use crate::cli::report::Report;
use crate::client::Client;

/// Manage roles, policies, users, projects, identities, authenticators and hosts; for administrators
#[derive(clap::Subcommand)]
pub(in crate::cli) enum Definitions {
    List(list::List),
    Put(put::Put),
    #[command(alias = "remove")]
    Delete(delete::Delete),
}

impl Definitions {
    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        match self {
            Self::List(command) => command.run(client).await,
            Self::Put(command) => command.run(client).await,
            Self::Delete(command) => command.run(client).await,
        }
    }
}
