//! `claviger version`

use serde_json::json;

use super::error::Error;
use super::report::Report;
use crate::api::about::{ServerInfo, Vault};
use crate::client::{self, Client};

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Print the version of this program, and of the server if it can be reached
///
/// With --auth-token, prints a table: the identifier of the vault, its version, the version of this program, and the
/// version of the database schema.
#[derive(clap::Args)]
pub(super) struct Version {
    /// Whether `--auth-token` is given, so that the server can be asked for details that need authentication.
    #[arg(skip)]
    has_token: bool,
}

impl Version {
    /// Returns the command with `has_token` set.
    pub(super) fn with_token(self, has_token: bool) -> Self {
        Self { has_token }
    }

    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        if self.has_token {
            return Ok(table(client.get_json("/api/pvlt/1.0/system/info/version").await?));
        }
        let own = format!("claviger {VERSION}");
        let url = client.url().to_string();
        match client.get_json::<ServerInfo>("/server-info").await {
            Ok(ServerInfo { version }) => {
                let json = json!({ "version": VERSION, "server": { "version": version, "url": url } });
                Ok(Report::new([own, format!("server {version} at {url}")], json))
            }
            // The version of this program is printed even if the server is unavailable.
            Err(client::Error::Http(error)) => {
                let json = json!({ "version": VERSION, "server": null, "reason": error.to_string() });
                Ok(Report::new([own, format!("server not reached: {error}")], json))
            }
            Err(error) => Err(error.into()),
        }
    }
}

fn table(vault: Vault) -> Report {
    let Vault { vault_id, vault_version, db_schema_version } = vault;
    let json = json!({
        "vault_id": vault_id, "vault_version": vault_version, "cli_version": VERSION,
        "db_schema_version": db_schema_version
    });
    let columns = [
        ("vault_id", vault_id),
        ("vault_version", vault_version.into_owned()),
        ("cli_version", VERSION.to_owned()),
        ("db_schema_version", db_schema_version.to_string()),
    ];
    let (mut rule, mut names, mut values) = ("+".to_owned(), "|".to_owned(), "|".to_owned());
    for (name, value) in columns {
        let width = name.len().max(value.chars().count());
        rule.push_str(&format!("{}+", "-".repeat(width + 2)));
        names.push_str(&format!(" {name:width$} |"));
        values.push_str(&format!(" {value:width$} |"));
    }
    Report::new([rule.clone(), names, rule.clone(), values, rule], json)
}
