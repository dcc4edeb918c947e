//! `claviger api-keys`: API keys of Conjur's hosts, for administrators.

use clap::Subcommand;
use serde_json::json;

use super::account::Account;
use super::error::Error;
use super::report::Report;
use crate::client::{Client, segment};

/// API keys, by which hosts of Conjur log in; for administrators
///
/// A host is an application, defined by `access-rights definitions put hosts`. It exchanges its API key for an access token, by
/// Conjur's clients or by `claviger login --host HOST`.
#[derive(Subcommand)]
pub(super) enum ApiKeys {
    Issue(Issue),
    Revoke(Revoke),
}

/// The host whose key it is.
#[derive(clap::Args)]
struct Host {
    /// The host's identifier, without `host/`
    #[arg(value_name = "HOST", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    host: String,
    #[command(flatten)]
    account: Account,
}

/// Give a host a new API key, and print it: it cannot be shown again, and the former one is refused from now on
#[derive(clap::Args)]
pub(super) struct Issue {
    #[command(flatten)]
    host: Host,
}

/// Take the API key of a host away; access tokens that it gave end within eight minutes
#[derive(clap::Args)]
pub(super) struct Revoke {
    #[command(flatten)]
    host: Host,
}

impl Host {
    fn path(&self) -> String {
        format!("/authn/{}/api_key?role={}", segment(&self.account.name), segment(&format!("host:{}", self.host)))
    }
}

impl ApiKeys {
    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        match self {
            Self::Issue(Issue { host }) => {
                let answer = client.put(&host.path()).await?;
                let key = std::str::from_utf8(&answer.body).map_err(|_| Error::Incomplete("API key"))?;
                Ok(Report::new([key.to_owned()], json!({ "host": host.host, "apiKey": key })))
            }
            Self::Revoke(Revoke { host }) => {
                client.delete(&host.path()).await?;
                Ok(Report::quiet(json!({ "host": host.host })))
            }
        }
    }
}
