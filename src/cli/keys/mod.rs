//! `claviger keys`: the lifecycle of keys of every kind.

mod activate;
mod create;
mod destroy;
mod export;
mod import;
mod list;
pub(super) mod material;
mod rekey;
mod revoke;
mod rotate_policy;
mod show;

pub(in crate::cli) use create::Terms;
pub(in crate::cli) use destroy::destroyed;
pub(in crate::cli) use export::written;
pub(in crate::cli) use list::{Filter, listed};
pub(in crate::cli) use material::armoured;
pub(in crate::cli) use revoke::Revocation;

use super::error::Error;
use super::report::Report;
use crate::client::Client;

/// Create, find, export, import, replace, revoke and destroy keys of every kind
#[derive(clap::Subcommand)]
pub(super) enum Keys {
    Create(create::Create),
    Import(import::Import),
    Export(export::Export),
    List(list::List),
    Show(show::Show),
    Activate(activate::Activate),
    Revoke(revoke::Revoke),
    Destroy(destroy::Destroy),
    Rekey(rekey::Rekey),
    RotatePolicy(rotate_policy::RotatePolicy),
}

impl Keys {
    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        match self {
            Self::Create(command) => command.run(client).await,
            Self::Import(command) => command.run(client).await,
            Self::Export(command) => command.run(client).await,
            Self::List(command) => command.run(client).await,
            Self::Show(command) => command.run(client).await,
            Self::Activate(command) => command.run(client).await,
            Self::Revoke(command) => command.run(client).await,
            Self::Destroy(command) => command.run(client).await,
            Self::Rekey(command) => command.run(client).await,
            Self::RotatePolicy(command) => command.run(client).await,
        }
    }
}
