//! `claviger api-keys`: API keys of hosts (as in Conjur), for administrators.

use clap::Subcommand;
use serde_json::json;

use super::account::Account;
use super::confirmation::Confirmation;
use super::error::Error;
use super::report::Report;
use crate::client::{Client, segment};

/// Manage the API keys of hosts (as in Conjur); for administrators
///
/// A host is an application, defined by `access-rights definitions put hosts`. It exchanges its API key for an access
/// token, with Conjur's clients or with `claviger login --host HOST`.
#[derive(Subcommand)]
pub(super) enum ApiKeys {
    Issue(Issue),
    Revoke(Revoke),
}

/// The host of the API key.
#[derive(clap::Args)]
struct Host {
    /// Identifier of the host, without `host/`
    #[arg(value_name = "HOST", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    host: String,
    #[command(flatten)]
    account: Account,
}

/// Create a new API key for a host, and print it: it cannot be shown again, and the former one is no longer valid
#[derive(clap::Args)]
pub(super) struct Issue {
    #[command(flatten)]
    host: Host,
}

/// Revoke the API key of a host; access tokens that were obtained with it expire within eight minutes
#[derive(clap::Args)]
pub(super) struct Revoke {
    #[command(flatten)]
    host: Host,
    #[command(flatten)]
    confirmation: Confirmation,
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
            Self::Revoke(Revoke { host, confirmation }) => {
                confirmation
                    .ask("api-keys revoke", &format!("The API key of the host {} will be revoked.", host.host))?;
                client.delete(&host.path()).await?;
                Ok(Report::quiet(json!({ "host": host.host })))
            }
        }
    }
}
