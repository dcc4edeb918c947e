//! `claviger audit`

mod follow;
mod lines;
mod remote;
mod search;
mod tail;
mod verify;

use clap::Subcommand;

use super::error::Error;
use super::report::Report;
use crate::client::Client;

/// Read and verify the audit log
#[derive(Subcommand)]
pub(super) enum Audit {
    Verify(verify::Verify),
    Tail(tail::Tail),
    Search(search::Search),
    PublicKey(remote::PublicKey),
    Head(remote::Head),
}

impl Audit {
    /// Runs the command without a server if it only needs files. Returns `None` if it needs the server.
    pub(super) fn run_locally(&self) -> Option<Result<Report, Error>> {
        match self {
            Self::Verify(command) => Some(command.run()),
            Self::Tail(command) => command.run_locally(),
            Self::Search(command) => command.run_locally(),
            Self::PublicKey(_) | Self::Head(_) => None,
        }
    }

    /// Runs the command with the server.
    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        match self {
            Self::Verify(command) => command.run(),
            Self::Tail(command) => command.run(client).await,
            Self::Search(command) => command.run(client).await,
            Self::PublicKey(command) => command.run(client).await,
            Self::Head(command) => command.run(client).await,
        }
    }
}
