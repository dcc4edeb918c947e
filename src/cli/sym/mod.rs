//! `claviger sym`: symmetric keys, encryption and decryption.

mod decrypt;
mod encrypt;
mod keys;

use super::error::Error;
use super::report::Report;
use crate::client::Client;

/// Manage symmetric keys, encrypt and decrypt files
#[derive(clap::Subcommand)]
pub(super) enum Sym {
    #[command(subcommand)]
    Keys(keys::Keys),
    Encrypt(encrypt::Encrypt),
    Decrypt(decrypt::Decrypt),
}

impl Sym {
    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        match self {
            Self::Keys(command) => command.run(client).await,
            Self::Encrypt(command) => command.run(client).await,
            Self::Decrypt(command) => command.run(client).await,
        }
    }
}
