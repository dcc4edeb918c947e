//! `claviger sym keys`: the life cycle of symmetric keys.

mod activate;
mod create;
mod destroy;
mod export;
mod format;
mod import;
mod locate;
mod new_key;
mod revoke;

pub(in crate::cli) use export::wrapped_so;
pub(in crate::cli) use import::length;

use crate::cli::error::Error;
use crate::cli::report::Report;
use crate::client::Client;

/// Create, find, export, import, revoke and destroy symmetric keys
#[derive(clap::Subcommand)]
pub(in crate::cli) enum Keys {
    Create(create::Create),
    Export(export::Export),
    Import(import::Import),
    Activate(activate::Activate),
    Revoke(revoke::Revoke),
    Destroy(destroy::Destroy),
    #[command(visible_alias = "locate")]
    List(locate::List),
}

impl Keys {
    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        match self {
            Self::Create(command) => command.run(client).await,
            Self::Export(command) => command.run(client).await,
            Self::Import(command) => command.run(client).await,
            Self::Activate(command) => command.run(client).await,
            Self::Revoke(command) => command.run(client).await,
            Self::Destroy(command) => command.run(client).await,
            Self::List(command) => command.run(client).await,
        }
    }
}
