//! The commands that use a key on data: `claviger encrypt`, `decrypt`, `sign`, `verify`, `mac`, `wrap`, `unwrap`, `derive`; and `random` and
//! `hash`, which use none.

mod cipher;
mod decrypt;
mod derive;
mod encrypt;
mod hash;
mod mac;
mod message;
mod method;
mod output;
mod random;
mod sign;
mod unwrap;
mod verify;
mod wrap;

use super::error::Error;
use super::report::Report;
use crate::client::Client;

/// Use keys on data
#[derive(clap::Subcommand)]
pub(super) enum Data {
    Encrypt(encrypt::Encrypt),
    Decrypt(decrypt::Decrypt),
    Sign(sign::Sign),
    Verify(verify::Verify),
    Mac(mac::Mac),
    Wrap(wrap::Wrap),
    Unwrap(unwrap::Unwrap),
    Derive(derive::Derive),
    Random(random::Random),
    Hash(hash::Hash),
}

impl Data {
    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        match self {
            Self::Encrypt(command) => command.run(client).await,
            Self::Decrypt(command) => command.run(client).await,
            Self::Sign(command) => command.run(client).await,
            Self::Verify(command) => command.run(client).await,
            Self::Mac(command) => command.run(client).await,
            Self::Wrap(command) => command.run(client).await,
            Self::Unwrap(command) => command.run(client).await,
            Self::Derive(command) => command.run(client).await,
            Self::Random(command) => command.run(client).await,
            Self::Hash(command) => command.run(client).await,
        }
    }
}
