//! `claviger sym`: symmetric keys, encryption and decryption.

mod decrypt;
mod encrypt;
mod keys;

pub(super) use decrypt::Decrypt;
pub(super) use encrypt::{Encrypt, HexBytes};
pub(super) use keys::{length, wrapped_so};

use super::error::Error;
use super::named::{SYMMETRIC, resolve};
use super::report::Report;
use crate::client::Client;

/// Manage symmetric keys, encrypt and decrypt files
#[derive(clap::Subcommand)]
pub(super) enum Sym {
    #[command(subcommand)]
    Keys(keys::Keys),
    Encrypt(Encrypt),
    Decrypt(Decrypt),
}

impl Sym {
    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        match self {
            Self::Keys(command) => command.run(client).await,
            Self::Encrypt(mut command) => {
                command.key_id = resolve(client, &command.key_id, &SYMMETRIC).await?;
                command.run(client).await
            }
            Self::Decrypt(mut command) => {
                if let Some(key) = &mut command.key_id {
                    *key = resolve(client, key, &SYMMETRIC).await?;
                }
                command.run(client).await
            }
        }
    }
}
