//! `claviger sym keys`: the life of symmetric keys.

mod activate;
mod create;
mod destroy;
mod export;
mod format;
mod import;
mod locate;
mod new_key;
mod revoke;

use serde_json::json;

use crate::cli::{Error, Report};
use crate::client::Client;

/// Make, find, export and end symmetric keys
#[derive(clap::Subcommand)]
pub(in crate::cli) enum Keys {
    Create(create::Create),
    Export(export::Export),
    Import(import::Import),
    Activate(activate::Activate),
    Revoke(revoke::Revoke),
    Destroy(destroy::Destroy),
    Locate(locate::Locate),
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
            Self::Locate(command) => command.run(client).await,
        }
    }
}

/// What is said of a new key: its identifier, and nothing else.
fn made(unique_identifier: &str) -> Report {
    Report::new([unique_identifier.to_owned()], json!({ "unique_identifier": unique_identifier }))
}

/// What is said of a key that was changed.
fn changed(unique_identifier: &str) -> Report {
    Report::quiet(json!({ "unique_identifier": unique_identifier }))
}
