//! `claviger secrets list`

use serde::{Deserialize, Serialize};

use crate::cli::account::Account;
use crate::cli::error::Error;
use crate::cli::report::Report;
use crate::cli::table;
use crate::client::{Client, segment};

/// Print the secrets that you have access to, without their values
#[derive(clap::Args)]
pub(in crate::cli) struct List {
    #[command(flatten)]
    account: Account,
}

/// An entry of the server's list.
#[derive(Deserialize)]
struct Entry {
    id: String,
    owner: Option<String>,
    #[serde(default)]
    permissions: Vec<Permission>,
    #[serde(default)]
    secrets: Vec<Version>,
}

#[derive(Deserialize)]
struct Permission {
    privilege: String,
}

#[derive(Deserialize)]
struct Version {
    version: u64,
}

/// A secret.
#[derive(Serialize)]
struct Secret {
    name: String,
    /// The number of the last value.
    version: Option<u64>,
    owner: Option<String>,
    /// What the caller may do.
    permitted: Vec<&'static str>,
}

impl List {
    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        let account = &self.account.name;
        let mut all: Vec<Secret> = Vec::new();
        loop {
            let path = format!("/resources/{}?kind=variable&offset={}", segment(account), all.len());
            let page: Vec<Entry> = client.get_json(&path).await?;
            if page.is_empty() {
                break;
            }
            all.extend(page.into_iter().map(|entry| secret(account, entry)));
        }
        let cells: Vec<[String; 4]> = all.iter().map(row).collect();
        Ok(Report::of(table::lines(["NAME", "VALUES", "OWNER", "YOU MAY"], &cells), &all))
    }
}

fn secret(account: &str, entry: Entry) -> Secret {
    let Entry { id, owner, permissions, secrets } = entry;
    let without = |text: &str, kind: &str| text.strip_prefix(&format!("{account}:{kind}:")).map(str::to_owned);
    let host = |owner: &str| without(owner, "host").map(|id| format!("host/{id}"));
    let owner = owner.map(|owner| without(&owner, "user").or_else(|| host(&owner)).unwrap_or(owner));
    let word = |permission: &Permission| match permission.privilege.as_str() {
        "execute" => Some("read_secret"),
        "update" => Some("write_secret"),
        _ => None,
    };
    Secret {
        name: without(&id, "variable").unwrap_or(id),
        version: secrets.iter().map(|value| value.version).max(),
        owner,
        permitted: permissions.iter().filter_map(word).collect(),
    }
}

fn row(secret: &Secret) -> [String; 4] {
    let Secret { name, version, owner, permitted } = secret;
    let version = version.map(|version| version.to_string()).unwrap_or_default();
    [name.clone(), version, owner.clone().unwrap_or_default(), permitted.join(", ")]
}
