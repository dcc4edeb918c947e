//! `claviger secrets`: secret values, which the server keeps encrypted by keys of its HSM.

use std::path::PathBuf;

use clap::Subcommand;
use serde_json::json;

use super::account::Account;
use super::error::Error;
use super::report::Report;
use super::stream::Source;
use super::target::{Existing, Target};
use crate::client::{Client, segment};
use crate::secret::Bytes;

/// One byte more than the longest value.
const TOO_MUCH: usize = (64 << 10) + 1;

/// Manage named secrets; the last 20 values of each are kept
#[derive(Subcommand)]
pub(super) enum Secrets {
    Put(Put),
    Get(Get),
    Delete(Delete),
}

/// The name of a secret.
#[derive(clap::Args)]
struct Name {
    /// Name of the secret; it may contain slashes
    #[arg(value_name = "NAME", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    name: String,
    #[command(flatten)]
    account: Account,
}

/// Write a value of up to 64 KiB of any bytes; the first value creates the secret
///
/// For an account other than `default`, you need a role with write_secret in the project with the same name.
#[derive(clap::Args)]
pub(super) struct Put {
    #[command(flatten)]
    name: Name,
    /// File that holds the value; `-` for standard input
    #[arg(long, value_name = "FILE", default_value = "-")]
    file: PathBuf,
}

/// Print a value, or write it to a file that only you can read
#[derive(clap::Args)]
pub(super) struct Get {
    #[command(flatten)]
    name: Name,
    /// Number of the value, one of the last 20 [default: the last]
    #[arg(long, value_name = "N")]
    version: Option<u64>,
    /// File to write the value to, which is replaced if it exists; `-` for standard output
    #[arg(short, long, value_name = "FILE", default_value = "-")]
    output: PathBuf,
}

/// Remove a secret with its key and all its values; the name can be used again for another secret
#[derive(clap::Args)]
pub(super) struct Delete {
    #[command(flatten)]
    name: Name,
}

impl Name {
    fn path(&self) -> String {
        format!("/secrets/{}/variable/{}", segment(&self.account.name), segment(&self.name))
    }
}

impl Secrets {
    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        match self {
            Self::Put(Put { name, file }) => {
                // One byte more than allowed is read, so that the server refuses a value that is too long.
                let value = Source::open(&file)?.read(TOO_MUCH).await?;
                client.post_bytes(&name.path(), value).await?;
                Ok(Report::quiet(json!({ "name": name.name, "account": name.account.name })))
            }
            Self::Get(Get { name, version, output }) => {
                let query = version.map(|version| format!("?version={version}")).unwrap_or_default();
                let answer = client.get(&format!("{}{query}", name.path())).await?;
                let mut target = Target::create(&output, Existing::Replace)?;
                target.write(Bytes::from(&answer.body[..])).await?;
                target.finish()?;
                Ok(Report::none())
            }
            Self::Delete(Delete { name }) => {
                client.delete(&name.path()).await?;
                Ok(Report::quiet(json!({ "name": name.name, "account": name.account.name })))
            }
        }
    }
}
